package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go4.org/netipx"
)

// list is a named list of values for inList: texts, numbers, addresses and networks.
type list struct {
	id      string
	texts   map[string]struct{}
	numbers map[int64]struct{}
	nets    *netipx.IPSet // addresses and networks, sorted and merged: a lookup halves; nil when there are none
}

// hasText reports whether the list has the text, or a text that is an address lies in one of its networks.
func (l *list) hasText(v string) bool {
	if _, ok := l.texts[v]; ok || l.nets == nil {
		return ok
	}
	a, ok := parseAddr(v)
	return ok && l.nets.Contains(a)
}

func (l *list) hasNumber(v int64) bool { _, ok := l.numbers[v]; return ok }

func (l *list) hasAddr(v netip.Addr) bool { return l.nets != nil && v.IsValid() && l.nets.Contains(v) }

// newList makes a list of what somebody has written.
func newList(id string, values []string) *list {
	l := &list{id: id, texts: map[string]struct{}{}, numbers: map[int64]struct{}{}}
	var nets []netip.Prefix
	for _, v := range values {
		l.texts[v] = struct{}{}
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			l.numbers[n] = struct{}{}
		}
		if a, err := netip.ParseAddr(v); err == nil && a.Zone() == "" {
			a = a.Unmap()
			nets = append(nets, netip.PrefixFrom(a, a.BitLen()))
		}
		if p, err := netip.ParsePrefix(v); err == nil {
			nets = append(nets, unmapped(p))
		}
	}
	l.nets = mergedNets(nets)
	return l
}

var (
	likeAddress = regexp.MustCompile(`^\d{1,4}(\.\d{1,4}){3}$`)
	likeNetwork = regexp.MustCompile(`^(\d{1,4}(\.\d{1,4}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:]*)/\d+$`)
)

// brokenAddress says why a value that looks like an address or a network is none: as a mere text it would never be found. "" for
// all others.
func brokenAddress(v string) string {
	switch {
	case likeAddress.MatchString(v):
		if _, err := netip.ParseAddr(v); err != nil {
			return "no address"
		}
	case likeNetwork.MatchString(v):
		p, err := netip.ParsePrefix(v)
		switch {
		case err != nil:
			return "no network"
		case p != p.Masked():
			return "no network, but an address in one: write " + p.Masked().String()
		}
	}
	return ""
}

// unmapped is the network as events have addresses: IPv4 is never mapped into IPv6.
func unmapped(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// netList makes a list of networks.
func netList(id string, nets []netip.Prefix) *list {
	l := &list{id: id, texts: make(map[string]struct{}, len(nets)), nets: mergedNets(nets)}
	for _, n := range nets {
		l.texts[n.String()] = struct{}{}
	}
	return l
}

func mergedNets(nets []netip.Prefix) *netipx.IPSet {
	if len(nets) == 0 {
		return nil
	}
	var b netipx.IPSetBuilder
	for _, n := range nets {
		b.AddPrefix(n)
	}
	set, err := b.IPSet()
	if err != nil {
		panic("rule: a network that was parsed is none: " + err.Error())
	}
	return set
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

// ReadLists reads lists as conditions name them: files, and folders of them, or a pack's folder for its folder lists. It
// returns the values of each by its id, sorted; networks of aws_ranges as they are. The error is of type Problems.
func ReadLists(paths ...string) (map[string][]string, error) {
	l := &loader{}
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			l.fail(p, err)
			continue
		}
		dir := filepath.Clean(p)
		if !info.IsDir() {
			t := tree{FS: os.DirFS(filepath.Dir(dir)), prefix: filepath.Dir(dir)}
			l.read(t, filepath.Base(dir), &l.lists, false)
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, "lists")); err == nil && info.IsDir() {
			dir = filepath.Join(dir, "lists")
		}
		before := len(l.lists)
		l.collectBeside(tree{FS: os.DirFS(dir), prefix: dir}, ".", false)
		if len(l.lists) == before && len(l.problems) == 0 {
			l.fail(dir, errors.New("no list (*.yml) is in this folder"))
		}
	}
	values := map[string][]string{}
	for id, list := range l.parseLists().byID {
		values[id] = slices.Sorted(maps.Keys(list.texts))
	}
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	return values, nil
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

// read adds the list of one file: {id, title, values: […]}, or {id, title, aws_ranges: {…}}.
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
	var l *list
	if n := m.take("aws_ranges"); n != nil {
		l = netList(id, readRanges(m, n))
		if m.take("values") != nil {
			m.report(m.places["values"], "", "a list has either values or aws_ranges")
		}
	} else {
		n := m.need("values")
		values := m.texts(n, "values")
		for i, v := range values {
			if bad := brokenAddress(v); bad != "" {
				m.report(elementPlace(n, i), "", "%q is %s", v, bad)
			}
		}
		l = newList(id, values)
	}
	m.done()
	switch other := ls.byID[id]; {
	case id == "":
	case other != nil:
		m.report(nodePlace(idNode), "", "two lists are named %s", id)
	default:
		ls.byID[id] = l
	}
}
