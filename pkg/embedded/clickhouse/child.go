package clickhouse

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/ebitengine/purego"
)

// ChildCommand is the hidden first argument that makes our binary the server: main hands what follows it to Child.
const ChildCommand = "__clickhouse"

// endDeadline bounds how long a server takes to end by itself once told to; then it is killed. It writes nothing on
// its way out that a restart needs, so the bound only keeps a stuck one from staying for ever.
const endDeadline = 8 * time.Second

// orphanDeadline is the same for a server whose parent is dead: nobody waits for what it still does, and the next one for its
// folder.
const orphanDeadline = time.Second

// Child is the server process: args are the library's path and the arguments of `clickhouse local`. It returns the exit
// status when standard input has been closed, or when the server could not start.
func Child(args []string) int {
	if len(args) < 1 {
		return complain(os.Stderr, "start ClickHouse: no library named")
	}
	// The parent's death closes our standard input, which ends the server cleanly; the signal that comes with it
	// (Pdeathsig) only starts the clock.
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		<-end
		time.AfterFunc(orphanDeadline, func() { os.Exit(1) })
	}()

	runtime.LockOSThread()
	lib, err := purego.Dlopen(args[0], purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return complain(os.Stderr, "load %s: %v", args[0], err)
	}
	var run func(argc int32, argv []*byte) uintptr
	var resultError func(result uintptr) string
	purego.RegisterLibFunc(&run, lib, "chdb_query_cmdline")
	purego.RegisterLibFunc(&resultError, lib, "chdb_result_error")

	argv := cStrings(append([]string{"clickhouse"}, args[1:]...))
	result := run(int32(len(argv)-1), argv)
	runtime.KeepAlive(argv)
	if result == 0 {
		return complain(os.Stderr, "run ClickHouse: no result")
	}
	if msg := resultError(result); msg != "" {
		return complain(os.Stderr, "run ClickHouse: %s", msg)
	}
	return 0
}

func complain(w io.Writer, format string, args ...any) int {
	fmt.Fprintf(w, format+"\n", args...)
	return 1
}

// cStrings returns a NULL-terminated argv.
func cStrings(args []string) []*byte {
	argv := make([]*byte, 0, len(args)+1)
	for _, a := range args {
		argv = append(argv, &append([]byte(a), 0)[0])
	}
	return append(argv, nil)
}
