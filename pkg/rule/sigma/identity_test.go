package sigma_test

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule/sigma"
)

// identities are those of CloudTrail, with NAME, ROLE and ID to fill in
// (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html).
var identities = []string{
	`{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333"}`,
	`{"type":"IAMUser","principalId":"ID","arn":"arn:aws:iam::111122223333:user/NAME","accountId":"111122223333","userName":"NAME"}`,
	`{"type":"AssumedRole","principalId":"ID:NAME","arn":"arn:aws:sts::111122223333:assumed-role/ROLE/NAME","accountId":"111122223333",
	  "sessionContext":{"sessionIssuer":{"type":"Role","principalId":"ID","arn":"arn:aws:iam::111122223333:role/ROLE","accountId":"111122223333","userName":"ROLE"}}}`,
	`{"type":"FederatedUser","principalId":"111122223333:NAME","arn":"arn:aws:sts::111122223333:federated-user/NAME","accountId":"111122223333",
	  "sessionContext":{"sessionIssuer":{"type":"IAMUser","principalId":"ID","arn":"arn:aws:iam::111122223333:user/ROLE","accountId":"111122223333","userName":"ROLE"}}}`,
	`{"type":"AWSService","invokedBy":"NAME.amazonaws.com"}`,
}

// TestIdentitiesMatchWhatSigmaSays holds rules over who acted against the oracle, for each type of identity. It fails when
// a guard of cloudTrail's identities is deleted, or one of the types in it. What docs/SIGMA.md says that we do not have, the
// issuer of a federated user beyond its ARN and account, is left out.
func TestIdentitiesMatchWhatSigmaSays(t *testing.T) {
	t.Parallel()
	const issuer = "userIdentity.sessionContext.sessionIssuer."
	var (
		whole  = []string{"userIdentity.type", "userIdentity.arn", "userIdentity.principalId", "userIdentity.accountId", "userIdentity.userName", issuer + "arn", issuer + "accountId", issuer + "userName"}
		values = []string{"eva", "ops", "AROAX", "AIDAX", "111122223333", "arn:aws:iam::111122223333:user/eva", "arn:aws:iam::111122223333:role/ops", "Root", "IAMUser", "AROAX:eva", "e*a", "eva.amazonaws.com"}
		parts  = []string{"AROA", "AID", "e", "OPS", "1111", ":role/", "AROAX:", "s"}
		pairs  atomic.Int64
		agreed atomic.Int64
	)
	rapid.Check(t, func(t *rapid.T) {
		a := asked{Field: rapid.SampledFrom(whole).Draw(t, "field")}
		switch rapid.IntRange(0, 7).Draw(t, "how") {
		case 0:
			a.Values = []any{nil}
		case 1:
			a.Modifiers, a.Values = []string{"exists"}, []any{rapid.Bool().Draw(t, "there")}
		case 2:
			a.Field, a.Values = issuer+"type", []any{"role"}
		case 3:
			a.Field, a.Values = issuer+"principalId", []any{rapid.SampledFrom([]string{"AROAX", "aidax", "eva", "AROA*"}).Draw(t, "principal")}
		case 4, 5:
			a.Modifiers, a.Values = []string{rapid.SampledFrom(searchers).Draw(t, "searcher")}, drawValues(t, parts)
		default:
			a.Values = drawValues(t, values)
		}
		if rapid.IntRange(0, 5).Draw(t, "neq") == 0 {
			a.Modifiers = append(a.Modifiers, "neq")
		}
		key := strings.Join(append([]string{a.Field}, a.Modifiers...), "|")
		text, _ := json.Marshal(map[string]any{
			"title": "Drawn", "logsource": map[string]string{"service": "cloudtrail"},
			"detection": map[string]any{"s": map[string]any{key: a.Values}, "condition": "s"},
		})
		r := sigma.Import([]sigma.File{{Name: "drawn.yml", Text: text}}, sigma.Options{})
		set, err := r.Set()
		if err != nil || len(r.Rules) != 1 {
			t.Fatalf("%v %v: %s", err, r.Refusals, text)
		}
		fill := strings.NewReplacer("NAME", rapid.SampledFrom([]string{"eva", "ops"}).Draw(t, "name"),
			"ROLE", rapid.SampledFrom([]string{"ops", "eva"}).Draw(t, "role"), "ID", rapid.SampledFrom([]string{"AROAX", "AIDAX"}).Draw(t, "id"))
		parser := cloudtrail.Spec().New()
		for _, identity := range identities {
			federated := strings.Contains(identity, "FederatedUser")
			if short, ok := strings.CutPrefix(a.Field, issuer); federated && ok && short != "arn" && short != "accountId" {
				continue
			}
			raw := `{"eventTime":"2026-03-01T09:00:00Z","eventSource":"s3.amazonaws.com","eventName":"a","userIdentity":` + fill.Replace(identity) + `}`
			var members map[string]json.RawMessage
			if err := json.Unmarshal([]byte(raw), &members); err != nil {
				t.Fatal(err)
			}
			want := a.holds(members)
			if err := parser.Parse(&record.Record{Raw: []byte(raw)}, func(e *event.Event) {
				if got := len(set.Hits(e, nil)) > 0; got != want {
					t.Fatalf("got %t, want %t for\n%s\n%s\n%s", got, want, raw, text, r.Rules[0].Text)
				}
				if pairs.Add(1); want {
					agreed.Add(1)
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n, m := pairs.Load(), agreed.Load(); m < n/5 || m > n*4/5 {
		t.Errorf("%d of %d pairs match: a test of rules needs both", m, n)
	}
}
