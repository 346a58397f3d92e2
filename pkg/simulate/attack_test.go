package simulate

import (
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// marks is what would give a record away without looking at what is done: agents, accounts, regions, and the networks of
// outside addresses.
type marks map[string]bool

var (
	quoted    = regexp.MustCompile(`"userAgent":"([^"]*)"|"-" "([^"]*)" - `)
	regionOf  = regexp.MustCompile(`"awsRegion":"([^"]*)"`)
	accountOf = regexp.MustCompile(`"recipientAccountId":"([^"]*)"`)
	addresses = regexp.MustCompile(`\b\d+\.\d+\.\d+\.\d+\b`)
)

func (m marks) note(l *Log) {
	text := string(l.Raw)
	m["format "+l.Format+" "+l.Layout] = true
	for _, f := range quoted.FindAllStringSubmatch(text, -1) {
		m["agent "+f[1]+f[2]] = true
	}
	for _, f := range regionOf.FindAllStringSubmatch(text, -1) {
		m["region "+f[1]] = true
	}
	for _, f := range accountOf.FindAllStringSubmatch(text, -1) {
		m["account "+f[1]] = true
	}
	if l.Format == "vpcflow" {
		m["account "+strings.Fields(text)[1]] = true
	}
	for _, f := range addresses.FindAllString(text, -1) {
		if a, err := netip.ParseAddr(f); err == nil {
			if p, _ := a.Prefix(24); !a.IsPrivate() {
				m["network "+p.String()] = true
			}
		}
	}
}

// TestAttacksDifferInBehaviourOnly: whatever marks an attack's records, the background has it too.
func TestAttacksDifferInBehaviourOnly(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		o := Options{Seed: seed, Start: start, Records: 25_000}
		background, attacks := marks{}, marks{}
		all(o, background.note)
		o.Attacks = Attacks()
		for _, s := range New(o).attack {
			var l Log // as Next has it: nothing of the record before
			s.do(&l, s.at)
			attacks.note(&l)
		}
		if len(attacks) < 10 {
			t.Fatalf("seed %d: only %d marks in the attacks: %v", seed, len(attacks), attacks)
		}
		maps.DeleteFunc(attacks, func(k string, _ bool) bool { return background[k] })
		if len(attacks) > 0 {
			t.Errorf("seed %d: only the attacks have %q", seed, slices.Sorted(maps.Keys(attacks)))
		}
	}
}
