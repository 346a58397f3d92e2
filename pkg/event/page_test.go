package event_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

const referenceIntro = `# Fields

One table defines every field: its name in a rule is its column in SQL, its key in what ` + "`shrike parse`" + ` prints and in alerts. This page is
generated from it; a test keeps it true.

* Missing is the empty text, the address ` + "`::`" + `, NULL for numbers, booleans and times other than ` + "`event_time`" + `; in JSON the key is left out. 0 is a value.
* Times are UTC with nanoseconds, durations milliseconds, sizes bytes.
* ` + "`request`, `response` and `additional`" + ` are the log's own objects, keys as delivered; in SQL the columns ` + "`request_json` …" + ` hold their text.
* What a log has and no field holds is in ` + "`unmapped`" + `: in a rule ` + "`unmapped.a.b`" + `, in SQL ` + "`unmapped['a.b']`" + `; what it is made of is in ` + "`raw`" + `. Secrets are in neither: [REDACTION.md](REDACTION.md).
* *Formats* are those whose own test cases fill the field.

`

const alertIntro = `What rules found, for rules over alerts. Such an event exists in detection only: hunts have the table ` + "`alerts`" + `, whose
columns are named as the alert's own keys. ` + "`event_time`" + ` is when the rule fired with the severity, ` + "`native_id`" + ` the alert's id. Fields of logs are those
of the alert's group, or of its first event that shows one.`

// ocsfClasses are the classes of the Open Cybersecurity Schema Framework that ours answer to.
var ocsfClasses = map[event.Class]string{
	event.API: "API Activity 6003 (sign-ins: Authentication 3002; changes of users: Account Change 3001)", event.Flow: "Network Activity 4001",
	event.HTTP: "HTTP Activity 4002", event.DNS: "DNS Activity 4003", event.Alert: "Detection Finding 2004",
}

// reference returns docs/FIELDS.md. formats says which formats fill a field in a class, sorted.
func reference(formats func(c event.Class, field string) []string) string {
	var b strings.Builder
	b.WriteString(referenceIntro)
	b.WriteString("## Every class of logs\n\n")
	writeFields(&b, func(f *event.Field) bool { return !f.Meta && ofAllLogs(f) }, func(f *event.Field) []string {
		var all []string
		for _, c := range event.LogClasses() {
			all = append(all, formats(c, f.Name)...)
		}
		slices.Sort(all)
		return slices.Compact(all)
	})
	for _, c := range event.LogClasses() {
		fmt.Fprintf(&b, "\n## Class %s\n\nTable `%s`. OCSF: %s.\n\n", c, c, ocsfClasses[c])
		writeFields(&b, func(f *event.Field) bool { return !f.Meta && f.In(c) && !ofAllLogs(f) },
			func(f *event.Field) []string { return formats(c, f.Name) })
	}
	fmt.Fprintf(&b, "\n## Class alert\n\n%s OCSF: %s.\n\n", alertIntro, ocsfClasses[event.Alert])
	writeFields(&b, func(f *event.Field) bool { return !f.Meta && f.In(event.Alert) }, func(*event.Field) []string { return nil })
	b.WriteString("\n## What the pipeline adds\n\nColumns of every table; rules cannot use them.\n\n")
	writeFields(&b, func(f *event.Field) bool { return f.Meta }, func(f *event.Field) []string { return nil })
	writeMapping(&b, "ECS", "Elastic Common Schema to fields", func(f *event.Field) string { return f.ECS })
	writeMapping(&b, "OCSF", "OCSF to fields", func(f *event.Field) string { return f.OCSF })
	return b.String()
}

// ofAllLogs reports whether the events of every class of logs have the field.
func ofAllLogs(f *event.Field) bool {
	return !slices.ContainsFunc(event.LogClasses(), func(c event.Class) bool { return !f.In(c) })
}

func writeFields(b *strings.Builder, in func(*event.Field) bool, formats func(*event.Field) []string) {
	b.WriteString("| field | type | unit | meaning | ECS | OCSF | column | formats |\n|---|---|---|---|---|---|---|---|\n")
	for _, f := range event.Fields() {
		if !in(f) {
			continue
		}
		meaning := []string{f.Meaning}
		if len(f.Values) > 0 {
			meaning = append(meaning, "(one of: "+strings.Join(f.Values, ", ")+")")
		}
		for _, c := range f.Classes {
			if own, ok := f.ValuesOf[c]; ok {
				meaning = append(meaning, fmt.Sprintf("(in class %s one of: %s)", c, strings.Join(own, ", ")))
			}
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s | `%s` | %s |\n", f.Name, f.Type, f.Unit, cell(strings.Join(meaning, " ")), code(f.ECS), code(f.OCSF), f.SQL,
			strings.Join(formats(f), " "))
	}
}

// writeMapping writes the way back: what another schema's name is here.
func writeMapping(b *strings.Builder, name, title string, of func(*event.Field) string) {
	fmt.Fprintf(b, "\n## %s\n\n| %s | field | classes |\n|---|---|---|\n", title, name)
	mapped := slices.DeleteFunc(slices.Clone(event.Fields()), func(f *event.Field) bool { return of(f) == "" })
	slices.SortStableFunc(mapped, func(x, y *event.Field) int { return cmp.Compare(of(x), of(y)) })
	for _, f := range mapped {
		classes := make([]string, len(f.Classes))
		for i, c := range f.Classes {
			classes[i] = c.String()
		}
		fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", of(f), f.Name, strings.Join(classes, " "))
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
