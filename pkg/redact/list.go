package redact

import (
	"slices"
	"strings"
	"sync"

	"github.com/zeebo/xxh3"
)

// Mark stands where a secret was.
const Mark = "<redacted>"

// reach says how much of a name's value is secret.
type reach uint8

const (
	none   reach = iota
	plain        // a text, a number, or a list of these
	header       // like plain; after a colon, up to the end of the line
	deep         // whatever is inside, but for what is by its own name an id, a name or a time
)

// Key is one entry of the list.
type Key struct {
	Words string // words of the name, in lower case; they may be joined by nothing, -, _, . or change of case
	Exact bool   // the whole name; otherwise any name that ends in it (DB_PASSWORD, masterUserPassword)
	Why   string

	reach reach
}

// Keys is the list that is built in. Names are compared without case and punctuation.
func Keys() []Key {
	return []Key{
		{Words: "password", Why: "of users, databases, brokers, domains: masterUserPassword, adminPassword, DB_PASSWORD", reach: deep},
		{Words: "passwd", Why: "another spelling", reach: deep},
		{Words: "passphrase", Why: "opens private keys and wireless networks", reach: deep},
		{Words: "pwd", Exact: true, Why: "password in queries and connection strings"},
		{Words: "pass", Exact: true, Why: "password in queries; not every name that ends so (bypass)"},
		{Words: "token", Why: "session, refresh, access, id and security tokens; X-Amz-Security-Token. Not those that only page or tell repeats apart: nextToken, clientToken", reach: deep},
		{Words: "token value", Why: "of a session manager session", reach: deep},
		{Words: "credentials", Why: "of a role or federated user: all but accessKeyId and expiration", reach: deep},
		{Words: "secret", Why: "client secrets, shared secrets; not secretId, which names one", reach: deep},
		{Words: "secret access key", Why: "the secret half of an access key", reach: deep},
		{Words: "secret key", Why: "the same as others call it", reach: deep},
		{Words: "secret string", Why: "value of a managed secret", reach: deep},
		{Words: "secret binary", Why: "value of a managed secret", reach: deep},
		{Words: "secret value", Why: "value of a managed secret", reach: deep},
		{Words: "private key", Why: "of certificates, of service accounts", reach: deep},
		{Words: "private key data", Why: "a service account's key as it was created", reach: deep},
		{Words: "key material", Why: "of a new key pair", reach: deep},
		{Words: "pre shared key", Why: "of a VPN tunnel", reach: deep},
		{Words: "shared access key", Why: "of a message hub, in connection strings"},
		{Words: "account key", Why: "of a storage account, in connection strings"},
		{Words: "api key", Why: "in headers (x-api-key) and queries", reach: deep},
		{Words: "server side encryption customer key", Why: "encrypts an object; its MD5 is no secret"},
		{Words: "signature", Why: "X-Amz-Signature and Signature: with it the presigned URL works for whoever reads the log"},
		{Words: "sig", Exact: true, Why: "the same in shared access signatures"},
		{Words: "authorization", Why: "the header: Basic is a password, Bearer a token", reach: header},
		{Words: "cookie", Why: "the headers Cookie and Set-Cookie: sessions", reach: header},
		{Words: "jsessionid", Exact: true, Why: "a web session in a URL"},
		{Words: "phpsessid", Exact: true, Why: "a web session in a URL"},
	}
}

// harmless are the endings of names that end like a secret's and are none.
var harmless = []string{
	"nexttoken", "clienttoken", "requesttoken", "idempotencytoken", "continuationtoken", "paginationtoken", "pagetoken", "creatortoken",
	"resultsignature", // what an activity log calls the second half of a status
}

// Rules is a compiled list. It never changes and may be shared.
type Rules struct {
	exact    map[string]reach
	suffixes []suffix      // longest first
	endings  [1 << 15]bool // by the hash of a name's last three letters: whether any suffix ends so; most names end here
	words    *words
	hash     uint64

	lastOfExact  [32]uint8 // by the low bits of the last letter: whether a short name ends so
	longestExact int
}

type suffix struct {
	name  string
	reach reach
}

// Compile makes Rules of the built-in list and more names, as the configuration gives them: a name ends with the words
// (vault_seal: my-vault-seal, VaultSeal). Names of fewer than five letters count only as a whole.
func Compile(more ...string) *Rules {
	keys := Keys()
	for _, m := range more {
		split := strings.FieldsFunc(m, func(r rune) bool { return strings.ContainsRune("-_. ", r) })
		name := strings.ToLower(strings.Join(split, " "))
		if name != "" {
			keys = append(keys, Key{Words: name, Exact: len(split) == 1 && len(name) < anchor-1, reach: deep})
		}
	}
	r := &Rules{exact: make(map[string]reach), words: new(words)}
	h := xxh3.New()
	for _, k := range keys {
		how := max(k.reach, plain)
		name := strings.ReplaceAll(k.Words, " ", "")
		_, _ = h.WriteString(name + "\n")
		if k.Exact {
			r.exact[name] = how
			r.lastOfExact[name[len(name)-1]&31] = 1
			r.longestExact = max(r.longestExact, len(name))
			r.words.addExact(name)
			continue
		}
		r.suffixes = append(r.suffixes, suffix{name, how})
		r.endings[hash3(name[len(name)-gram:])] = true
		r.words.addName(k.Words)
	}
	slices.SortStableFunc(r.suffixes, func(a, b suffix) int { return len(b.name) - len(a.name) })
	r.words.addShapes()
	r.words.build()
	r.hash = h.Sum64()
	return r
}

// Default returns the Rules of the built-in list alone.
func Default() *Rules { return builtin() }

var builtin = sync.OnceValue(func() *Rules { return Compile() })

// Hash identifies the list: rows made under another may differ.
func (r *Rules) Hash() uint64 { return r.hash }

// of returns how much of the name's value is secret.
func (r *Rules) of(name []byte) reach {
	var room [96]byte
	n := room[:0]
	if len(name) > len(room) {
		name = name[len(name)-len(room):]
	}
	for _, c := range name {
		switch {
		case 'A' <= c && c <= 'Z':
			n = append(n, c|0x20)
		case c != '-' && c != '_' && c != '.' && c != ' ':
			n = append(n, c)
		}
	}
	if len(n) <= r.longestExact {
		if how, ok := r.exact[string(n)]; ok {
			return how
		}
	}
	if len(n) < gram || !r.endings[hash(uint32(n[len(n)-3])|uint32(n[len(n)-2])<<8|uint32(n[len(n)-1])<<16)] {
		return none
	}
	for _, s := range r.suffixes {
		if hasSuffix(n, s.name) {
			for _, h := range harmless {
				if hasSuffix(n, h) {
					return none
				}
			}
			return s.reach
		}
	}
	return none
}

func hasSuffix(b []byte, s string) bool { return len(b) >= len(s) && string(b[len(b)-len(s):]) == s }

// identifiers are the endings of names inside of a secret object whose values stay: hunts join on them.
var identifiers = []string{"id", "arn", "name", "type", "status", "expiration", "expiry", "date", "time", "version", "provider"}

func isIdentifier(name []byte) bool {
	for _, s := range identifiers {
		if n := len(name) - len(s); n >= 0 && strings.EqualFold(string(name[n:]), s) {
			return true
		}
	}
	return false
}

// blank reports whether a value says nothing: nobody has to cut what is not there, or is masked already.
func blank(v []byte) bool {
	switch {
	case len(v) == 0, string(v) == Mark, len(v) >= 4 && string(v[:4]) == "arn:":
		return true
	}
	switch string(v) {
	case "-", "null", "true", "false", "HIDDEN_DUE_TO_SECURITY_REASONS", "REDACTED", "[REDACTED]", "<sensitiveDataRemoved>":
		return true
	case "Success", "Failure": // what a sign-in says of its token
		return true
	}
	for _, c := range v {
		if c != '*' && c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return true
}
