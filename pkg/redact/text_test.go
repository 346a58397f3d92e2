package redact_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/redact"
)

// redacted returns what becomes of raw bytes that no format has read.
func redacted(rules *redact.Rules, raw string) string {
	d := record.DeadLetter{Record: record.Record{Raw: []byte(raw)}}
	redact.New(rules).DeadLetter(&d)
	return string(d.Raw)
}

func TestText(t *testing.T) {
	t.Parallel()
	rules := redact.Compile("vault-seal", "pin")
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlc2lnbmF0dXJl"
	for _, c := range []struct{ name, raw, want string }{
		{"presigned URL", "GET /k?X-Amz-Credential=AKIAEXAMPLE%2F20260101&X-Amz-Signature=ab12cd&X-Amz-Expires=60 HTTP/1.1",
			"GET /k?X-Amz-Credential=AKIAEXAMPLE%2F20260101&X-Amz-Signature=<redacted>&X-Amz-Expires=60 HTTP/1.1"},
		{"first parameter", `"GET /?Signature=vjbyPxybdZaNmGa%3D&Expires=1 HTTP/1.1" 200`, `"GET /?Signature=<redacted>&Expires=1 HTTP/1.1" 200`},
		{"encoded twice", "/k%3Fpassword%3Dhunter2%26a%3Db", "/k%3Fpassword%3D<redacted>%26a%3Db"},
		{"userinfo", "postgres://app:s3cr3t@db:5432/x and https://h/a@b", "postgres://app:<redacted>@db:5432/x and https://h/a@b"},
		{"userinfo with @", "ftp://u:p@ss@host/", "ftp://u:<redacted>@host/"},
		{"short names", "?sig=abc%3D&pwd=x&bypass=1&pass=y", "?sig=<redacted>&pwd=<redacted>&bypass=1&pass=<redacted>"},
		{"connection string", "Server=db;Uid=app;Pwd=hunter2;Database=x", "Server=db;Uid=app;Pwd=<redacted>"},
		{"brackets", "user[password]=a1&password[]=a2&password[$ne]=a3&password[0][x]=a4&x=[password]", "user[password]=<redacted>&password[]=<redacted>&password[$ne]=<redacted>&password[0][x]=<redacted>&x=[password]"},
		{"encoded brackets", "user%5Bpassword%5D=a1&password%5b%5d=a2&password%5B%24ne%5D=a3&password%5", "user%5Bpassword%5D=<redacted>&password%5b%5d=<redacted>&password%5B%24ne%5D=<redacted>&password%5"},
		{"encoded letters", "?%70assword=a1&p%61%73s=a2&%58-Amz-S%69gnature=a3&%75ser%5B%70%61%73%73%77%6f%72%64%5D=a4&n%61me=a5&next%54oken=a6&%=%zz",
			"?%70assword=<redacted>&p%61%73s=<redacted>&%58-Amz-S%69gnature=<redacted>&%75ser%5B%70%61%73%73%77%6f%72%64%5D=<redacted>&n%61me=a5&next%54oken=a6&%=%zz"},
		{"letters encoded twice", "/?u=%2Fk%3F%2570wd%3Da1&x%26%70wd=a3 /k%2526%252570wd=a4 \\x22%70wd=a5", "/?u=%2Fk%3F%2570wd%3D<redacted>&x%26%70wd=<redacted> /k%2526%252570wd=<redacted> \\x22%70wd=<redacted>"},
		{"JSON in a query", "?q=%7B%22password%22%3A%20%22a1%22%7D&r=%7B%22token%22%3A+%22a2%22%7D", "?q=%7B%22password%22%3A%20%22<redacted>%22%7D&r=%7B%22token%22%3A+%22<redacted>%22%7D"},
		{"URL in a query", "?u=https%3A%2F%2Feva%3As3cr3t%40h%2Fx&v=https%3a%2f%2fh%3A80%2Fa%40b&w=ftp%3A%2F%2Feva%40h", "?u=https%3A%2F%2Feva%3A<redacted>%40h%2Fx&v=https%3a%2f%2fh%3A80%2Fa%40b&w=ftp%3A%2F%2Feva%40h"},
		{"header", "Authorization: Bearer abc def\nHost: h", "Authorization: <redacted>\nHost: h"},
		{"quoted header", `"Cookie: a=b; c=d" next`, `"Cookie: <redacted>" next`},
		{"bearer alone", "sent Bearer " + jwt + " to us", "sent Bearer <redacted> to us"},
		{"token by shape", "got " + jwt + ", refused", "got <redacted>, refused"},
		{"an ampersand of its own", "GET /?password=a%26b%20c%23d%22e&n=1 HTTP/1.1", "GET /?password=<redacted>&n=1 HTTP/1.1"},
		{"private key", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest", "-----BEGIN RSA PRIVATE KEY-----<redacted>-----END RSA PRIVATE KEY-----\nrest"},
		{"certificate", "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----"},
		{"half a document", `{"a":{"sessionToken":"abc","b":"c"},"password":"x\"y`, `{"a":{"sessionToken":"<redacted>","b":"c"},"password":"<redacted>`},
		{"JSON in text", `body {\"secretKey\":\"abc\",\"n\":1} end`, `body {\"secretKey\":\"<redacted>\",\"n\":1} end`},
		{"no secrets", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:app/db-AbCdEf secretId=x nextToken=y SignatureVersion=4 tokenType: id",
			"arn:aws:secretsmanager:eu-west-1:111122223333:secret:app/db-AbCdEf secretId=x nextToken=y SignatureVersion=4 tokenType: id"},
		{"error message", "The security token included in the request is invalid", "The security token included in the request is invalid"},
		{"masked already", "password=**** token=- secret=<redacted>", "password=**** token=- secret=<redacted>"},
		{"configured", "my_vault_seal=1234&pin=99&spin=1", "my_vault_seal=<redacted>&pin=<redacted>&spin=1"},
		{"empty", "token= HTTP/1.1", "token= HTTP/1.1"},
		{"everywhere in the record", "password=correct-horse and again correct-horse", "password=<redacted> and again <redacted>"},
		{"only whole values", "password=abcdefgh xabcdefgh abcdefgh1", "password=<redacted> xabcdefgh abcdefgh1"},
	} {
		if got := redacted(rules, c.raw); got != c.want {
			t.Errorf("%s: redact %q:\ngot  %q\nwant %q", c.name, c.raw, got, c.want)
		}
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	rules := redact.Compile()
	for _, c := range []struct{ name, raw, want string }{
		{"credentials", `{"credentials":{"accessKeyId":"ASIAEXAMPLE","sessionToken":"abc","expiration":"Oct 2, 2026","other":"x"},"user":"u"}`,
			`{"credentials":{"accessKeyId":"ASIAEXAMPLE","sessionToken":"<redacted>","expiration":"Oct 2, 2026","other":"<redacted>"},"user":"u"}`},
		{"kept as written", `{ "a" : "\u0041\/" , "Password" : "x" }`, `{ "a" : "\u0041\/" , "Password" : "<redacted>" }`},
		{"numbers and lists", `{"pin_token":123456,"tokens":["a"],"password":["x",{"y":"z"}],"changePassword":true,"token":null}`,
			`{"pin_token":"<redacted>","tokens":["a"],"password":["<redacted>",{"y":"<redacted>"}],"changePassword":true,"token":null}`},
		{"pair", `{"headers":[{"name":"Cookie","value":"a=b"},{"value":"c","name":"authorization"},{"name":"Host","value":"h"}]}`,
			`{"headers":[{"name":"Cookie","value":"<redacted>"},{"value":"<redacted>","name":"authorization"},{"name":"Host","value":"h"}]}`},
		{"stack parameters", `[{"parameterKey":"DBPassword","parameterValue":"x"},{"parameterValue":["y"],"parameterKey":"apiKey"}]`,
			`[{"parameterKey":"DBPassword","parameterValue":"<redacted>"},{"parameterValue":"<redacted>","parameterKey":"apiKey"}]`},
		{"URL", `{"url":"https://h/?a=b\u0026X-Amz-Signature\u003dabc\u0026c=d"}`, `{"url":"https://h/?a=b&X-Amz-Signature=<redacted>&c=d"}`},
		{"document in a text", `{"body":"{\"password\":\"x\\\"y\",\"n\":1}"}`, `{"body":"{\"password\":\"<redacted>\",\"n\":1}"}`},
		{"name with escapes", `{"pass\u0077ord":"x","token":"y"}`, `{"pass\u0077ord":"<redacted>","token":"<redacted>"}`},
		// Each alone in its record: without the call of disguised nothing would be looked at.
		{"name with escapes alone", `{"pass\u0077ord":"x"}`, `{"pass\u0077ord":"<redacted>"}`},
		{"first letter escaped", `{"\u0053ecret":"x"}`, `{"\u0053ecret":"<redacted>"}`},
		{"slashes escaped", `{"url":"https:\/\/eva:s3cr3t@h\/"}`, `{"url":"https://eva:<redacted>@h/"}`},
		{"URL in escapes", `{"url":"https:\u002f\u002feva:s3cr3t\u0040h"}`, `{"url":"https://eva:<redacted>@h"}`},
		{"escapes in a document in a text", `{"body":"{\"\\u0070assword\":\"x\"}"}`, `{"body":"{\"\\u0070assword\":\"<redacted>\"}"}`},
		{"object under authorization", `{"authorization":{"scope":"/s","action":"a"},"token":"x"}`, `{"authorization":{"scope":"/s","action":"a"},"token":"<redacted>"}`},
		{"role as credentials", `{"credentials":"arn:aws:iam::111122223333:role/r"}`, `{"credentials":"arn:aws:iam::111122223333:role/r"}`},
		{"again in a text", `{"password":"correct horse","error":"no such thing: correct horse!"}`, `{"password":"<redacted>","error":"no such thing: <redacted>!"}`},
	} {
		if diff := cmp.Diff(c.want, redacted(rules, c.raw)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// A cookie in a column of its own has no name beside it.
func TestColumn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ raw, cookie, want string }{
		{"2026-01-01\ta=1%20b\t/?a=1", "a=1 b", "2026-01-01\t<redacted>\t/?a=1"},
		{"2026-01-01\ta=1\t/?a=1", "a=1", "2026-01-01\t<redacted>\t/?a=1"},
		{"2026-01-01 a=1 /", "a=1", "2026-01-01 <redacted> /"},
		{"2026-01-01 written in a way that nobody knows", "a=1", "<redacted>"},
	} {
		e := &event.Event{}
		e.Reset(event.HTTP, &record.Record{Raw: []byte(c.raw)})
		e.SetText(event.Cookie, c.cookie)
		if !redact.New(redact.Compile()).Event(e) || !e.Redacted {
			t.Errorf("event of %q: nothing was cut", c.raw)
		}
		if got := string(e.Record.Raw); got != c.want || e.Text(event.Cookie) != redact.Mark {
			t.Errorf("raw %q, cookie %q: got %q, cookie %q, want %q", c.raw, c.cookie, got, e.Text(event.Cookie), c.want)
		}
	}
}

// A record as long as records may be, made to take long: it must not.
func TestNoRecordTakesLong(t *testing.T) {
	t.Parallel()
	const size = 900_000
	for _, part := range []string{"cookie:", "token=", `"token":"`, "@", "://u:p", "token=\\", `{"value":"secretvalue","name":"token"},`, `{"token":`, "eyJhbGci", "-----BEGIN PRIVATE KEY-----", "password[", "token[]", "%3A%2F%2F", "://%3A%40", "%70", "%70assword=", "%70assword", "%25", "a%70"} {
		raw := strings.Repeat(part, size/len(part))
		for _, text := range []string{raw, "[" + raw + "0]"} {
			began := time.Now()
			redacted(redact.Default(), text)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%d bytes of %q took %s", len(text), part, took)
			}
		}
	}
}
