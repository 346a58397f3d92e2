package rule

import (
	"errors"
	"io/fs"
	"net/netip"
	"path"

	"github.com/goccy/go-yaml/ast"

	"github.com/shrike-sec/shrike/pkg/rule/awsranges"
)

// readRanges reads aws_ranges: {file, services, regions}, and the file that it names.
func readRanges(m *mapping, n ast.Node) []netip.Prefix {
	b, ok := m.mapping(n, "aws_ranges")
	if !ok {
		return nil
	}
	fileNode := b.need("file")
	file := readRangesFile(b, fileNode)
	services, regions := b.take("services"), b.take("regions")
	wantServices, wantRegions := b.texts(services, "services"), b.texts(regions, "regions")
	b.done()
	if file == nil {
		return nil
	}
	all := known(b, services, wantServices, "service", file.Services())
	all = known(b, regions, wantRegions, "region", file.Regions()) && all
	nets := file.Of(wantServices, wantRegions)
	if all && len(nets) == 0 {
		b.report(b.at, "", "none of these services has a network in these regions")
	}
	return nets
}

// readRangesFile reads AWS's file, which lies beside the list's.
func readRangesFile(b *mapping, n ast.Node) *awsranges.File {
	name, ok := b.text(n, "file")
	if !ok {
		return nil
	}
	if path.Base(name) != name || name == "." || name == ".." {
		b.report(nodePlace(n), "", "file is the name of a file beside the list, not %q", name)
		return nil
	}
	text, err := b.beside(name)
	if errors.Is(err, fs.ErrNotExist) {
		b.report(nodePlace(n), "", "there is no %s beside the list: fetch it with `shrike lists aws-ranges --to %s`", name, path.Join(path.Dir(b.file), name))
		return nil
	}
	var file *awsranges.File
	if err == nil {
		file, err = awsranges.Parse(text)
	}
	if err != nil {
		b.report(nodePlace(n), "", "%s: %s", name, firstLine(err.Error()))
		return nil
	}
	return file
}

// known reports names that the file does not have: a list that is silently empty would be worse than none.
func known(b *mapping, n ast.Node, names []string, what string, have []string) bool {
	before := len(*b.problems)
	for i, name := range names {
		if !contains(have, name) {
			b.report(elementPlace(n, i), nearest(name, have), "the file has no %s %q", what, name)
		}
	}
	return len(*b.problems) == before
}
