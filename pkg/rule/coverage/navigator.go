package coverage

import (
	"fmt"
	"strings"

	"github.com/shrike-sec/shrike/pkg/rule/attack"
)

// Layer is a layer of ATT&CK Navigator, format 4.5:
// https://github.com/mitre-attack/attack-navigator/blob/master/layers/spec/v4.5/layerformat.md
type Layer struct {
	Name        string           `json:"name"`
	Versions    LayerVersions    `json:"versions"`
	Domain      string           `json:"domain"`
	Description string           `json:"description"`
	Sorting     int              `json:"sorting"` // 3: highest score first
	Techniques  []LayerTechnique `json:"techniques"`
	Gradient    LayerGradient    `json:"gradient"`
	Legend      []LayerLegend    `json:"legendItems"`
	ShowTactics bool             `json:"showTacticRowBackground"`
}

// LayerVersions says of what the layer is.
type LayerVersions struct {
	Attack    string `json:"attack"` // major version
	Navigator string `json:"navigator"`
	Layer     string `json:"layer"`
}

// LayerTechnique is one annotated technique, under all of its tactics.
type LayerTechnique struct {
	ID       string          `json:"techniqueID"`
	Score    int             `json:"score"`           // number of rules
	Color    string          `json:"color,omitempty"` // by the worst severity
	Comment  string          `json:"comment"`
	Enabled  bool            `json:"enabled"`
	Metadata []LayerMetadata `json:"metadata"`
	ShowSub  bool            `json:"showSubtechniques"`
}

// LayerMetadata is shown beside a technique.
type LayerMetadata struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// LayerGradient colours scores where a technique has no colour of its own.
type LayerGradient struct {
	Colors []string `json:"colors"`
	Min    int      `json:"minValue"`
	Max    int      `json:"maxValue"`
}

// LayerLegend explains a colour.
type LayerLegend struct {
	Label string `json:"label"`
	Color string `json:"color"`
}

// colors are those of severities, worst first; black text is readable on each of them.
func colors() []LayerLegend {
	return []LayerLegend{
		{"critical", "#ff8080"}, {"high", "#ffb070"}, {"medium", "#ffe08a"}, {"low", "#b7e3a1"}, {"info", "#bcd9f5"},
	}
}

// Layer returns the matrix for ATT&CK Navigator.
func (m *Matrix) Layer() Layer {
	major, _, _ := strings.Cut(attack.Version, ".")
	l := Layer{
		Name:     "Shrike",
		Versions: LayerVersions{Attack: major, Navigator: "5.1.0", Layer: "4.5"},
		Domain:   "enterprise-attack", Sorting: 3, ShowTactics: true, Legend: colors(), Techniques: []LayerTechnique{},
		Description: fmt.Sprintf("%d techniques that %d rules look for. The score is the number of rules, the colour the worst severity.", m.Techniques(), m.Rules),
	}
	byID, most := map[string]bool{}, 1
	for _, c := range m.Columns {
		for i := range c.Cells {
			if cell := &c.Cells[i]; !byID[cell.ID] {
				byID[cell.ID] = true
				l.Techniques = append(l.Techniques, cell.layer())
				most = max(most, len(cell.Rules))
			}
		}
	}
	l.Gradient = LayerGradient{Colors: []string{"#ffffff", "#66b1ff"}, Max: most}
	return l
}

func (c *Cell) layer() LayerTechnique {
	t := LayerTechnique{ID: c.ID, Score: len(c.Rules), Enabled: true, Metadata: []LayerMetadata{}, ShowSub: !c.Sub}
	for _, legend := range colors() {
		if legend.Label == c.Severity {
			t.Color = legend.Color
		}
	}
	var ids []string
	for _, r := range c.Rules {
		ids = append(ids, r.ID)
		t.Metadata = append(t.Metadata, LayerMetadata{r.ID, r.Severity.Highest()})
	}
	t.Comment = strings.Join(ids, ", ")
	return t
}
