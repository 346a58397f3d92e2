package format

import (
	"fmt"
	"strings"
)

// fewestKnown is how many names must be known where the others are more: no header line that a format takes has fewer.
const fewestKnown = 2

// Layout returns a layout that somebody wrote as the format's parser takes it: without the ${…} around each name that
// AWS's own templates of flow logs have. unknown are names that the format has no column for: those of a later version, or
// misspelt; their values go to unmapped. The error says that there is no such format, that it has no layouts, or that
// hardly any of the names are columns of its.
func (r *Registry) Layout(name, text string) (layout string, unknown []string, err error) {
	spec, ok := r.Spec(name)
	switch {
	case !ok:
		return "", nil, fmt.Errorf("no format is named %q", name)
	case spec.Column == nil:
		return "", nil, fmt.Errorf("format %s has no layouts: its columns are known", name)
	}
	names := strings.Fields(text)
	for i, n := range names {
		if inner, ok := strings.CutPrefix(n, "${"); ok {
			names[i] = strings.TrimSuffix(inner, "}")
		}
		if !spec.Column(names[i]) {
			unknown = append(unknown, names[i])
		}
	}
	if known := len(names) - len(unknown); known < fewestKnown && known < len(unknown) {
		return "", nil, fmt.Errorf("the layout names no columns of %s: %s; names are divided by blanks", name, strings.Join(unknown, " "))
	}
	return strings.Join(names, " "), unknown, nil
}
