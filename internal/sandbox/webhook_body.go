package sandbox

import (
	"strconv"
	"time"
)

// The names that the data contracts of the SDK have in JSON.
const contractTypes = ":http://schemas.microsoft.com/xrm/2011/Contracts"

// contractValue returns a value as the context of a webhook tells it.
func contractValue(d *dataset, a *attribute, c *cell) any {
	var v value
	c.read(d, &v)
	if v.kind == kindNull {
		return nil
	}
	switch a.typeName {
	case "PicklistType", "StateType", "StatusType":
		return object{{"__type", "OptionSetValue" + contractTypes}, {"Value", v.n}}
	case "MoneyType":
		return object{{"__type", "Money" + contractTypes}, {"Value", rawJSON(v.append(nil))}}
	case "LookupType", "CustomerType", "OwnerType":
		return entityReference(v.target, v.id)
	case "DateTimeType":
		seconds := v.n
		if v.kind == kindDate {
			seconds *= 86400
		}
		return contractTime(time.Unix(seconds, 0))
	}
	return rawJSON(v.append(nil))
}

func contractTime(at time.Time) string {
	return "/Date(" + strconv.FormatInt(at.UnixMilli(), 10) + "+0000)/"
}

func entityReference(name string, id guid) object {
	return object{
		{"__type", "EntityReference" + contractTypes}, {"Id", id}, {"KeyAttributes", []any{}}, {"LogicalName", name}, {"Name", nil}, {"RowVersion", nil},
	}
}

// removedWhenLarge are the members that a context over the limit lacks.
var removedWhenLarge = []string{"ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages"}

// context returns the body of the call of a webhook: the remote execution
// context.
func (e *event) context(s *Sandbox, h *hook, operation guid, at time.Time) object {
	var target any = entityReference(e.table, e.id)
	output := []any{}
	if e.message != "Delete" {
		attributes := []any{}
		for _, a := range e.values {
			attributes = append(attributes, object{{"key", a.name}, {"value", a.value}})
		}
		target = object{
			{"__type", "Entity" + contractTypes},
			{"Attributes", attributes},
			{"EntityState", nil},
			{"FormattedValues", []any{}},
			{"Id", e.id},
			{"KeyAttributes", []any{}},
			{"LogicalName", e.table},
			{"RelatedEntities", []any{}},
			{"RowVersion", nil},
		}
	}
	if e.message == "Create" {
		output = append(output, object{{"key", "id"}, {"value", e.id}})
	}
	return object{
		{"BusinessUnitId", e.unit},
		{"CorrelationId", e.request},
		{"Depth", 1},
		{"InitiatingUserId", e.actor},
		{"InputParameters", []any{object{{"key", "Target"}, {"value", target}}}},
		{"IsExecutingOffline", false},
		{"IsInTransaction", false},
		{"IsOfflinePlayback", false},
		{"IsolationMode", 1},
		{"MessageName", e.message},
		{"Mode", 1},
		{"OperationCreatedOn", contractTime(at)},
		{"OperationId", operation},
		{"OrganizationId", s.org},
		{"OrganizationName", uniqueName},
		{"OutputParameters", output},
		{"OwningExtension", object{{"Id", h.step}, {"KeyAttributes", []any{}}, {"LogicalName", "sdkmessageprocessingstep"}, {"Name", h.stepName}, {"RowVersion", nil}}},
		{"ParentContext", nil},
		{"PostEntityImages", []any{}},
		{"PreEntityImages", []any{}},
		{"PrimaryEntityId", e.id},
		{"PrimaryEntityName", e.table},
		{"RequestId", e.request},
		{"SecondaryEntityName", "none"},
		{"SharedVariables", []any{}},
		{"Stage", h.stage},
		{"UserId", e.user},
	}
}
