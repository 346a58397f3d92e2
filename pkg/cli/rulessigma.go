package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/rule/sigma"
)

func (s *shell) rulesSigmaCommand() *cobra.Command {
	var output string
	var lists []string
	var force bool
	c := &cobra.Command{
		Use: "import-sigma PATH... --output DIR", Short: "Write Sigma rules and correlations as rules of Shrike", Args: cobra.MinimumNArgs(1),
		Long: `Write Sigma rules, correlations and filters as rules of Shrike: one file a rule, with author and licence, experimental
because Sigma's rules have no tests. What Shrike cannot say exactly is not imported, and standard error says why; it warns of
what a rule can hardly mean. Filters, and rules that only correlations use, are taken up into the rules that name them.
Placeholders (%Administrators%, by modifier expand) are filled in from --lists. docs/SIGMA.md has what becomes what. Run
shrike rules lint on the folder next, and add tests to the rules that you keep.

Exit status: 0 all imported, 1 some were not, 2 usage or files that are there already, 3 input that cannot be read.`,
		Example: `  shrike rules import-sigma sigma/rules/cloud/aws --output my-rules/sigma
  shrike rules import-sigma sigma/rules/web --output my-rules/sigma --force    # again, over those that are there
  shrike rules import-sigma sigma/placeholder --lists my-rules/lists --output my-rules/sigma`,
		RunE: func(_ *cobra.Command, args []string) error {
			if output == "" {
				return usage("say by --output into which folder")
			}
			return s.importSigma(args, lists, output, force)
		},
	}
	c.Flags().StringVar(&output, "output", "", "folder to write rule files into; made where there is none")
	listsFlag(c, &lists)
	c.Flags().BoolVar(&force, "force", false, "replace files that are there")
	return c
}

func listsFlag(c *cobra.Command, lists *[]string) {
	c.Flags().StringArrayVar(lists, "lists", nil, "list, or folder of lists, for the placeholders of Sigma rules; may be repeated")
}

// readSigma imports what is at the paths, its placeholders filled in from the lists.
func readSigma(paths, lists []string, o sigma.Options) (*sigma.Result, error) {
	files, err := sigma.Read(paths...)
	if err != nil {
		return nil, &exit{exitInput, err}
	}
	if o.Lists, err = rule.ReadLists(lists...); err != nil {
		return nil, fmt.Errorf("read --lists: %w", err)
	}
	result := sigma.Import(files, o)
	if len(result.Rules)+len(result.Refusals)+result.Parts == 0 { // a folder that is not the one that was meant
		return nil, &exit{exitInput, fmt.Errorf("read Sigma rules: no *.yml or *.yaml file with a document in %s", strings.Join(paths, ", "))}
	}
	return result, nil
}

func (s *shell) importSigma(paths, lists []string, dir string, force bool) error {
	result, err := readSigma(paths, lists, sigma.Options{})
	if err != nil {
		return err
	}
	if err := writeRules(result.Rules, dir, force); err != nil {
		return err
	}
	for _, r := range result.Refusals {
		saySigma(s.err, r.Title, "", r.Problem)
	}
	for _, d := range result.Doubts {
		saySigma(s.err, d.Title, "warning: ", d.Problem)
	}
	sayReasons(s.err, result.Refusals)
	fmt.Fprintf(s.out, "%s written to %s, %d not imported, %d taken up into others, %s\n",
		counted(len(result.Rules), "rule"), dir, len(result.Refusals), result.Parts, counted(len(result.Doubts), "warning"))
	if len(result.Refusals) > 0 {
		return &exit{exitBad, nil}
	}
	return nil
}

// sayReasons sums up why documents were not imported, where the lines above it are too many to be read.
func sayReasons(out io.Writer, refusals []sigma.Refusal) {
	const few, shown = 20, 10
	if len(refusals) <= few {
		return
	}
	count := map[string]int{}
	for _, r := range refusals {
		count[r.Message]++
	}
	reasons := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(count[b]-count[a], strings.Compare(a, b))
	})
	fmt.Fprintln(out, "not imported:")
	for _, reason := range reasons[:min(shown, len(reasons))] {
		fmt.Fprintf(out, "%7d  %s\n", count[reason], printable(reason))
	}
	if more := len(reasons) - shown; more > 0 {
		fmt.Fprintf(out, "         and for %d other reasons, see above\n", more)
	}
}

// writeRules writes all files, or none where one is there already.
func writeRules(rules []sigma.Rule, dir string, force bool) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return usage("%s is a file: --output is the folder to write rule files into", dir)
	}
	var there []error
	for _, r := range rules {
		name := filepath.Join(dir, r.ID+".yml")
		if _, err := os.Lstat(name); !force && !errors.Is(err, os.ErrNotExist) {
			there = append(there, fmt.Errorf("%s is there already: --force replaces it", name))
		}
	}
	if len(there) > 0 {
		return &exit{exitUsage, errors.Join(there...)}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder of rules: %w", err)
	}
	for _, r := range rules {
		name := filepath.Join(dir, r.ID+".yml")
		if err := renameio.WriteFile(name, r.Text, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// saySigma prints what is to be said of a Sigma document, on one line.
func saySigma(out io.Writer, title, kind string, p rule.Problem) {
	at := fmt.Sprintf("%s:%d:%d", printable(p.File), p.Line, p.Column)
	if title != "" {
		at += ": " + printable(title)
	}
	fmt.Fprintf(out, "%s: %s%s\n", at, kind, printable(p.Summary()))
}

// withSigma adds the Sigma rules at the paths to a set. What cannot be imported is said, and does not stop the rest.
func (s *shell) withSigma(set *rule.Set, paths, lists []string) (*rule.Set, error) {
	result, err := readSigma(paths, lists, sigma.Options{Taken: func(id string) bool { return set.Rule(id) != nil }})
	if err != nil {
		return nil, err
	}
	imported, err := result.Set()
	if err != nil {
		return nil, err
	}
	const shown = 20
	for _, r := range result.Refusals[:min(shown, len(result.Refusals))] {
		saySigma(s.err, r.Title, "", r.Problem)
	}
	if more := len(result.Refusals) - shown; more > 0 {
		fmt.Fprintf(s.err, "and %d more that cannot be imported: shrike rules import-sigma says why\n", more)
	}
	return set.With(imported.Rules()), nil
}
