package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
)

// list is a named list of values for inList: texts, numbers, addresses and networks.
type list struct {
	id      string
	texts   map[string]struct{}
	numbers map[int64]struct{}
	addrs   map[netip.Addr]struct{}
	nets    []netip.Prefix
}

func (l *list) hasText(v string) bool { _, ok := l.texts[v]; return ok }

func (l *list) hasNumber(v int64) bool { _, ok := l.numbers[v]; return ok }

func (l *list) hasAddr(v netip.Addr) bool {
	if _, ok := l.addrs[v]; ok {
		return true
	}
	for _, n := range l.nets {
		if n.Contains(v) {
			return true
		}
	}
	return false
}

func newList(id string, values []string) *list {
	l := &list{id: id, texts: map[string]struct{}{}, numbers: map[int64]struct{}{}, addrs: map[netip.Addr]struct{}{}}
	for _, v := range values {
		l.texts[v] = struct{}{}
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			l.numbers[n] = struct{}{}
		}
		if a, err := netip.ParseAddr(v); err == nil {
			l.addrs[a.Unmap()] = struct{}{}
		}
		if p, err := netip.ParsePrefix(v); err == nil {
			l.nets = append(l.nets, p.Masked())
		}
	}
	return l
}

// hash identifies the list's content, whatever its order.
func (l *list) hash() string {
	values := make([]string, 0, len(l.texts))
	for v := range l.texts {
		values = append(values, v)
	}
	slices.Sort(values)
	sum := sha256.Sum256([]byte(l.id + "\x00" + strings.Join(values, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// lists are the lists that conditions may name.
type lists struct{ byID map[string]*list }

func (ls *lists) ids() []string {
	ids := make([]string, 0, len(ls.byID))
	for id := range ls.byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// read adds the list of one file: {id, title, values: [...]}.
func (ls *lists) read(s *source, text []byte) {
	body := s.parseYAML(text)
	if body == nil {
		return
	}
	m, ok := s.mapping(body, "the list")
	if !ok {
		return
	}
	idNode := m.need("id")
	id, _ := m.text(idNode, "id")
	if file := strings.TrimSuffix(path.Base(strings.ReplaceAll(s.file, `\`, "/")), ".yml"); id != "" && id != file {
		m.report(nodePlace(idNode), "", "id must be the file's name, %q, not %q", file, id)
	}
	m.text(m.need("title"), "title")
	values := m.texts(m.need("values"), "values")
	m.done()
	switch other := ls.byID[id]; {
	case id == "":
	case other != nil:
		m.report(nodePlace(idNode), "", "two lists are named %s", id)
	default:
		ls.byID[id] = newList(id, values)
	}
}
