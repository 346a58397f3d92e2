// Package azure reads the Azure Activity Log and what shares its envelope (sign-ins, audit and resource logs): records
// of Event Hubs and storage accounts, and the shape of the REST API. One JSON object a record.
//
// An event of class api comes out. One action writes several records, a start and an end with one correlation_id; only
// the end has an outcome. Names of operations and resources are in lower case, for the writer changes theirs from record
// to record. The actor is the directory's object id of the caller, which survives renaming. Start reading at table, then
// Parse. Properties are the event's additional, also where the record holds them as text; what no field holds is in
// unmapped under its dotted path: claims one by one, authorization.scope and .evidence, resultSignature, channels …
package azure

import (
	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format.
func Spec() format.Spec {
	return format.Spec{Name: "azure", Class: event.API, New: New, Version: 3, Sniff: sniff}
}

type parser struct {
	w      jsonrec.Walker
	table  *jsonrec.Schema
	status fastjson.Parser // of the message of a failure
}

// New returns a parser.
func New() format.Parser { return &parser{table: table()} }

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	p.w.Reset(event.API, r)
	if err := p.w.Walk(p.table, r.Raw); err != nil {
		return err
	}
	e := &p.w.Event
	if e.Text(event.NativeName) == "" {
		return format.Errorf(record.ReasonSyntax, "not a log of Azure: no operationName")
	}
	if err := p.w.Finish("time"); err != nil {
		return err
	}
	e.SetText(event.Provider, "azure")
	p.operation()
	p.resource()
	p.actor()
	p.origin()
	p.result()
	emit(e)
	return nil
}

// sniff knows the members of both shapes, whatever their order.
func sniff(raw []byte) int {
	if jsonrec.Has(raw, "operationName", "time", "resourceId") || jsonrec.Has(raw, "operationName", "eventTimestamp") {
		return 85
	}
	return 0
}
