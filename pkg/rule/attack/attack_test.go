package attack

import (
	"slices"
	"strings"
	"testing"
)

func TestMatrix(t *testing.T) {
	t.Parallel()
	m := Load()
	if got, want := m.Name("T1078.004"), "Valid Accounts: Cloud Accounts"; got != want {
		t.Errorf("T1078.004 is %q, want %q", got, want)
	}
	if got, want := m.Name("T1537"), "Transfer Data to Cloud Account"; got != want {
		t.Errorf("T1537 is %q, want %q", got, want)
	}
	if !strings.Contains(techniques, "ATT&CK "+Version+" ") || !strings.Contains(techniques, "The MITRE Corporation") {
		t.Error("the table does not say its version, or whose it is")
	}
	var tactics []string
	for _, tactic := range Tactics() {
		tactics = append(tactics, tactic.Short)
	}
	techniques, columns := 0, map[string]bool{}
	for id, technique := range m.byID {
		if technique.Name == "" || m.Technique(technique.Parent()) == nil {
			t.Errorf("%s: %+v has no name or no parent", id, technique)
		}
		if technique.ID == technique.Parent() {
			techniques++
		}
		for _, short := range technique.Tactics {
			columns[short] = true
			if !slices.Contains(tactics, short) {
				t.Errorf("%s has the tactic %q", id, short)
			}
		}
	}
	if techniques != 211 || len(m.byID) < 660 || len(columns) != len(tactics) {
		t.Errorf("%d techniques, %d with sub-techniques, of %d tactics", techniques, len(m.byID), len(columns))
	}
	for old, id := range m.revoked {
		if m.Technique(old) != nil || m.Technique(id) == nil {
			t.Errorf("%s is revoked for %s", old, id)
		}
	}
	if got := m.Technique("T1078.004").URL(); got != "https://attack.mitre.org/techniques/T1078/004/" {
		t.Errorf("URL %s", got)
	}
}
