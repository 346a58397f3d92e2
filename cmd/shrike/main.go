// Command shrike watches cloud logs. All it does is in package cli.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/shrike-sec/shrike/pkg/cli"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
)

func main() {
	// The embedded engine is a child process: this binary again, which becomes ClickHouse. It must not set up anything
	// of ours first.
	if len(os.Args) > 1 && os.Args[1] == clickhouse.ChildCommand {
		os.Exit(clickhouse.Child(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	status := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	os.Exit(status)
}
