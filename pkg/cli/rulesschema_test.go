package cli

import (
	"encoding/json"
	"testing"
)

func TestRulesSchema(t *testing.T) {
	t.Parallel()
	for kind, title := range map[string]string{"": "Rule of Shrike", "rule": "Rule of Shrike", "list": "List of Shrike", "exception": "Exception of Shrike"} {
		args := []string{"rules", "schema"}
		if kind != "" {
			args = append(args, kind)
		}
		var schema struct{ Title string }
		if got := run(t, nil, args...); got.status != 0 || json.Unmarshal([]byte(got.out), &schema) != nil || schema.Title != title {
			t.Errorf("rules schema %s: %+v", kind, got)
		}
	}
	if got := run(t, nil, "rules", "schema", "alert"); got.status != exitUsage {
		t.Errorf("rules schema alert: %+v", got)
	}
}
