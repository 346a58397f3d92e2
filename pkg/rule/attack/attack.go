// Package attack is the Enterprise matrix of MITRE ATT&CK: techniques with their names and tactics, for checking what rules
// name and for showing what they cover.
//
// The table is embedded; scripts/attack-table writes it. It knows nothing of rules. Start reading at Load.
//
// © 2025 The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation.
// ATT&CK is a registered trademark of The MITRE Corporation; its terms of use are at
// https://attack.mitre.org/resources/legal-and-branding/terms-of-use/.
package attack

import (
	_ "embed" // the tables
	"fmt"
	"strings"
)

// Version is the version of ATT&CK that the table is of.
const Version = "17.0"

// Notice is what MITRE asks to be shown where its work is.
const Notice = "© 2025 The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation."

//go:embed techniques.txt
var techniques string

//go:embed revoked.txt
var revoked string

// Tactic is a column of the matrix.
type Tactic struct {
	ID    string // TA0001
	Short string // initial-access, as in layers of the Navigator
	Name  string // Initial Access
}

// Technique is a technique or, when its id has a dot, a sub-technique.
type Technique struct {
	ID      string   // T1078 or T1078.004
	Name    string   // of a sub-technique without its parent's
	Tactics []string // Short of each
}

// Parent returns the id of the technique that this is a sub-technique of, or its own.
func (t *Technique) Parent() string {
	id, _, _ := strings.Cut(t.ID, ".")
	return id
}

// URL returns the technique's page.
func (t *Technique) URL() string {
	return "https://attack.mitre.org/techniques/" + strings.ReplaceAll(t.ID, ".", "/") + "/"
}

// Matrix is the table. It is immutable and safe for concurrent use.
type Matrix struct {
	byID    map[string]*Technique
	revoked map[string]string
}

// Load reads the embedded table.
func Load() *Matrix {
	m := &Matrix{byID: map[string]*Technique{}, revoked: map[string]string{}}
	for _, f := range rows(techniques, 3) {
		m.byID[f[0]] = &Technique{ID: f[0], Tactics: strings.Split(f[1], ","), Name: f[2]}
	}
	for _, f := range rows(revoked, 2) {
		m.revoked[f[0]] = f[1]
	}
	return m
}

// rows splits a table into its fields.
func rows(table string, width int) [][]string {
	var all [][]string
	for line := range strings.Lines(table) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != width {
			panic(fmt.Sprintf("attack: the embedded table is damaged: %q", line)) // it is part of the program
		}
		all = append(all, fields)
	}
	return all
}

// Technique returns the technique of that id, nil when the matrix has none.
func (m *Matrix) Technique(id string) *Technique { return m.byID[id] }

// Name returns the name of a technique, of a sub-technique with its parent's before it; "" when it is not known.
func (m *Matrix) Name(id string) string {
	t := m.byID[id]
	if t == nil {
		return ""
	}
	if parent := m.byID[t.Parent()]; parent != nil && parent != t {
		return parent.Name + ": " + t.Name
	}
	return t.Name
}

// Replacement returns the id that took the place of a revoked technique, "" when the matrix knows of none.
func (m *Matrix) Replacement(id string) string { return m.revoked[id] }

// Tactics returns the columns of the matrix in their order.
func Tactics() []Tactic {
	return []Tactic{
		{"TA0043", "reconnaissance", "Reconnaissance"},
		{"TA0042", "resource-development", "Resource Development"},
		{"TA0001", "initial-access", "Initial Access"},
		{"TA0002", "execution", "Execution"},
		{"TA0003", "persistence", "Persistence"},
		{"TA0004", "privilege-escalation", "Privilege Escalation"},
		{"TA0005", "defense-evasion", "Defense Evasion"},
		{"TA0006", "credential-access", "Credential Access"},
		{"TA0007", "discovery", "Discovery"},
		{"TA0008", "lateral-movement", "Lateral Movement"},
		{"TA0009", "collection", "Collection"},
		{"TA0011", "command-and-control", "Command and Control"},
		{"TA0010", "exfiltration", "Exfiltration"},
		{"TA0040", "impact", "Impact"},
	}
}
