package webhook

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/notify"
	"github.com/shrike-sec/shrike/pkg/notify/notifytest"
)

func now() time.Time { return time.Unix(1772356500, 0) }

func newNotifier(t *testing.T, url string, c *tls.Config) notify.Notifier {
	t.Helper()
	n, err := New(Options{URL: url, Secret: "s3cret", TLS: c, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestConformance(t *testing.T) { notifytest.Run(t, newNotifier) }

func TestWhatIsPosted(t *testing.T) {
	t.Parallel()
	s := notifytest.NewServer(t, notifytest.Status(http.StatusOK))
	a, body := notifytest.Alert()
	if err := newNotifier(t, s.URL, nil).Notify(t.Context(), a, body); err != nil {
		t.Fatal(err)
	}
	got := s.Requests()[0]
	if !bytes.Equal(got.Body, body) {
		t.Errorf("body %s, want the alert's JSON byte for byte", got.Body)
	}
	for name, want := range map[string]string{"Idempotency-Key": a.ID + ".3", "Content-Type": "application/json"} {
		if got.Header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Header.Get(name), want)
		}
	}
	if err := Verify([]byte("s3cret"), got.Header.Get(SignatureHeader), got.Body, now(), time.Minute); err != nil {
		t.Error(err)
	}
}

// The signature is what printf '1772356500.{"a":1}' | openssl dgst -sha256 -hmac s3cret prints, as anybody would compute it.
func TestSignatureIsWhatTheDocumentsSay(t *testing.T) {
	t.Parallel()
	const want = "t=1772356500,v1=73574e76e60a65e28d4e294183fe0c5a9c56de5e9c9b0b8f9a6a66133fabc7e3"
	if got := Sign([]byte("s3cret"), []byte(`{"a":1}`), now()); got != want {
		t.Errorf("Sign = %s, want %s", got, want)
	}
}

// What was signed verifies; with anything changed it does not.
func TestVerify(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret, body := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "secret"), rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		header := Sign(secret, body, now())
		late := now().Add(time.Duration(rapid.IntRange(-60, 60).Draw(t, "late")) * time.Second)
		if err := Verify(secret, header, body, late, time.Minute); err != nil {
			t.Fatalf("Verify: %v", err)
		}
		if err := Verify(secret, "v1=00, v2=x,"+header, body, late, time.Minute); err != nil {
			t.Fatalf("Verify with other parts: %v", err)
		}
		if err := Verify(secret, header, append(bytes.Clone(body), 'x'), now(), time.Minute); !errors.Is(err, ErrBadSignature) {
			t.Fatalf("another body: %v", err)
		}
		if err := Verify(append(bytes.Clone(secret), 'x'), header, body, now(), time.Minute); !errors.Is(err, ErrBadSignature) {
			t.Fatalf("another secret: %v", err)
		}
		later := "t=1772356501" + header[len("t=1772356500"):]
		if err := Verify(secret, later, body, now(), time.Minute); !errors.Is(err, ErrBadSignature) {
			t.Fatalf("another time: %v", err)
		}
		for _, away := range []time.Duration{61 * time.Second, -61 * time.Second} {
			if err := Verify(secret, header, body, now().Add(away), time.Minute); !errors.Is(err, ErrTooOld) {
				t.Fatalf("%v away: %v", away, err)
			}
		}
		if err := Verify(secret, rapid.String().Draw(t, "header"), body, now(), time.Minute); err == nil {
			t.Fatal("any header verifies")
		}
	})
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "example.com", "ftp://example.com", "http://", "http://a b"} {
		if _, err := New(Options{URL: url}); err == nil {
			t.Errorf("URL %q: no error", url)
		}
	}
}
