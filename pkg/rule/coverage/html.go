package coverage

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"

	"github.com/shrike-sec/shrike/pkg/rule/attack"
)

//go:embed coverage.html
var page string

// HTML writes the matrix as one page without anything outside of it: no script, no image, no font.
func (m *Matrix) HTML(w io.Writer) error {
	t, err := template.New("coverage").Parse(page)
	if err != nil {
		return fmt.Errorf("parse coverage page: %w", err)
	}
	data := struct {
		*Matrix
		Version, Notice string
		Legend          []LayerLegend
	}{m, attack.Version, attack.Notice, colors()}
	if err := t.Execute(w, data); err != nil {
		return fmt.Errorf("write coverage page: %w", err)
	}
	return nil
}
