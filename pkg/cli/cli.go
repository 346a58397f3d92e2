package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/telemetry"
)

// The exit statuses.
const (
	exitOK    = 0
	exitBad   = 1 // the answer is bad, or the work could not be done
	exitUsage = 2 // flags, arguments, configuration, rule files
	exitInput = 3 // input that cannot be read
)

// systemConfig is where packages and the image put the configuration.
const systemConfig = "/etc/shrike/shrike.yml"

// exit is an error with a status of its own; err may be nil when everything is already said.
type exit struct {
	status int
	err    error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// usage makes an error that ends with status 2.
func usage(format string, args ...any) error { return &exit{exitUsage, fmt.Errorf(format, args...)} }

// shell is what all commands share: the streams and the global flags.
type shell struct {
	in       io.Reader
	out, err io.Writer

	configPath string
	dataDir    string
	logLevel   string

	started bool // flags and arguments were good: errors from here on are not about usage
}

// Main runs one command and returns its exit status. args are without the program's name.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s := &shell{in: stdin, out: stdout, err: stderr}
	root := s.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return s.status(root.ExecuteContext(ctx))
}

// status prints the error, if any, and turns it into the exit status.
func (s *shell) status(err error) int {
	if err == nil {
		return exitOK
	}
	status, said := exitBad, false
	var e *exit
	var settings config.Problems
	var rules rule.Problems
	switch {
	case errors.As(err, &e):
		status, said = e.status, e.err == nil
	case !s.started, errors.As(err, &settings), errors.As(err, &rules):
		status = exitUsage
	}
	if !said {
		fmt.Fprintf(s.err, "shrike: %s\n", printableLines(err.Error())) // names of files, too, may be an attacker's: keys of a bucket
	}
	if !s.started {
		fmt.Fprintln(s.err, "Run `shrike --help`, or `shrike COMMAND --help` for examples.")
	}
	return status
}

func (s *shell) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "shrike",
		Short: "Watch cloud logs, alert within a second, keep every event for SQL",
		Example: `  shrike demo                        a day of sample logs with three attacks in it
  shrike scan trail/                 run the rules over files, nothing else needed
  shrike run                         everything in one process, engines embedded
  shrike run --config shrike.yml     as configured`,
		SilenceUsage: true, SilenceErrors: true,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return c.Help()
		},
	}
	f := root.PersistentFlags()
	f.StringVarP(&s.configPath, "config", "c", "", "configuration file (none: "+systemConfig+" if it is there, else defaults)")
	f.StringVar(&s.dataDir, "data-dir", "", "data folder, instead of the configuration's")
	f.StringVar(&s.logLevel, "log-level", "", "debug, info, warn or error, instead of the configuration's")
	root.AddCommand(
		s.runCommand(), s.demoCommand(), s.scanCommand(), s.parseCommand(), s.sendCommand(), s.huntCommand(),
		s.alertsCommand(), s.rulesCommand(), s.listsCommand(), s.statusCommand(), s.healthCommand(), s.migrateCommand(),
		s.checkCommand(), s.initCommand(), s.tokenCommand(), s.versionCommand(),
	)
	root.AddCommand(s.roleCommands()...)
	s.markStart(root)
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}

// markStart has each command note that it started: cobra checks flags and arguments before RunE, some of them after
// its hooks, and errors up to there are about usage.
func (s *shell) markStart(c *cobra.Command) {
	if do := c.RunE; do != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			s.started = true
			return do(c, args)
		}
	}
	for _, sub := range c.Commands() {
		s.markStart(sub)
	}
}

// config loads the configuration with the global flags laid over it.
func (s *shell) config() (*config.Config, error) {
	path := s.configPath
	if path == "" {
		if _, err := os.Stat(systemConfig); err == nil {
			path = systemConfig
		}
	}
	cfg, err := config.Load(path)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	if s.dataDir != "" {
		cfg.DataDir = s.dataDir
	}
	if s.logLevel != "" {
		if _, err := zapcore.ParseLevel(s.logLevel); err != nil {
			return nil, usage("--log-level is %q, not one of debug, info, warn, error", s.logLevel)
		}
		cfg.Log.Level = s.logLevel
	}
	return cfg, nil
}

// logger writes to stderr, for stdout is for results.
func (s *shell) logger(cfg *config.Config) (*zap.Logger, error) {
	return telemetry.NewLogger(telemetry.LogOptions{Level: cfg.Log.Level, Format: cfg.Log.Format, Out: s.err})
}

// isTerminal reports whether a person looks at what is written to w.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
