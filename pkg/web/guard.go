package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// equal compares secrets in a time that tells nothing about them, not even their length.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// bearerToken returns the token of the Authorization header.
func bearerToken(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

// bearer lets requests with the token through; "" lets all through.
func bearer(token string, next http.Handler) http.Handler {
	if token == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if given, ok := bearerToken(r); ok && equal(given, token) {
			next.ServeHTTP(w, r)
			return
		}
		refuse(w)
	})
}

func refuse(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="shrike"`)
	writeError(w, http.StatusUnauthorized, "a token is needed: Authorization: Bearer …")
}

// The console's cookie. It holds a code derived from the token, so that it is worth nothing elsewhere and ends with
// the token.
const (
	cookieName = "shrike_session"
	cookieLife = 12 * time.Hour
)

func sessionCode(token string) string {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("shrike console session"))
	return hex.EncodeToString(m.Sum(nil))
}

func sessionCookie(r *http.Request, value string, life time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	}
}

// allowed reports whether the request carries the token, or the cookie that stands for it.
func allowed(r *http.Request, token string) bool {
	if given, ok := bearerToken(r); ok {
		return equal(given, token)
	}
	c, err := r.Cookie(cookieName)
	return err == nil && equal(c.Value, sessionCode(token))
}

// onlyHosts refuses requests whose Host is a name that is not ours. A page of an attacker's site can make its own name
// point to 127.0.0.1 and then read what the browser gets from there; an address as Host cannot be pointed elsewhere.
func onlyHosts(loopback bool, hosts []string, next http.Handler) http.Handler {
	if !loopback {
		return next // names of other machines are proxies' and clusters' business; the token guards
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.Trim(host, "[]")
		_, notAddress := netip.ParseAddr(host)
		if notAddress != nil && !strings.EqualFold(host, "localhost") && !slices.ContainsFunc(hosts, func(n string) bool { return strings.EqualFold(n, host) }) {
			writeError(w, http.StatusMisdirectedRequest, "this server is not known by that name; add it to listen.hosts")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// policy lets a page load our style sheet and send forms to us, and nothing else.
const policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secure sets the headers that keep browsers from guessing, framing, caching and telling others.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// LoopbackGuard refuses requests by a foreign name to a handler on a loopback address; see NewOps. It is for handlers
// of other packages that let requests without a token in, such as ingest.
func LoopbackGuard(hosts []string, next http.Handler) http.Handler {
	return onlyHosts(true, hosts, next)
}
