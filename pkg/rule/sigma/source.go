package sigma

import (
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/shrike-sec/shrike/pkg/event"
)

// source is a log source of Sigma's that we have, and what its fields are here.
type source struct {
	name     string // for messages
	class    event.Class
	provider string // the one whose logs are meant; "" for any
	servers  bool   // those of Apache or nginx are meant
	fields   map[string]operand
	objects  map[string]string // prefix of Sigma's fields to an object of ours
	drop     []string          // prefixes that names of fields may have before them
	group    []string
	show     []string
	dash     bool // its logs write - for nothing

	alerts *draft // for alerts of a correlation: the correlation
}

// sourceOf returns the log source that a rule names.
func sourceOf(n *node, at place) (*source, error) {
	if n == nil || n.kind != mapping {
		return nil, refuse(at, "the rule has no logsource")
	}
	product, service, category := strings.ToLower(n.textOf("product")), strings.ToLower(n.textOf("service")), strings.ToLower(n.textOf("category"))
	if product == "" && category == "" {
		product = vendors[service]
	}
	switch {
	case product == "aws" && (service == "cloudtrail" || service == "" && category == ""):
		return cloudTrail(), nil
	case product == "aws" && (service == "vpcflow" || service == "vpc_flow"), category == "firewall" && (product == "" || product == "aws"):
		return flows(product), nil
	case product == "aws" && strings.HasPrefix(service, "route53"), category == "dns" && (product == "" || product == "aws"):
		return resolver(product), nil
	case product == "azure" && (service == "activitylogs" || service == "azureactivity"):
		return azure(), nil
	case product == "gcp" && (service == "gcp.audit" || service == "audit"):
		return gcp(), nil
	case category == "webserver" || category == "proxy", product == "" && category == "" && (service == "nginx" || service == "apache"):
		return web(category, product, service, n.at)
	}
	return nil, &refusal{
		at: n.at, message: "no class of ours has the events of logsource " + logsource(product, service, category),
		hint: meantSource(product, service, category),
	}
}

// vendors are the products of services that have one only: many rules name no more than those.
var vendors = map[string]string{
	"cloudtrail": "aws", "vpcflow": "aws", "activitylogs": "azure", "azureactivity": "azure", "gcp.audit": "gcp",
}

// sources are the words of the log sources that are read.
var sources = []struct {
	key   string
	words []string
}{
	{"product", []string{"aws", "azure", "gcp"}},
	{"category", []string{"webserver", "proxy", "firewall", "dns"}},
	{"service", []string{"cloudtrail", "vpcflow", "route53", "activitylogs", "gcp.audit", "nginx", "apache"}},
}

// meantSource returns the entry of a logsource that one that is not read most likely stands for, quoted, or "".
func meantSource(product, service, category string) string {
	for i, word := range []string{product, category, service} {
		if word == "" || slices.Contains(sources[i].words, word) {
			continue
		}
		for _, s := range sources {
			if slices.Contains(s.words, word) {
				return quoted(s.key + ": " + word)
			}
		}
		if near := nearest(word, sources[i].words); near != "" {
			return quoted(sources[i].key + ": " + strings.Trim(near, `"`))
		}
	}
	return ""
}

func logsource(product, service, category string) string {
	var parts []string
	for _, p := range [][2]string{{"product", product}, {"category", category}, {"service", service}} {
		if p[1] != "" {
			parts = append(parts, p[0]+" "+p[1])
		}
	}
	return strings.Join(parts, ", ")
}

// base is what has to hold for an event to be of the source, beside its class.
func (s *source) base(e expression) expression {
	switch {
	case s.servers: // most lines of one could be the other's, so that the parsers cannot tell them apart
		return and(compared(`format in ["apache", "nginx"]`, ""), e)
	case s.provider != "" && !e.says(s.provider):
		return and(compared("provider == "+quoted(s.provider), ""), e)
	}
	return e
}

// operand returns what a field of the source is here.
func (s *source) operand(name string, at place) (operand, error) {
	if s.alerts != nil {
		return s.ofAlert(name, at)
	}
	for _, prefix := range s.drop {
		name = strings.TrimPrefix(name, prefix)
	}
	if o, ok := s.fields[fieldKey(name)]; ok {
		o.name = name
		return o, nil
	}
	for prefix, ours := range s.objects {
		if len(name) == len(prefix) && strings.EqualFold(name, prefix) {
			return operand{kind: object, name: name, text: ours, key: ours}, nil
		}
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) && name[len(prefix)] == '.' {
			return leaf(name, ours, name[len(prefix)+1:], at)
		}
	}
	return operand{}, &refusal{
		at: at, message: "no field of ours holds " + quoted(name) + " of " + s.name,
		hint: first(s.lastPart(name), nearest(name, s.fieldNames())),
	}
}

// lastPart returns the shortest of the fields that end in a name, quoted, or "": userIdentity.type where type is asked for.
func (s *source) lastPart(name string) string {
	best := ""
	for _, o := range s.fieldNames() {
		if strings.HasSuffix(strings.ToLower(o), "."+strings.ToLower(name)) && (best == "" || len(o) < len(best)) {
			best = o
		}
	}
	return pick(best == "", "", quoted(best))
}

// ofAlert returns what an alert of a correlation has of a field: that of its group.
func (s *source) ofAlert(name string, at place) (operand, error) {
	o, err := grouping(s.alerts.source, name, at)
	if err != nil {
		return operand{}, err
	}
	key := o.key
	if !slices.Contains(s.alerts.group, key) {
		return operand{}, refuse(at, "%q groups not by %s, so that its alerts do not have it", s.alerts.doc.title, name)
	}
	text := "group." + key
	if !plainKey.MatchString(key) {
		text = `group["` + key + `"]`
	}
	return operand{kind: textKind, name: name, text: text, paths: []string{text}, key: text}, nil
}

// alertsOf is the source of what a correlation alerts on.
func alertsOf(d *draft) *source {
	return &source{
		name: "alerts", class: event.Alert, alerts: d, show: []string{"rule_id", "severity", "title"},
	}
}

func (s *source) fieldNames() []string {
	var names []string
	for _, o := range s.fields {
		names = append(names, o.name)
	}
	slices.Sort(names)
	return names
}

var (
	plainKey = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)
	words    = []string{"and", "or", "not", "in", "matches", "contains", "startsWith", "endsWith", "let", "if", "else", "true", "false", "nil"}
)

// maxPaths bounds the places that a field may be, each key on the way being an array or not.
const maxPaths = 8

// leaf is a place inside an object. Keys on the way may have arrays: CloudTrail's items always do, what has items does not,
// and others may.
func leaf(name, object, rest string, at place) (operand, error) {
	paths := []string{object}
	keys := strings.Split(rest, ".")
	for i, key := range keys {
		step, array, ok := keyStep(key)
		if !ok {
			return operand{}, refuse(at, "%s is no path of keys", name)
		}
		if i < len(keys)-1 {
			array = array || key == "items"
			if !array && keys[i+1] != "items" && !isIndex(keys[i+1]) {
				paths = slices.Concat(paths, paths)
				for j := len(paths) / 2; j < len(paths); j++ {
					paths[j] += step + "[]"
				}
				for j := range len(paths) / 2 {
					paths[j] += step
				}
				continue
			}
		}
		for j := range paths {
			paths[j] += step + pick(array, "[]", "")
		}
	}
	if len(paths) > maxPaths {
		return operand{}, refuse(at, "%s goes too deep, as any of its keys may have an array: mark those that do by []", name)
	}
	return operand{kind: textKind, name: name, text: paths[0], paths: paths, key: paths[0]}, nil
}

func isIndex(key string) bool {
	return strings.Trim(key, "0123456789") == "" && len(key) > 0 && len(key) < 6
}

// keyStep writes a key of a path; array is that a mark behind it says so.
func keyStep(key string) (step string, array, ok bool) {
	for _, mark := range []string{"{}", "[*]", "[]"} {
		if cut, marked := strings.CutSuffix(key, mark); marked {
			key, array = cut, true
		}
	}
	switch {
	case key == "":
		return "", array, array
	case strings.ContainsAny(key, "\"\\[]ǁ\n"):
		return "", false, false
	case isIndex(key):
		return "[" + key + "]", array, true
	case plainKey.MatchString(key) && !slices.Contains(words, key):
		return "." + key, array, true
	}
	return `["` + key + `"]`, array, true
}

// nearest returns the candidate that a word most likely stands for, quoted, or "".
func nearest(word string, candidates []string) string {
	best, distance := "", max(2, len(word)/4)+1
	for _, c := range candidates {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(c)); d < distance && d < len(c) {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return quoted(best)
}
