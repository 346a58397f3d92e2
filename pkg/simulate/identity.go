package simulate

import (
	"math/rand/v2"
)

const (
	hexDigits = "0123456789abcdef"
	idLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// hexText returns n hexadecimal digits.
func hexText(r *rand.Rand, n int) string { return string(appendHex(nil, r, n)) }

func appendHex(dst []byte, r *rand.Rand, n int) []byte {
	for n > 0 {
		x := r.Uint64()
		for range min(n, 16) {
			dst = append(dst, hexDigits[x&15])
			x >>= 4
		}
		n -= 16
	}
	return dst
}

func appendUUID(dst []byte, r *rand.Rand) []byte {
	at := len(dst)
	dst = appendHex(dst, r, 36)
	for _, i := range []int{8, 13, 18, 23} {
		dst[at+i] = '-'
	}
	dst[at+14] = '4'
	return dst
}

// keyID returns an id as the provider makes them: a prefix that names its kind, and random letters.
func keyID(r *rand.Rand, prefix string) string {
	b := []byte(prefix)
	for range 17 {
		b = append(b, idLetters[r.IntN(len(idLetters))])
	}
	return string(b)
}

// sessionOf makes a principal that has assumed a role.
func sessionOf(r *rand.Rand, a *account, role, session string) *principal {
	id := keyID(r, "AROA")
	path := ""
	if len(role) > 15 && role[:15] == "AWSReservedSSO_" {
		path = "aws-reserved/sso.amazonaws.com/eu-central-1/"
	}
	arn := "arn:aws:sts::" + a.id + ":assumed-role/" + role + "/" + session
	return &principal{
		account: a, role: role, session: session, requester: arn,
		head: []byte(`{"type":"AssumedRole","principalId":"` + id + ":" + session + `","arn":"` + arn + `","accountId":"` + a.id +
			`","accessKeyId":"` + keyID(r, "ASIA")[:20] + `","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"` + id +
			`","arn":"arn:aws:iam::` + a.id + `:role/` + path + role + `","accountId":"` + a.id + `","userName":"` + role +
			`"},"attributes":{"creationDate":"`),
		tail: []byte(`","mfaAuthenticated":"false"}}}`),
	}
}

// userOf makes an IAM user with an access key.
func userOf(r *rand.Rand, a *account, name string) *principal {
	arn := "arn:aws:iam::" + a.id + ":user/" + name
	return &principal{
		account: a, role: name, requester: arn,
		head: []byte(`{"type":"IAMUser","principalId":"` + keyID(r, "AIDA") + `","arn":"` + arn + `","accountId":"` + a.id +
			`","accessKeyId":"` + keyID(r, "AKIA")[:20] + `","userName":"` + name + `"}`),
	}
}

// rootOf makes an account's root, signed in to the console without a second factor.
func rootOf(r *rand.Rand, a *account) *principal {
	arn := "arn:aws:iam::" + a.id + ":root"
	return &principal{
		account: a, role: "root", requester: a.ownerID, region: "us-east-1", console: true,
		head: []byte(`{"type":"Root","principalId":"` + a.id + `","arn":"` + arn + `","accountId":"` + a.id +
			`","accessKeyId":"` + keyID(r, "ASIA")[:20] + `","sessionContext":{"attributes":{"creationDate":"`),
		tail: []byte(`","mfaAuthenticated":"false"}}}`),
	}
}
