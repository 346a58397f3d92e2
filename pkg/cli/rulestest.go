package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/ruletest"
)

type testFlags struct {
	only, output, junit string
	verbose             bool
}

func (s *shell) rulesTestCommand() *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use: "test [PATH...]", Short: "Run the tests inside rule files", Long: `Run the tests inside rule files: their raw log lines go through the real parsers and the rule itself.

Exit status: 0 all passed, 1 some did not, 2 usage or broken rules.`,
		Example: `  shrike rules test                   the configured rules, else the built-in ones
  shrike rules test my-rules/ --rule aws-root-console-login --verbose
  shrike rules test my-rules/ --junit rules.xml
  shrike rules test --output json | jq -r 'select(.passed | not) | .diff'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf("output", f.output, "text", "json"); err != nil {
				return err
			}
			return s.testRules(cmd.Context(), args, f)
		},
	}
	c.Flags().StringVar(&f.only, "rule", "", "id of the one rule to test")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "print the tests that passed too")
	c.Flags().StringVarP(&f.output, "output", "o", "text", "text, or json for one test a line")
	c.Flags().StringVar(&f.junit, "junit", "", "file to write the results to as JUnit XML, for CI systems; - is standard output instead of the text")
	return c
}

func (s *shell) testRules(ctx context.Context, paths []string, f testFlags) error {
	var ids []string
	if f.only != "" {
		ids = []string{f.only}
	}
	set, err := s.rules(paths, ids)
	if err != nil {
		return err
	}
	if len(set.Rules()) == 0 { // a pipeline that tests the wrong folder should hear of it
		return usage("there are no rules to test: a rule is a file <id>.yml")
	}
	results, err := ruletest.Run(ctx, set, builtin.Formats(), f.only)
	if err != nil {
		return fmt.Errorf("test rules: %w", err)
	}
	failed := 0
	for _, r := range results {
		if !r.Passed {
			failed++
		}
	}
	if err := s.writeJUnit(results, f.junit); err != nil {
		return err
	}
	switch {
	case f.output == "json":
		err = s.printTestsJSON(results)
	case f.junit != "-":
		s.printTests(results, f.verbose)
		_, err = fmt.Fprintf(s.out, "%s of %s: %d passed, %d failed\n", counted(len(results), "test"), counted(len(set.Rules()), "rule"), len(results)-failed, failed)
	}
	if err != nil {
		return fmt.Errorf("write test results: %w", err)
	}
	if failed > 0 {
		return &exit{exitBad, nil}
	}
	return nil
}

func (s *shell) printTests(results []ruletest.Result, verbose bool) {
	for _, r := range results {
		switch {
		case !r.Passed:
			fmt.Fprintf(s.out, "FAIL %s: %s (%s:%d)\n%s\n", r.Rule, printable(r.Test), r.File, r.Line, indent(r.Diff))
		case verbose:
			fmt.Fprintf(s.out, "ok   %s: %s (%s)\n", r.Rule, printable(r.Test), r.Took.Round(time.Microsecond))
		}
	}
}

// testResult is what `rules test --output json` prints for a test.
type testResult struct {
	Rule    string  `json:"rule"`
	Test    string  `json:"test"`
	File    string  `json:"file"`
	Line    int     `json:"line"`
	Passed  bool    `json:"passed"`
	Diff    string  `json:"diff,omitempty"`
	Seconds float64 `json:"seconds"`
}

func (s *shell) printTestsJSON(results []ruletest.Result) error {
	for _, r := range results {
		if err := printJSON(s.out, testResult{r.Rule, r.Test, r.File, r.Line, r.Passed, r.Diff, r.Took.Seconds()}); err != nil {
			return err
		}
	}
	return nil
}

// writeJUnit writes the results as JUnit has them: a suite a rule, a case a test.
func (s *shell) writeJUnit(results []ruletest.Result, path string) error {
	if path == "" {
		return nil
	}
	report := junitReport(results)
	if path == "-" {
		return report.WriteXML(s.out)
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	err = report.WriteXML(f)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	return nil
}

func junitReport(results []ruletest.Result) *junit.Testsuites {
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }
	report := &junit.Testsuites{Name: "shrike rules"}
	var total time.Duration
	for len(results) > 0 {
		suite := junit.Testsuite{Name: results[0].Rule, File: results[0].File, ID: len(report.Suites)}
		var took time.Duration
		for len(results) > 0 && results[0].Rule == suite.Name {
			r := results[0]
			results = results[1:]
			c := junit.Testcase{Name: printable(r.Test), Classname: r.Rule, Time: seconds(r.Took)}
			if !r.Passed {
				c.Failure = &junit.Result{
					Message: "the alerts are not those that the test wants", Type: "alerts",
					Data: fmt.Sprintf("%s:%d\n%s", r.File, r.Line, indent(r.Diff)),
				}
			}
			suite.AddTestcase(c)
			took += r.Took
		}
		suite.Time = seconds(took)
		total += took
		report.AddSuite(suite)
	}
	report.Time = seconds(total)
	return report
}

// indent keeps the lines of a diff but nothing else that a terminal would obey.
func indent(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, l := range lines {
		lines[i] = "     " + printable(strings.ReplaceAll(l, "\t", "  "))
	}
	return strings.Join(lines, "\n")
}
