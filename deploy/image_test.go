package deploy

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"go.uber.org/zap/zaptest"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka"
)

// TestMain lets the test binary be the engine's child.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == clickhouse.ChildCommand {
		os.Exit(clickhouse.Child(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// TestImageRuns runs the Dockerfile's steps into an empty folder, without a container engine, and starts each service of
// docker-compose.yml from there, with its own command and environment, until /readyz answers. Kafka and ClickHouse are the
// embedded engines; ClickHouse has the passwords that init made.
func TestImageRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the image")
	}
	b := build(t)
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		ConfigFiles: []types.ConfigFile{{Filename: "../docker-compose.yml"}}, Environment: types.Mapping{}, WorkingDir: "..",
	}, func(o *loader.Options) { o.SetProjectName("shrike", true) })
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, builder: b, project: project, secrets: t.TempDir(), users: t.TempDir(), listen: ownAddress()}
	h.run("init")
	h.checkSecrets()
	h.startEngines()
	h.run("migrate")
	for _, role := range app.AllRoles() {
		h.untilReady(string(role))
	}
}

// builder is a Dockerfile at work: each stage's root is a folder.
type builder struct {
	t      *testing.T
	stages map[string]string // name to root
	root   string            // of the last stage
	env    []string
}

func build(t *testing.T) *builder {
	t.Helper()
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	ast, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	stages, _, err := instructions.Parse(ast.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &builder{t: t, stages: make(map[string]string)}
	for _, stage := range stages {
		b.root = t.TempDir()
		b.stages[stage.Name] = b.root
		workdir := "/"
		for _, command := range stage.Commands {
			switch c := command.(type) {
			case *instructions.WorkdirCommand:
				workdir = c.Path
				b.mkdir(workdir)
			case *instructions.CopyCommand:
				b.copy(c, workdir)
			case *instructions.RunCommand:
				b.sh(strings.Join(c.CmdLine, " "), workdir)
			case *instructions.EnvCommand:
				for _, kv := range c.Env {
					b.env = append(b.env, kv.Key+"="+kv.Value)
				}
			}
		}
	}
	return b
}

// path is where an absolute path of the image lies.
func (b *builder) path(p string) string { return filepath.Join(b.root, p) }

func (b *builder) mkdir(p string) {
	if err := os.MkdirAll(b.path(p), 0o755); err != nil {
		b.t.Fatal(err)
	}
}

func (b *builder) copy(c *instructions.CopyCommand, workdir string) {
	b.t.Helper()
	from := ".."
	if c.From != "" {
		from = b.stages[c.From]
	}
	dest := c.DestPath
	if !filepath.IsAbs(dest) {
		dest = filepath.Join(workdir, dest)
	}
	for _, source := range c.SourcePaths {
		source = filepath.Join(from, source)
		target := b.path(dest)
		info, err := os.Stat(source)
		if err != nil {
			b.t.Fatalf("COPY: %v", err)
		}
		switch {
		case info.IsDir():
			err = os.CopyFS(target, os.DirFS(source))
		case strings.HasSuffix(c.DestPath, "/"):
			err = copyFile(source, filepath.Join(target, filepath.Base(source)), info.Mode())
		default:
			err = copyFile(source, target, info.Mode())
		}
		if err != nil {
			b.t.Fatalf("COPY %s: %v", source, err)
		}
	}
}

func copyFile(source, target string, mode os.FileMode) error {
	data, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.WriteFile(target, data, mode)
}

var absolute = regexp.MustCompile(`(^|[ =])(/[a-z])`)

// sh runs a RUN step with the stage's folder in place of /.
func (b *builder) sh(line, workdir string) {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), "sh", "-ec", absolute.ReplaceAllString(line, "${1}"+b.root+"${2}"))
	cmd.Dir = b.path(workdir)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("RUN %s: %v\n%s", line, err, out)
	}
}

// host starts services from the built folder, one at a time, for all listen on the same ports.
type host struct {
	*builder
	t              *testing.T
	project        *types.Project
	secrets, users string
	kafka          string
	clickhouse     string
	listen         string
}

// ownAddress is a loopback address of this process: the ports are those of the image, and another run of this test on the same
// machine has the same. Its answer to /readyz would be taken for ours, and a service be told to end before it has begun.
func ownAddress() string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 1+pid>>16&0x7f, pid>>8&0xff, pid&0xff)
}

// command is the service's own, its paths and addresses mapped to this machine.
func (h *host) command(service string) *exec.Cmd {
	h.t.Helper()
	s := h.project.Services[service]
	args := slices.Clone([]string(s.Command))
	for i, a := range args {
		switch {
		case a == "/run/shrike":
			args[i] = h.secrets
		case a == "/etc/clickhouse-users":
			args[i] = h.users
		case a == "65532" || a == "101":
			args[i] = fmt.Sprint(os.Getuid()) // only root may give files away
		case strings.HasPrefix(a, "/"):
			args[i] = h.path(a)
		}
	}
	cmd := exec.Command(h.path("/usr/bin/shrike"), args...)
	cmd.Dir = h.t.TempDir()
	cmd.Env = []string{"HOME=" + cmd.Dir}
	for name, value := range s.Environment {
		v := *value
		switch name {
		case "SHRIKE_KAFKA":
			v = h.kafka
		case "SHRIKE_CLICKHOUSE":
			v = h.clickhouse
		case "SHRIKE_SECRETS":
			v = h.secrets
		case "SHRIKE_DATA", "SHRIKE_RULES":
			v = h.path(v)
		}
		cmd.Env = append(cmd.Env, name+"="+v)
	}
	cmd.Env = append(cmd.Env, "SHRIKE_LISTEN="+h.listen)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (h *host) run(service string) {
	h.t.Helper()
	if out, err := h.command(service).CombinedOutput(); err != nil {
		h.t.Fatalf("%s: %v\n%s", service, err, out)
	}
}

func (h *host) checkSecrets() {
	h.t.Helper()
	for _, name := range app.SecretFiles() {
		info, err := os.Stat(filepath.Join(h.secrets, name))
		if err != nil {
			h.t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 || info.Size() < 32 {
			h.t.Errorf("secret %s: mode %v, %d bytes; want 0600 and at least 32", name, info.Mode(), info.Size())
		}
	}
	users, err := os.ReadFile(filepath.Join(h.users, "shrike.xml"))
	if err != nil || !bytes.Contains(users, []byte("<readonly>1</readonly>")) {
		h.t.Errorf("ClickHouse users: %v, want a hunter who may only read:\n%s", err, users)
	}
}

func (h *host) startEngines() {
	h.t.Helper()
	broker, err := kafka.Start(h.t.TempDir(), kafka.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = broker.Close() })
	h.kafka = broker.Addr()
	dir := h.t.TempDir()
	for secret, file := range map[string]string{"clickhouse_password": "service.password", "hunter_password": "hunter.password"} {
		if err := copyFile(filepath.Join(h.secrets, secret), filepath.Join(dir, file), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	server, err := clickhouse.Start(h.t.Context(), clickhouse.Options{Dir: dir, Log: zaptest.NewLogger(h.t)})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = server.Close() })
	h.clickhouse = server.Addr()
}

// untilReady starts the service, waits for /readyz as its health check does, and stops it.
func (h *host) untilReady(service string) {
	h.t.Helper()
	cmd := h.command(service)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the process, which this function ends
	deadline := time.After(time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ready(h.t.Context(), h.listen) {
		select {
		case err := <-ended:
			h.t.Fatalf("%s ended before it was ready: %v\n%s", service, err, out.String())
		case <-deadline:
			_ = cmd.Process.Kill()
			<-ended
			h.t.Fatalf("%s: not ready within a minute\n%s", service, out.String())
		case <-tick.C:
		}
	}
	started := time.Now()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := <-ended; err != nil {
		h.t.Errorf("%s after SIGTERM: %v, want status 0\n%s", service, err, out.String())
	}
	h.t.Logf("%s: ready, and stopped within %s", service, time.Since(started).Round(time.Millisecond))
}

func ready(ctx context.Context, address string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+":9090/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
