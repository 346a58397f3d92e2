package config

import (
	"fmt"
	"regexp"
	"strings"
)

var reference = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

// expand replaces ${NAME} and ${NAME:-default} by the environment's value; the default stands for a variable that is
// not set or empty, as in a shell. $${ is the text ${. What was put in is not expanded again.
func expand(text string, env func(string) (string, bool)) (string, error) {
	var out strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			out.WriteString(text)
			return out.String(), nil
		}
		if i > 0 && text[i-1] == '$' {
			out.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		out.WriteString(text[:i])
		m := reference.FindStringSubmatch(text[i:])
		if m == nil {
			return "", fmt.Errorf("write ${NAME}, ${NAME:-default}, or $${ for the text itself")
		}
		value, set := env(m[1])
		switch {
		case m[2] != "" && value == "":
			value = m[3]
		case !set:
			return "", fmt.Errorf("the environment has no %s (write ${%s:-default} if it may be missing)", m[1], m[1])
		}
		out.WriteString(value)
		text = text[i+len(m[0]):]
	}
}

// escape is the inverse of expand.
func escape(text string) string { return strings.ReplaceAll(text, "${", "$${") }
