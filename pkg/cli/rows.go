package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// rowPrinter prints rows of a query one after the other; end must be called last.
type rowPrinter interface {
	row(values []any) error
	end() error
}

func newRowPrinter(out io.Writer, output string, columns []string) rowPrinter {
	switch output {
	case "json":
		return &jsonRows{out, columns}
	case "csv":
		w := csv.NewWriter(out)
		_ = w.Write(columns) // csv's error stays until end
		return &csvRows{w, isTerminal(out)}
	}
	return &tableRows{newTable(out, columns...)}
}

type tableRows struct{ t table.Writer }

// widest is the longest cell of a table in characters; JSON and CSV show all.
const widest = 80

func (r *tableRows) row(values []any) error {
	row := make(table.Row, len(values))
	for i, v := range values {
		row[i] = short(cell(v), widest)
	}
	r.t.AppendRow(row)
	return nil
}

func (r *tableRows) end() error {
	r.t.Render()
	return nil
}

type csvRows struct {
	w        *csv.Writer
	terminal bool // it is a terminal that will read the values
}

func (r *csvRows) row(values []any) error {
	row := make([]string, len(values))
	for i, v := range values {
		if row[i] = cell(v); r.terminal {
			row[i] = printable(row[i])
		}
	}
	return r.w.Write(row)
}

func (r *csvRows) end() error {
	r.w.Flush()
	return r.w.Error()
}

type jsonRows struct {
	out     io.Writer
	columns []string
}

// row writes one object with its keys in the order of the columns.
func (r *jsonRows) row(values []any) error {
	var b strings.Builder
	b.WriteByte('{')
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(r.columns[i])
		if err != nil {
			return fmt.Errorf("encode column %s: %w", r.columns[i], err)
		}
		value, err := json.Marshal(jsonValue(v))
		if err != nil {
			return fmt.Errorf("encode column %s: %w", r.columns[i], err)
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteString("}\n")
	_, err := r.out.Write(harmless([]byte(b.String())))
	return err
}

func (r *jsonRows) end() error { return nil }

// jsonValue replaces what JSON cannot say. The rest store.Rows has made plain.
func jsonValue(v any) any {
	switch x := v.(type) {
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Sprint(x)
		}
	case []byte:
		return string(x)
	}
	return v
}

// cell is the text of one value; "" for NULL.
func cell(v any) string {
	switch x := jsonValue(v).(type) {
	case nil:
		return ""
	case string:
		return x
	case time.Time:
		return x.Format("2006-01-02 15:04:05.999999999")
	default:
		switch reflect.ValueOf(x).Kind() {
		case reflect.Slice, reflect.Map, reflect.Struct:
			if text, err := json.Marshal(x); err == nil {
				return string(text)
			}
		}
		return fmt.Sprint(x)
	}
}
