package config

import "strings"

// Redact says which secrets are cut out of what is stored, besides those of the built-in list.
type Redact struct {
	Keys []string `yaml:"keys" doc:"More names whose values are secrets, in any spelling: vault_seal is also vaultSeal and MY-VAULT-SEAL. The built-in list is always on; see docs/REDACTION.md."`
}

func (r *Redact) validate(c *checker) {
	for i, k := range r.Keys {
		if letters := strings.Trim(k, "-_. "); letters == "" || strings.ContainsAny(k, "\"'=:&?/\\") {
			c.fail(item("redact.keys", i), "must be a name: letters and digits, words joined by -, _ or .")
		}
	}
}
