package clickhouse

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// Options say where and how the server runs.
type Options struct {
	Dir      string // data, configuration and generated passwords; required
	Library  string // path of libchdb.so; "" looks it up (Library)
	TCPPort  int    // native protocol; 0 takes a free port
	HTTPPort int    // 0 takes a free port
	Memory   int64  // most bytes the server may use; 0 is 3 GiB
	Log      *zap.Logger

	// Databases is what the hunter may read: a database's name, or its beginning and "*"; "" is "shrike".
	Databases string
	// The hunter's limits for one query, that nobody can raise: 0 is 300 s, 2 GiB, 1,000,000 rows, 256 MiB of result.
	HunterSeconds                         int
	HunterMemory, HunterRows, HunterBytes int64

	// Command re-executes this binary as the child: its path and the arguments before the library's; empty is this
	// executable with ChildCommand. Env is added to the child's environment. Tests need both.
	Command []string
	Env     []string
}

// readyDeadline bounds how long a server may take until it answers; a large folder loads slowly, a dead one must be told.
const readyDeadline = 2 * time.Minute

// Server is a running server, owned by whoever started it.
type Server struct {
	files
	tcp, http *relay // the ports that clients know
	cmd       *exec.Cmd
	stdin     io.Closer
	log       *zap.Logger
	done      chan struct{} // closed when the child has ended, waitErr is set and the ports are free
	waitErr   error
	tail      tail
}

// Start starts the server and returns when it answers queries. It fails with ErrNoLibrary without the library, with the
// server's own words when it ends early, and with ctx's error. The caller closes the Server.
func Start(ctx context.Context, o Options) (*Server, error) {
	library, err := Library(o.Library)
	if err != nil {
		return nil, err
	}
	o = withDefaults(o)
	f, err := writeFiles(o)
	if err != nil {
		return nil, err
	}
	orphan := time.NewTimer(orphanDeadline + 4*time.Second) // the server of one that was killed may not have ended yet
	defer orphan.Stop()
	const attempts = 3 // somebody else may take a free port before the server does
	for try := 1; ; {
		s, err := startOnce(ctx, o, f, library)
		switch {
		case err == nil:
			return s, nil
		case strings.Contains(err.Error(), "Address already in use") && try < attempts:
			try++
		case strings.Contains(err.Error(), "Another server instance"):
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return nil, err
			case <-orphan.C:
				return nil, err
			}
		default:
			return nil, err
		}
	}
}

func withDefaults(o Options) Options {
	set := func(v *int64, def int64) {
		if *v == 0 {
			*v = def
		}
	}
	set(&o.Memory, 3<<30)
	set(&o.HunterMemory, 2<<30)
	set(&o.HunterRows, 1_000_000)
	set(&o.HunterBytes, 256<<20)
	if o.HunterSeconds == 0 {
		o.HunterSeconds = 300
	}
	if o.Databases == "" {
		o.Databases = "shrike"
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o
}

func startOnce(ctx context.Context, o Options, f files, library string) (*Server, error) {
	s := &Server{files: f, log: o.Log.Named("clickhouse"), done: make(chan struct{})}
	var err error
	if s.tcp, err = newRelay(o.TCPPort); err != nil {
		return nil, err
	}
	if s.http, err = newRelay(o.HTTPPort); err != nil {
		s.tcp.close()
		return nil, err
	}
	if err := s.spawn(o, library); err != nil {
		s.closePorts()
		return nil, err
	}
	go s.tcp.run()
	go s.http.run()
	if err := s.waitReady(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) closePorts() {
	s.tcp.close()
	s.http.close()
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// spawn starts the child and the goroutine that waits for it; that one ends with the child.
func (s *Server) spawn(o Options, library string) error {
	command := o.Command
	if len(command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find own executable: %w", err)
		}
		command = []string{self, ChildCommand}
	}
	args := append(command[1:len(command):len(command)], library,
		"--config-file="+s.config, "--path="+s.data, "--listen_host=127.0.0.1",
		"--tcp_port="+strconv.Itoa(s.tcp.port), "--http_port="+strconv.Itoa(s.http.port),
		"--queries-file", s.start, "--queries-file", "/dev/stdin")
	s.cmd = exec.Command(command[0], args...)
	s.cmd.Env = append(os.Environ(), o.Env...)
	s.cmd.Dir = s.data
	// Own process group: Ctrl-C in a terminal reaches us, and we end the server after the stages that need it.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start ClickHouse: %w", err)
	}
	s.stdin = stdin
	s.cmd.Stdout = s
	s.cmd.Stderr = s

	started := make(chan error)
	go func() {
		// Pdeathsig is sent when the thread that started the child ends, so that thread stays with the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := s.cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		s.waitErr = s.cmd.Wait()
		s.closePorts() // who starts the next server on Done wants them
		close(s.done)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start ClickHouse: %w", err)
	}
	return nil
}

// Write takes what the server prints: warnings and errors.
func (s *Server) Write(p []byte) (int, error) {
	sc := bufio.NewScanner(strings.NewReader(string(p)))
	sc.Buffer(nil, len(p)+1)
	for sc.Scan() {
		if line := strings.TrimSpace(sc.Text()); line != "" {
			s.tail.add(line)
			s.log.Warn("server says", zap.String("line", line))
		}
	}
	return len(p), nil
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyDeadline)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("start ClickHouse: the server ended (%w): %s", exitError(s.waitErr), s.tail.String())
		case <-ctx.Done():
			return fmt.Errorf("start ClickHouse: %w (last answer: %w): %s", ctx.Err(), err, s.tail.String())
		case <-tick.C:
		}
	}
}

func exitError(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// ping asks the HTTP port a query as the service user, and whether the native port is open: both protocols must be there.
func (s *Server) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.tcp.server())
	if err != nil {
		return err
	}
	conn.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.HTTPAddr()+"/?query=SELECT+1", nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-ClickHouse-User", ServiceUser)
	req.Header.Set("X-ClickHouse-Key", s.service)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return err
	}
	if got := strings.TrimSpace(string(body)); resp.StatusCode != http.StatusOK || got != "1" {
		return fmt.Errorf("status %d: %s", resp.StatusCode, got)
	}
	return nil
}

// Addr returns host:port of the native protocol.
func (s *Server) Addr() string { return s.tcp.addr() }

// HTTPAddr returns host:port of the HTTP protocol.
func (s *Server) HTTPAddr() string { return s.http.addr() }

// Password returns the password of ServiceUser.
func (s *Server) Password() string { return s.service }

// HunterPassword returns the password of HunterUser.
func (s *Server) HunterPassword() string { return s.hunter }

// Pid returns the server's process id.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Done is closed when the server has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close ends the server and waits for it. It may be called more than once; a server that does not end within
// endDeadline is killed, which loses nothing but its haste.
func (s *Server) Close() error {
	s.stdin.Close()
	timer := time.NewTimer(endDeadline)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C:
		s.log.Warn("server does not end, killing it", zap.Int("pid", s.Pid()))
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	return nil
}

// tail keeps the last lines that the server printed, to say why it ended.
type tail struct {
	mu    sync.Mutex // guards lines: the child's output arrives on its own goroutine
	lines []string
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const keep = 8
	t.lines = append(t.lines, line)
	if len(t.lines) > keep {
		t.lines = t.lines[1:]
	}
}

// String returns the lines, joined.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, " | ")
}
