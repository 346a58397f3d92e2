package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// checker reports what is wrong with decoded values. Paths are those of the decoder, e.g. "receivers[0].slack.url".
type checker struct{ d *decoder }

// fail reports a problem at the path, or at the nearest part of it that the file states. Where the decoder already
// found something wrong at or below the path it says nothing: the value is not what was written.
func (c *checker) fail(path, message string) {
	for broken := range c.d.broken {
		if broken == path || strings.HasPrefix(broken, path+".") || strings.HasPrefix(broken, path+"[") {
			return
		}
	}
	c.d.report(c.d.nearest(path), path+" "+message, "")
}

func (c *checker) oneOf(path, value string, words ...string) {
	if slices.Contains(words, value) {
		return
	}
	if _, bad := c.d.broken[path]; bad {
		return
	}
	c.d.report(c.d.nearest(path), fmt.Sprintf("%s is %q, not one of %s", path, value, join(words)), closest(value, words))
}

func join(words []string) string {
	var shown []string
	for _, w := range words {
		if w != "" {
			shown = append(shown, w)
		}
	}
	return strings.Join(shown, ", ")
}

func (c *checker) between(path string, v, least, most int) {
	if v < least || v > most {
		c.fail(path, fmt.Sprintf("is %d, not between %d and %d", v, least, most))
	}
}

func (c *checker) size(path string, v, least, most Size) {
	if v < least || v > most {
		c.fail(path, fmt.Sprintf("is %s, not between %s and %s", v.String(), least.String(), most.String()))
	}
}

func (c *checker) duration(path string, v, least, most Duration) {
	if v < least || v > most {
		c.fail(path, fmt.Sprintf("is %s, not between %s and %s", v.String(), least.String(), most.String()))
	}
}

func (c *checker) secret(path string, value Secret, file string) {
	if value != "" && file != "" {
		c.fail(path, "and its _file twin are both set")
	}
}

// url wants an http(s) address in exactly one of the pair. The message never holds the value, which may be a secret.
func (c *checker) url(path string, value Secret, file string) {
	if (value == "") == (file == "") {
		c.fail(path, "or its _file twin must be set, not both")
		return
	}
	if value == "" {
		return
	}
	u, err := url.Parse(value.Reveal())
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		c.fail(path, "is not an http or https address")
	}
}

func (c *checker) pair(path, cert, key string) {
	if (cert == "") != (key == "") {
		c.fail(path, "needs cert_file and key_file, or neither")
	}
}

func (c *checker) dialled(path string, a Address) {
	if a.Host() == "" || strings.HasSuffix(string(a), ":0") {
		c.fail(path, "must have a host and a port")
	}
}

func (c *checker) differ(path string, a Address, other string, b Address) {
	if a == b && a != "" && !strings.HasSuffix(string(a), ":0") {
		c.fail(path, "is the same as "+other)
	}
}

// Names become metric labels, consumer groups and file names.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (c *checker) name(path, v string, seen map[string]bool) {
	switch {
	case v == "":
		c.fail(path, "must not be empty")
	case !nameForm.MatchString(v):
		c.fail(path, "must be up to 64 letters, digits, dots, dashes and underscores")
	case seen[v]:
		c.fail(path, fmt.Sprintf("%q is already taken", v))
	}
	seen[v] = true
}

var identifierForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

func (c *checker) identifier(path, v string) {
	if !identifierForm.MatchString(v) {
		c.fail(path, "must be up to 64 letters, digits and underscores")
	}
}
