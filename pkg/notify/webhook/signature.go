package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// SignatureHeader is the header that Sign's text goes into.
const SignatureHeader = "Shrike-Signature"

// Why Verify refuses. A receiver should answer all of them with 400 or 401.
var (
	ErrNoSignature  = errors.New("no signature that can be read")
	ErrBadSignature = errors.New("signature does not match")
	ErrTooOld       = errors.New("signature is too old or too new")
)

// Sign returns the header's value for a body sent at that time.
func Sign(secret, body []byte, at time.Time) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac(secret, t, body))
}

func mac(secret []byte, t string, body []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(t))
	h.Write([]byte{'.'})
	h.Write(body)
	return h.Sum(nil)
}

// Verify checks that header signs body with secret and that its time is no further from now than tolerance, so that
// an old request cannot be played again. Several v1 parts are allowed, one of them must match: that is how a secret is
// changed without a gap. Parts of other names are for later versions and ignored.
func Verify(secret []byte, header string, body []byte, now time.Time, tolerance time.Duration) error {
	var t string
	var sums []string
	for part := range strings.SplitSeq(header, ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
		case "t":
			t = value
		case "v1":
			sums = append(sums, value)
		}
	}
	seconds, err := strconv.ParseInt(t, 10, 64)
	if err != nil || len(sums) == 0 {
		return ErrNoSignature
	}
	want, ok := mac(secret, t, body), false
	for _, s := range sums {
		if sum, err := hex.DecodeString(s); err == nil && hmac.Equal(sum, want) {
			ok = true
		}
	}
	if !ok {
		return ErrBadSignature
	}
	if away := now.Sub(time.Unix(seconds, 0)); away > tolerance || away < -tolerance {
		return ErrTooOld
	}
	return nil
}
