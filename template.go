package crosswalk

// The names of the job templates.
const (
	TemplateCompanySync       = "company_sync"
	TemplateCompanyPersonSync = "company_person_sync"
	TemplateOpportunitySync   = "opportunity_sync"
	TemplateCaseSync          = "case_sync"
)

// Template is a job ready to be made for a connection.
type Template struct {
	Name        string
	Title       string
	Description string
	Objects     []ObjectDefinition // custom objects that the job needs
	Job         Job
}

// Templates returns the templates of a connection in the order in which their
// jobs should first run: each fills what the lookups of the next ones lead to.
// User Sync is not among them, since every connection has it.
func Templates(connectionID, connectionName string) []Template {
	templates := []Template{
		{
			Name: TemplateCompanySync, Title: "Company Sync",
			Description: "Accounts to Company, with the CSM from the owner and the parent company.",
			Job:         companySync(),
		},
		{
			Name: TemplateCompanyPersonSync, Title: "Company Person Sync",
			Description: "Contacts to Company Person. The person is found by the e-mail address, or made.",
			Job:         companyPersonSync(),
		},
		{
			Name: TemplateOpportunitySync, Title: "Opportunity Sync",
			Description: "Opportunities to a custom object, with the customer's name and company.",
			Objects:     []ObjectDefinition{opportunity()},
			Job:         opportunitySync(),
		},
		{
			Name: TemplateCaseSync, Title: "Case Sync",
			Description: "Cases to a custom object, with the customer's name and company.",
			Objects:     []ObjectDefinition{supportCase()},
			Job:         caseSync(),
		},
	}
	for i := range templates {
		j := &templates[i].Job
		j.Name = templates[i].Title + "_" + connectionName
		j.ConnectionID, j.Operation, j.LoadMode = connectionID, OperationUpsert, LoadIncremental
	}
	return templates
}

// companySync finds the CSM and the parent by the ids that User Sync and the job
// itself store as External ID.
func companySync() Job {
	return Job{
		Entity: "account",
		Object: "Company",
		Mapping: Mapping{
			Fields: []FieldMapping{
				{Source: "accountid", Target: "External_ID", Identifier: true},
				{Source: "name", Target: "Name"},
				{Source: "accountnumber", Target: "Account_Number"},
				{Source: "industrycode", Label: true, Target: "Industry"},
				{Source: "numberofemployees", Target: "Employees"},
				{Source: "revenue", Target: "Annual_Revenue"},
				{Source: "statecode", Label: true, Target: "Status"},
				{Source: "telephone1", Target: "Phone"},
				{Source: "websiteurl", Target: "Website"},
				{Source: "address1_city", Target: "City"},
				{Source: "address1_country", Target: "Country"},
				{Source: "description", Target: "Description"},
				{Source: "createdon", Target: "Source_Created_On"},
				{Source: "modifiedon", Target: "Source_Modified_On"},
			},
			Derived: []DerivedMapping{
				{Target: "CSM", Match: []MatchPair{{Source: "ownerid", Field: "External_ID"}}},
				{Target: "Parent_Company", Match: []MatchPair{{Source: "parentaccountid", Field: "External_ID"}}},
			},
		},
	}
}

// companyPersonSync leaves out contacts that cannot become a company person:
// those without a company or without an e-mail address.
func companyPersonSync() Job {
	return Job{
		Entity: "contact",
		Object: "Company_Person",
		Mapping: Mapping{
			Fields: []FieldMapping{
				{Source: "contactid", Target: "External_ID"},
				{Source: "fullname", Target: "Name"},
				{Source: "jobtitle", Target: "Title"},
				{Source: "emailaddress1", Target: "Email"},
				{Formula: "statecode == 0", Target: "Is_Active"},
			},
			Derived: []DerivedMapping{
				{Target: "Company", Match: []MatchPair{{Source: "parentcustomerid", Field: "External_ID"}}, OnNone: NoneReject},
			},
			Person: &PersonMapping{
				Match: "Email",
				Fields: []FieldMapping{
					{Source: "emailaddress1", Target: "Email"},
					{Source: "fullname", Target: "Name"},
					{Source: "firstname", Target: "First_Name"},
					{Source: "lastname", Target: "Last_Name"},
					{Source: "telephone1", Fallback: []string{"mobilephone"}, Target: "Phone"},
				},
			},
		},
		Filter: Filter{Conditions: []Condition{
			{Attribute: "emailaddress1", Operator: IsNotNull},
			{Attribute: "parentcustomerid(account).accountid", Operator: IsNotNull},
		}},
	}
}

func opportunity() ObjectDefinition {
	return ObjectDefinition{
		DisplayName: "Opportunity",
		Fields: []FieldDefinition{
			{DisplayName: "Name", Type: FieldString, MaxLength: 300},
			{DisplayName: "External ID", Type: FieldString, MaxLength: 100},
			{DisplayName: "Customer Name", Type: FieldString, MaxLength: 250},
			{DisplayName: "Company", Type: FieldLookup, Lookup: "Company"},
			{DisplayName: "Owner", Type: FieldLookup, Lookup: "User"},
			{DisplayName: "Status", Type: FieldDropdown, MaxLength: 100},
			{DisplayName: "Rating", Type: FieldDropdown, MaxLength: 100},
			{DisplayName: "Probability", Type: FieldPercentage},
			{DisplayName: "Estimated Value", Type: FieldCurrency, Decimals: 4},
			{DisplayName: "Actual Value", Type: FieldCurrency, Decimals: 4},
			{DisplayName: "Estimated Close Date", Type: FieldDate},
			{DisplayName: "Actual Close Date", Type: FieldDate},
			{DisplayName: "Description", Type: FieldRichText},
			{DisplayName: "Source Created On", Type: FieldDateTime},
			{DisplayName: "Source Modified On", Type: FieldDateTime},
		},
	}
}

func opportunitySync() Job {
	return Job{
		Entity: "opportunity",
		Object: "Opportunity__gc",
		Mapping: Mapping{
			Fields: []FieldMapping{
				{Source: "opportunityid", Target: "External_ID__gc", Identifier: true},
				{Source: "name", Target: "Name__gc"},
				{Source: "customerid(account).name", Fallback: []string{"customerid(contact).fullname"}, Target: "Customer_Name__gc"},
				{Source: "statecode", Label: true, Target: "Status__gc"},
				{Source: "opportunityratingcode", Label: true, Target: "Rating__gc"},
				{Source: "closeprobability", Target: "Probability__gc"},
				{Source: "estimatedvalue", Target: "Estimated_Value__gc"},
				{Source: "actualvalue", Target: "Actual_Value__gc"},
				{Source: "estimatedclosedate", Target: "Estimated_Close_Date__gc"},
				{Source: "actualclosedate", Target: "Actual_Close_Date__gc"},
				{Source: "description", Target: "Description__gc"},
				{Source: "createdon", Target: "Source_Created_On__gc"},
				{Source: "modifiedon", Target: "Source_Modified_On__gc"},
			},
			Derived: customerAndOwner(),
		},
	}
}

func supportCase() ObjectDefinition {
	return ObjectDefinition{
		DisplayName: "Case",
		Fields: []FieldDefinition{
			{DisplayName: "Title", Type: FieldString, MaxLength: 300},
			{DisplayName: "External ID", Type: FieldString, MaxLength: 100},
			{DisplayName: "Case Number", Type: FieldString, MaxLength: 100},
			{DisplayName: "Customer Name", Type: FieldString, MaxLength: 250},
			{DisplayName: "Company", Type: FieldLookup, Lookup: "Company"},
			{DisplayName: "Owner", Type: FieldLookup, Lookup: "User"},
			{DisplayName: "Status", Type: FieldDropdown, MaxLength: 100},
			{DisplayName: "Status Reason", Type: FieldDropdown, MaxLength: 100},
			{DisplayName: "Priority", Type: FieldDropdown, MaxLength: 100},
			{DisplayName: "Origin", Type: FieldDropdown, MaxLength: 100},
			{DisplayName: "Description", Type: FieldRichText},
			{DisplayName: "Source Created On", Type: FieldDateTime},
			{DisplayName: "Source Modified On", Type: FieldDateTime},
		},
	}
}

func caseSync() Job {
	return Job{
		Entity: "incident",
		Object: "Case__gc",
		Mapping: Mapping{
			Fields: []FieldMapping{
				{Source: "incidentid", Target: "External_ID__gc", Identifier: true},
				{Source: "title", Target: "Title__gc"},
				{Source: "ticketnumber", Target: "Case_Number__gc"},
				{Source: "customerid(account).name", Fallback: []string{"customerid(contact).fullname"}, Target: "Customer_Name__gc"},
				{Source: "statecode", Label: true, Target: "Status__gc"},
				{Source: "statuscode", Label: true, Target: "Status_Reason__gc"},
				{Source: "prioritycode", Label: true, Target: "Priority__gc"},
				{Source: "caseorigincode", Label: true, Target: "Origin__gc"},
				{Source: "description", Target: "Description__gc"},
				{Source: "createdon", Target: "Source_Created_On__gc"},
				{Source: "modifiedon", Target: "Source_Modified_On__gc"},
			},
			Derived: customerAndOwner(),
		},
	}
}

// customerAndOwner finds the company by the customer, or by the company of the
// contact that is the customer, and the user by the owner.
func customerAndOwner() []DerivedMapping {
	return []DerivedMapping{
		{Target: "Company__gc", Match: []MatchPair{{
			Source: "customerid(account).accountid", Fallback: []string{"customerid(contact).parentcustomerid"}, Field: "External_ID",
		}}},
		{Target: "Owner__gc", Match: []MatchPair{{Source: "ownerid", Field: "External_ID"}}},
	}
}
