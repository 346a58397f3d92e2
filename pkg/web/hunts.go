package web

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Hunt is a query with a name: a file hunts/<name>.sql of the detections, whose first line is a comment that says what
// it finds.
type Hunt struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	SQL         string `json:"sql"`
}

// Hunts reads the named hunts in the folder hunts of fsys, by name.
func Hunts(fsys fs.FS) ([]Hunt, error) {
	files, err := fs.Glob(fsys, "hunts/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list hunts: %w", err)
	}
	hunts := make([]Hunt, 0, len(files))
	for _, f := range files {
		text, err := fs.ReadFile(fsys, f)
		if err != nil {
			return nil, fmt.Errorf("read hunt: %w", err)
		}
		first, rest, _ := strings.Cut(string(text), "\n")
		description, ok := strings.CutPrefix(first, "--")
		if !ok {
			return nil, fmt.Errorf("read hunt %s: the first line must be a comment that says what it finds", f)
		}
		hunts = append(hunts, Hunt{
			Name: strings.TrimSuffix(path.Base(f), ".sql"), Description: strings.TrimSpace(description),
			SQL: strings.TrimSuffix(strings.TrimSpace(rest), ";"),
		})
	}
	return hunts, nil
}
