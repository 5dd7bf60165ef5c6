package sandbox

import (
	"encoding/json"
	"strconv"
)

// language is the one language of the organization's labels.
const language = 1033

// label makes a Label. The empty text has none, as Dataverse answers for what
// nobody named.
func label(text string, id guid) object {
	if text == "" {
		return object{{"LocalizedLabels", []any{}}, {"UserLocalizedLabel", nil}}
	}
	one := object{
		{"Label", text},
		{"LanguageCode", language},
		{"IsManaged", true},
		{"MetadataId", nameGUID("label", id.String(), text)},
		{"HasChanged", nil},
	}
	return object{{"LocalizedLabels", []any{one}}, {"UserLocalizedLabel", one}}
}

// managed makes a managed property.
func managed(v bool, name string) object {
	return object{{"Value", v}, {"CanBeChanged", true}, {"ManagedPropertyLogicalName", name}}
}

// orNull returns a member of raw metadata, null where it is left out.
func orNull(o object, name string) member { return member{name, o.get(name)} }

// orFalse returns a member of raw metadata, false where it is left out.
func orFalse(o object, name string) member { return member{name, o.bool(name)} }

func entityItem(e *entity) item {
	r := e.raw
	o := object{orNull(r, "ActivityTypeMask")}
	for _, name := range []string{
		"IsActivity", "IsActivityParty", "ChangeTrackingEnabled", "IsCustomEntity", "IsManaged", "IsIntersect", "IsPrivate", "IsLogicalEntity",
		"IsValidForAdvancedFind", "IsOptimisticConcurrencyEnabled", "IsStateModelAware", "EnforceStateTransitions", "HasActivities", "HasNotes",
		"HasFeedback", "IsBPFEntity", "IsChildEntity", "IsDocumentManagementEnabled", "IsKnowledgeManagementEnabled", "IsEnabledForExternalChannels",
		"SyncToExternalSearchIndex", "UsesBusinessDataLabelTable", "IsSolutionAware", "IsRetentionEnabled", "IsArchivalEnabled",
	} {
		o = append(o, orFalse(r, name))
	}
	o = append(o,
		member{"LogicalName", e.name},
		member{"SchemaName", e.schemaName},
		member{"EntitySetName", e.set},
		orNull(r, "LogicalCollectionName"),
		orNull(r, "CollectionSchemaName"),
		member{"PrimaryIdAttribute", e.key.name},
		orNull(r, "PrimaryNameAttribute"),
		orNull(r, "PrimaryImageAttribute"),
		member{"ObjectTypeCode", json.Number(strconv.FormatInt(e.typeCode, 10))},
		orNull(r, "OwnershipType"),
		orNull(r, "TableType"),
		orNull(r, "DataProviderId"),
		orNull(r, "DataSourceId"),
		orNull(r, "ExternalName"),
		orNull(r, "EntityColor"),
		orNull(r, "ReportViewName"),
		orNull(r, "RecurrenceBaseEntityLogicalName"),
		orNull(r, "DaysSinceRecordLastModified"),
		orNull(r, "IntroducedVersion"),
		member{"CreatedOn", "2018-01-01T08:00:00Z"},
		member{"ModifiedOn", "2018-01-01T08:00:00Z"},
		member{"MetadataId", e.id},
		member{"HasChanged", nil},
		member{"Description", label("", e.id)},
		member{"DisplayName", label(r.text("DisplayName"), e.id)},
		member{"DisplayCollectionName", label(r.text("DisplayCollectionName"), e.id)},
		member{"CanChangeTrackingBeEnabled", managed(r.bool("CanChangeTrackingBeEnabled"), "canchangetrackingbeenabled")},
		member{"CanCreateAttributes", managed(r.bool("CanCreateAttributes"), "cancreateattributes")},
		member{"IsAuditEnabled", managed(r.bool("IsAuditEnabled"), "canmodifyauditsettings")},
		member{"IsCustomizable", managed(r.bool("IsCustomizable"), "iscustomizable")},
	)
	var privileges []any
	for _, v := range r.list("Privileges") {
		p := v.(object)
		privileges = append(privileges, object{
			{"CanBeBasic", true},
			{"CanBeDeep", true},
			{"CanBeEntityReference", false},
			{"CanBeGlobal", true},
			{"CanBeLocal", true},
			{"CanBeParentEntityReference", false},
			{"CanBeRecordFilter", false},
			orNull(p, "Name"), orNull(p, "PrivilegeId"), orNull(p, "PrivilegeType"),
		})
	}
	o = append(o, member{"Privileges", append([]any{}, privileges...)}, member{"Settings", []any{}})
	return item{base: o, expand: func(part string) any { return definitionItems(e, part) }}
}

// definitionItems returns what hangs on an entity.
func definitionItems(e *entity, part string) []item {
	items := []item{}
	if part == "Attributes" {
		for a := range e.described() {
			items = append(items, attributeItem(e, a))
		}
		return items
	}
	for _, v := range e.raw.list(part) {
		r := v.(object)
		if part == "Keys" {
			items = append(items, keyItem(e, r))
			continue
		}
		kind := oneToMany
		if part == "ManyToManyRelationships" {
			kind = manyToMany
		}
		it := relationshipItem(r, kind)
		items = append(items, item{base: append(it.base, it.more...)}) // declared as the derived type
	}
	return items
}

// derived lists the properties that each derived type of attribute adds.
var derived = map[string][]string{
	"StringAttributeMetadata": {
		"Format", "FormatName", "ImeMode", "MaxLength", "YomiOf", "IsLocalizable", "DatabaseLength",
		"FormulaDefinition", "SourceTypeMask",
	},
	"MemoAttributeMetadata":                {"Format", "FormatName", "ImeMode", "MaxLength", "IsLocalizable"},
	"IntegerAttributeMetadata":             {"Format", "MaxValue", "MinValue", "FormulaDefinition", "SourceTypeMask"},
	"BigIntAttributeMetadata":              {"MaxValue", "MinValue"},
	"DecimalAttributeMetadata":             {"MaxValue", "MinValue", "Precision", "ImeMode", "FormulaDefinition", "SourceTypeMask"},
	"DoubleAttributeMetadata":              {"ImeMode", "MaxValue", "MinValue", "Precision"},
	"MoneyAttributeMetadata":               {"ImeMode", "MaxValue", "MinValue", "Precision", "PrecisionSource", "CalculationOf", "IsBaseCurrency", "FormulaDefinition", "SourceTypeMask"},
	"BooleanAttributeMetadata":             {"DefaultValue", "FormulaDefinition", "SourceTypeMask"},
	"DateTimeAttributeMetadata":            {"MinSupportedValue", "MaxSupportedValue", "Format", "ImeMode", "SourceTypeMask", "FormulaDefinition", "DateTimeBehavior", "CanChangeDateTimeBehavior"},
	"LookupAttributeMetadata":              {"Targets", "Format"},
	"PicklistAttributeMetadata":            {"DefaultFormValue", "FormulaDefinition", "SourceTypeMask", "ParentPicklistLogicalName", "ChildPicklistLogicalNames"},
	"MultiSelectPicklistAttributeMetadata": {"DefaultFormValue", "FormulaDefinition", "SourceTypeMask", "ParentPicklistLogicalName", "ChildPicklistLogicalNames"},
	"StateAttributeMetadata":               {"DefaultFormValue"},
	"StatusAttributeMetadata":              {"DefaultFormValue"},
	"EntityNameAttributeMetadata":          {"IsEntityReferenceStored", "DefaultFormValue"},
	"ImageAttributeMetadata":               {"IsPrimaryImage", "MaxHeight", "MaxWidth", "MaxSizeInKB", "CanStoreFullImage"},
	"ManagedPropertyAttributeMetadata":     {"ManagedPropertyLogicalName", "ValueAttributeTypeCode"},
	"FileAttributeMetadata":                {"MaxSizeInKB"},
	"UniqueIdentifierAttributeMetadata":    {},
}

func attributeItem(e *entity, a *attribute) item {
	r := a.raw
	o := object{
		orNull(r, "AttributeOf"),
		orNull(r, "AttributeType"),
		orNull(r, "ColumnNumber"),
		orNull(r, "DeprecatedVersion"),
		member{"IntroducedVersion", "5.0.0.0"},
		member{"EntityLogicalName", e.name},
	}
	for _, name := range []string{
		"IsCustomAttribute", "IsPrimaryId", "IsValidODataAttribute", "IsPrimaryName", "IsValidForCreate", "IsValidForRead", "IsValidForUpdate",
		"CanBeSecuredForRead", "CanBeSecuredForCreate", "CanBeSecuredForUpdate", "IsSecured", "IsRetrievable", "IsFilterable", "IsSearchable",
		"IsManaged", "IsLogical", "IsDataSourceSecret", "IsRequiredForForm", "IsValidForForm", "IsValidForGrid",
	} {
		o = append(o, orFalse(r, name))
	}
	required := r.text("RequiredLevel")
	if required == "" {
		required = "None"
	}
	o = append(o,
		member{"LinkedAttributeId", nil},
		member{"LogicalName", a.name},
		orNull(r, "SchemaName"),
		orNull(r, "InheritsFrom"),
		member{"CreatedOn", "2018-01-01T08:00:00Z"},
		member{"ModifiedOn", "2018-01-01T08:00:00Z"},
		orNull(r, "SourceType"),
		orNull(r, "ExternalName"),
		member{"AutoNumberFormat", ""},
		member{"MetadataId", a.id},
		member{"HasChanged", nil},
		member{"AttributeTypeName", object{{"Value", a.typeName}}},
		member{"Description", label("", a.id)},
		member{"DisplayName", label(r.text("DisplayName"), a.id)},
		member{"IsAuditEnabled", managed(false, "canmodifyauditsettings")},
		member{"IsGlobalFilterEnabled", managed(false, "canmodifyglobalfiltersettings")},
		member{"IsSortableEnabled", managed(false, "canmodifyissortablesettings")},
		member{"IsCustomizable", managed(true, "iscustomizable")},
		member{"IsRenameable", managed(true, "isrenameable")},
		member{"IsValidForAdvancedFind", managed(true, "canmodifysearchsettings")},
		member{"RequiredLevel", object{{"Value", required}, {"CanBeChanged", true}, {"ManagedPropertyLogicalName", "canmodifyrequirementlevelsettings"}}},
		member{"CanModifyAdditionalSettings", managed(true, "canmodifyadditionalsettings")},
		member{"Settings", []any{}},
	)
	var more object
	for _, name := range derived[a.cast] {
		m := orNull(r, name)
		switch name {
		case "FormatName", "DateTimeBehavior":
			if text := r.text(name); text != "" {
				m.value = object{{"Value", text}}
			}
		case "CanChangeDateTimeBehavior":
			m.value = managed(false, "canchangedatetimebehavior")
		case "MinSupportedValue":
			m.value = "1753-01-01T00:00:00Z"
		case "MaxSupportedValue":
			m.value = "9999-12-30T23:59:59Z"
		case "SourceTypeMask":
			m.value = json.Number("0")
		case "IsLocalizable", "IsBaseCurrency", "IsPrimaryImage", "CanStoreFullImage", "DefaultValue", "IsEntityReferenceStored":
			m.value = r.bool(name)
		case "ChildPicklistLogicalNames", "Targets":
			m.value = append([]any{}, r.list(name)...)
		}
		more = append(more, m)
	}
	return item{cast: a.cast, base: o, more: more, expand: func(part string) any {
		if part == "GlobalOptionSet" && !r.object("OptionSet").bool("IsGlobal") {
			return object(nil)
		}
		return optionSetObject(a)
	}}
}

func optionSetType(a *attribute) string {
	if a.typeName == "BooleanType" {
		return "BooleanOptionSetMetadata"
	}
	return "OptionSetMetadata"
}

// optionSetObject makes the option set of a choice, nil for other attributes.
func optionSetObject(a *attribute) object {
	set := a.raw.object("OptionSet")
	if set == nil {
		return nil
	}
	id, _ := parseGUID(set.text("MetadataId"))
	o := object{
		{"MetadataId", id},
		{"HasChanged", nil},
		{"IsCustomOptionSet", false},
		orFalse(set, "IsGlobal"),
		{"IsManaged", true},
		{"IntroducedVersion", "5.0.0.0"},
		orNull(set, "Name"),
		{"ExternalTypeName", nil},
		orNull(set, "OptionSetType"),
		{"DisplayName", label(a.raw.text("DisplayName"), id)},
		{"Description", label("", id)},
		{"IsCustomizable", managed(true, "iscustomizable")},
	}
	if a.typeName == "BooleanType" {
		return append(o,
			member{"TrueOption", optionObject(a, set.object("TrueOption"), id)},
			member{"FalseOption", optionObject(a, set.object("FalseOption"), id)})
	}
	options := []any{}
	for _, v := range set.list("Options") {
		options = append(options, optionObject(a, v.(object), id))
	}
	return append(o, member{"ParentOptionSetName", nil}, member{"Options", options})
}

func optionObject(a *attribute, r object, set guid) object {
	var o object
	switch a.typeName {
	case "StateType":
		o = append(o, member{"@odata.type", "#Microsoft.Dynamics.CRM.StateOptionMetadata"})
	case "StatusType":
		o = append(o, member{"@odata.type", "#Microsoft.Dynamics.CRM.StatusOptionMetadata"})
	}
	o = append(o, orNull(r, "Value"), member{"Color", nil}, member{"IsManaged", true}, member{"ExternalValue", nil},
		member{"ParentValues", []any{}}, member{"Tag", nil}, member{"IsHidden", false}, member{"MetadataId", nil}, member{"HasChanged", nil})
	switch a.typeName {
	case "StateType":
		o = append(o, orNull(r, "DefaultStatus"), orNull(r, "InvariantName"))
	case "StatusType":
		o = append(o, orNull(r, "State"), member{"TransitionData", nil})
	}
	return append(o, member{"Label", label(r.text("Label"), set)}, member{"Description", label("", set)})
}
