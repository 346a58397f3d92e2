package format

// recogniser names the format and layout of one stream's records. Objects seldom mix formats, so it asks the last
// format first and the others only when that one is less sure than it was.
type recogniser struct {
	reg    *Registry
	hint   string // the caller's format; "" asks the content
	layout string // the caller's, then that of the last header line
	keyed  []bool // by the registry's index: the object's key is one of the format's; nil when of none

	headed int // format of the last header line, -1 before one
	last   int // format of the last record, -1 before one
	sure   int // how sure last was

	once       string // format of the next record alone, "" for none
	onceLayout string
	named      extractedNames

	disagreements int64
}

func newRecogniser(reg *Registry, o SplitOptions) recogniser {
	g := recogniser{reg: reg, hint: o.Format, layout: o.Layout, keyed: reg.keyed(o.Origin.Object), headed: -1, last: -1}
	if i, ok := reg.byName[o.Last]; ok && reg.specs[i].Sniff != nil {
		g.last, g.sure = i, certain+1 // how sure it was is forgotten: the next record asks all formats
	}
	return g
}

// certain is the most that a format can be of a record.
const certain = 100

// lastFormat is the format of the last record, "" before one.
func (g *recogniser) lastFormat() string {
	if g.last < 0 {
		return ""
	}
	return g.reg.specs[g.last].Name
}

// recognise returns the format and the layout of a record; header is true for a line that names the columns of those
// after it and is no record.
func (g *recogniser) recognise(raw []byte) (name, layout string, header bool) {
	if g.once != "" {
		return g.once, g.onceLayout, false
	}
	if g.hint == "" && g.headed < 0 && g.last >= 0 && g.reg.specs[g.last].Header == nil && g.again(raw) {
		return g.format(g.last)
	}
	if raw[0] != '{' && g.header(raw) {
		return "", "", true
	}
	switch {
	case g.hint != "":
		g.doubtHint(raw)
		return g.hint, g.layout, false
	case g.headed >= 0 && raw[0] != '{':
		return g.format(g.headed)
	case g.last >= 0 && g.again(raw):
		return g.format(g.last)
	}
	if g.sniff(raw); g.last < 0 {
		return "", "", false
	}
	return g.format(g.last)
}

// near is by how much another format may be surer of a record than the last one's, which keeps it: objects seldom mix
// formats, and where two write the same lines some tell which of them it was.
const near = 10

// sniff asks all formats.
func (g *recogniser) sniff(raw []byte) {
	index, sure := g.reg.sniff(raw, -1, g.keyed)
	if g.last >= 0 && index >= 0 {
		if again := g.reg.specs[g.last].Sniff(raw); again > 0 && again >= sure-near {
			g.sure = again
			return
		}
	}
	g.last, g.sure = index, sure
}

// again says whether the last record's format is as sure of this one.
func (g *recogniser) again(raw []byte) bool { return g.reg.specs[g.last].Sniff(raw) >= g.sure }

// header takes a line that names columns.
func (g *recogniser) header(line []byte) bool {
	if g.hint != "" {
		spec, ok := g.reg.Spec(g.hint)
		if !ok || spec.Header == nil {
			return false
		}
		layout, ok := spec.Header(line)
		if ok {
			g.layout = layout
		}
		return ok
	}
	index, layout, ok := g.reg.header(line)
	if ok {
		g.headed, g.layout = index, layout
	}
	return ok
}

// recognised reports whether raw is a record of any format.
func (g *recogniser) recognised(raw []byte) bool {
	index, _ := g.reg.sniff(raw, -1, nil)
	return index >= 0
}

// isHeader reports whether any format has a header line like it.
func (g *recogniser) isHeader(line []byte) bool {
	_, _, ok := g.reg.header(line)
	return ok
}

// known returns the format and layout that hold for whatever follows.
func (g *recogniser) known() (name, layout string) {
	if g.headed >= 0 {
		return g.reg.specs[g.headed].Name, g.layout
	}
	return g.hint, g.layout
}

func (g *recogniser) format(index int) (name, layout string, header bool) {
	spec := &g.reg.specs[index]
	if spec.Header != nil {
		layout = g.layout
	}
	if g.keyed != nil && !g.keyed[index] {
		g.disagreements++
	}
	return spec.Name, layout, false
}

// strange reports that raw is a JSON object that no format recognises, or not the caller's: it may be no record at all.
func (g *recogniser) strange(name string, raw []byte) bool {
	switch {
	case raw[0] != '{':
		return false
	case g.hint == "":
		return name == ""
	}
	index, ok := g.reg.byName[g.hint]
	return ok && g.reg.specs[index].Sniff != nil && g.reg.specs[index].Sniff(raw) == 0
}

// doubtHint counts a record that is another format's and not the caller's. Where the caller also names the columns,
// content can say nothing: it would be asked for each record in vain.
func (g *recogniser) doubtHint(raw []byte) {
	index, ok := g.reg.byName[g.hint]
	if !ok || g.layout != "" || g.reg.specs[index].Sniff == nil || g.reg.specs[index].Sniff(raw) > 0 {
		return
	}
	if other, _ := g.reg.sniff(raw, index, nil); other >= 0 {
		g.disagreements++
	}
}
