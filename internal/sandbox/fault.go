package sandbox

import (
	"fmt"
	"net/http"
)

// fault is an answer of the Web API that is an error.
type fault struct {
	status  int
	code    string
	message string
}

func (f *fault) Error() string { return f.code + " " + f.message }

// The codes of errors that the sandbox gives of itself.
const (
	codeOData             = "0x80060888"
	codeNotFound          = "0x80040217"
	codeInvalidArgument   = "0x80040203"
	codeEntityNotFound    = "0x80041102"
	codeAttributeNotFound = "0x80041103"
	codeAggregateLimit    = "0x8004e023"
	codePagingLimit       = "0x8004430a"
)

func badRequest(format string, args ...any) *fault {
	return &fault{http.StatusBadRequest, codeOData, fmt.Sprintf(format, args...)}
}

func noSegment(name string) *fault {
	return &fault{http.StatusNotFound, codeOData, fmt.Sprintf("Resource not found for the segment '%s'.", name)}
}

func noProperty(name, typeName string) *fault {
	return badRequest("Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'.", name, typeName)
}

// notHere refuses what Dataverse can do and the sandbox cannot.
func notHere(what string) *fault {
	return &fault{http.StatusNotImplemented, codeOData, "The sandbox does not support " + what + "."}
}

// body returns the JSON of the error. Callers that ask for all annotations
// get the details.
func (f *fault) body(p *preferences) []byte {
	e := object{{"code", f.code}, {"message", f.message}}
	if p != nil && p.annotates("Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus") {
		e = append(e,
			member{"@Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus", "0"},
			member{"@Microsoft.PowerApps.CDS.HelpLink", "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a" + f.code[2:] + "&client=platform"},
			member{"@Microsoft.PowerApps.CDS.TraceText", "\r\n[Microsoft.Crm.Sandbox: " + f.message + "]\r\n"},
			member{"@Microsoft.PowerApps.CDS.InnerError.Message", f.message},
		)
	}
	return appendJSON(nil, object{{"error", e}})
}
