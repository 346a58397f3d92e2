package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// scalar is a value with a text form of its own. parse and String are inverse but for Secret, which hides itself.
type scalar interface {
	parse(text string) error
	String() string
}

var (
	_ scalar = (*Duration)(nil)
	_ scalar = (*Size)(nil)
	_ scalar = (*Secret)(nil)
	_ scalar = (*Address)(nil)
)

// Duration is a stretch of time written as 90s, 10m, 24h or 14d, or several of them: 1d12h.
type Duration time.Duration

// Std returns it as the standard library's.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes it with days where it has whole ones.
func (d *Duration) String() string {
	days, rest := *d/day, *d%day
	text := ""
	if days > 0 {
		text = strconv.FormatInt(int64(days), 10) + "d"
	}
	if rest == 0 && days > 0 {
		return text
	}
	std := time.Duration(rest).String()
	if strings.HasSuffix(std, "m0s") {
		std = strings.TrimSuffix(std, "0s")
	}
	if strings.HasSuffix(std, "h0m") {
		std = strings.TrimSuffix(std, "0m")
	}
	return text + std
}

func (d *Duration) parse(text string) error {
	bad := fmt.Errorf("not a duration: %q (write 90s, 10m, 24h or 14d)", text)
	rest, days := text, int64(0)
	if n, after, ok := strings.Cut(text, "d"); ok {
		v, err := strconv.ParseUint(n, 10, 31)
		if err != nil || int64(v) > math.MaxInt64/int64(day) {
			return bad
		}
		days, rest = int64(v), after
		if rest == "" {
			*d = Duration(days) * day
			return nil
		}
	}
	std, err := time.ParseDuration(rest)
	if err != nil || std < 0 || int64(std) > math.MaxInt64-days*int64(day) {
		return bad
	}
	*d = Duration(days)*day + Duration(std)
	return nil
}

// Size is a number of bytes written as 900kB, 64MiB or plain: powers of 1000 with B, of 1024 with iB.
type Size int64

var sizeUnits = [...]struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6},
	{"KiB", 1 << 10}, {"kB", 1e3}, {"B", 1},
}

// String writes it in the largest unit that it is a whole number of.
func (s *Size) String() string {
	for _, u := range sizeUnits {
		if n := int64(*s); n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(*s), 10) + "B"
}

func (s *Size) parse(text string) error {
	number, factor := text, int64(1)
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(text, u.name); ok {
			number, factor = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || int64(n) > math.MaxInt64/factor {
		return fmt.Errorf("not a size: %q (write a whole number and kB, MB, GB, KiB, MiB or GiB)", text)
	}
	*s = Size(int64(n) * factor)
	return nil
}

// Secret is text that must not be seen: whatever prints it prints <secret>. Reveal returns it.
type Secret string

const hidden = "<secret>"

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String hides the text; nothing when there is none.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString hides the text from %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText hides the text from JSON and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s *Secret) parse(text string) error {
	if text == hidden {
		return errors.New("this is what a printed configuration shows in place of a secret")
	}
	*s = Secret(text)
	return nil
}

// ReadSecret returns the secret itself where it is set, else what the file holds without the line end; "" when there
// is neither. An empty file is an error: it is a secret that somebody forgot.
func ReadSecret(s Secret, file string) (Secret, error) {
	if s != "" || file == "" {
		return s, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "", fmt.Errorf("read secret: %s is empty", file)
	}
	return Secret(text), nil
}

// Address is host:port. An empty host means all addresses of the machine, port 0 any free one.
type Address string

func (a *Address) String() string { return string(*a) }

func (a *Address) parse(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("not an address: %q (write host:port)", text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("not a port: %q", port)
	}
	if strings.ContainsAny(host, " \t\n/@") {
		return fmt.Errorf("not a host: %q", host)
	}
	*a = Address(text)
	return nil
}

// Host returns the part before the port, without brackets.
func (a Address) Host() string {
	host, _, err := net.SplitHostPort(string(a))
	if err != nil {
		return ""
	}
	return host
}

// Loopback reports whether only this machine can reach the address. A name other than localhost is not looked up: it
// counts as reachable.
func (a Address) Loopback() bool {
	host := a.Host()
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Addresses returns the texts of a list of addresses.
func Addresses(list []Address) []string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = string(a)
	}
	return out
}
