package rule

import "github.com/goccy/go-yaml/ast"

// Source says where a rule was taken over from, and on what terms: its licence may ask that the author be named.
type Source struct {
	Author  string
	Licence string // SPDX identifier where there is one
	ID      string // the rule's id there
	Date    string // as written there
	URL     string
}

// readSource reads the block source, which has no part in what the rule does.
func readSource(m *mapping, r *Rule) {
	n := m.take("source")
	if n == nil {
		return
	}
	b, ok := m.mapping(n, "source")
	if !ok {
		return
	}
	s := &Source{}
	for key, into := range map[string]*string{"author": &s.Author, "licence": &s.Licence, "id": &s.ID, "date": &s.Date, "url": &s.URL} {
		*into, _ = b.text(b.take(key), key)
	}
	b.done()
	r.Source = s
}

// needed takes a key that only experimental rules may lack.
func needed(m *mapping, r *Rule, key string) ast.Node {
	if r.Maturity == Experimental {
		return m.take(key)
	}
	return m.need(key)
}
