package deploy

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/cli"
	"github.com/shrike-sec/shrike/pkg/config"
)

// deployment is the three files that must agree.
type deployment struct {
	compose, config, dockerfile string
}

func read(t *testing.T) deployment {
	t.Helper()
	text := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	return deployment{compose: text("../docker-compose.yml"), config: text("shrike.yml"), dockerfile: text("Dockerfile")}
}

func TestComposeAgrees(t *testing.T) {
	t.Parallel()
	for _, p := range read(t).check() {
		t.Error(p)
	}
}

// TestBrokenComposeIsNamed breaks one thing at a time: the check must name it.
func TestBrokenComposeIsNamed(t *testing.T) {
	t.Parallel()
	good := read(t)
	for _, c := range []struct {
		name, file, old, new, want string
	}{
		{"unknown role", "compose", `["detect", "--config"`, `["detector", "--config"`, `detect: no command "detector"`},
		{"unknown flag", "compose", `["store", "--config"`, `["store", "--configuration"`, `store: command`},
		{"configuration at another path", "compose", `["serve", "--config", "/etc/shrike/shrike.yml"]`, `["serve", "--config", "/etc/shrike.yml"]`, `serve: /etc/shrike.yml is not in the image`},
		{"variable nobody reads", "compose", "SHRIKE_SECRETS: /run/shrike", "SHRIKE_SECRETS: /run/shrike\n    SHRIKE_TOKEN_DIR: /run", `SHRIKE_TOKEN_DIR is set, but the configuration does not read it`},
		{"variable nobody sets", "config", "brokers: [\"${SHRIKE_KAFKA}\"]", "brokers: [\"${SHRIKE_BROKERS}\"]", `SHRIKE_BROKERS`},
		{"key the loader does not know", "config", "hunter_user:", "hunters:", `hunters`},
		{"Kafka on another port", "compose", "SHRIKE_KAFKA: kafka:9092", "SHRIKE_KAFKA: kafka:9094", `kafka:9094`},
		{"ClickHouse under another name", "compose", "SHRIKE_CLICKHOUSE: clickhouse:9000", "SHRIKE_CLICKHOUSE: ch:9000", `no service "ch"`},
		{"published port nobody listens on", "compose", `ports: ["127.0.0.1:8080:8080"]`, `ports: ["127.0.0.1:8080:8000"]`, `serve: publishes port 8000`},
		{"published to the world", "compose", `ports: ["127.0.0.1:8081:8081"]`, `ports: ["8081:8081"]`, `ingest: publishes port 8081 to every address`},
		{"health check at the wrong port", "compose", "http://127.0.0.1:9090", "http://127.0.0.1:9091", `health check asks port 9091`},
		{"secrets not mounted", "compose", "- secrets:/run/shrike:ro\n      - positions", "- positions", `ingest: /run/shrike`},
		{"secret that init does not make", "config", "${SHRIKE_SECRETS}/hunter_password", "${SHRIKE_SECRETS}/hunter", `init makes no secret "hunter"`},
		{"init writes elsewhere", "compose", `"init", "--secrets", "/run/shrike"`, `"init", "--secrets", "/run/secrets"`, `init: /run/secrets`},
		{"secret in the file", "compose", "SHRIKE_DATA: /var/lib/shrike", "SHRIKE_DATA: /var/lib/shrike\n    CLICKHOUSE_PASSWORD: hunter2", `CLICKHOUSE_PASSWORD`},
		{"role forgotten", "compose", "  correlate:\n    <<: *shrike\n    command: [\"correlate\", \"--config\", \"/etc/shrike/shrike.yml\"]\n", "", `no service plays role correlate`},
		{"waits for a service without health check", "compose", "test: [\"CMD\", \"wget\", \"-q\", \"-O\", \"-\", \"http://127.0.0.1:8123/ping\"]", "disable: true", `waits for clickhouse to be healthy`},
		{"root in the image", "dockerfile", "USER 65532:65532", "USER 0:0", `runs as 0:0`},
		{"configuration not copied", "dockerfile", "COPY --from=build /out/etc/shrike /etc/shrike\n", "", `/etc/shrike/shrike.yml is not in the image`},
		{"port not exposed", "dockerfile", "EXPOSE 8080 8081 9090", "EXPOSE 8080 8081", `does not expose port 9090`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := good
			file := map[string]*string{"compose": &d.compose, "config": &d.config, "dockerfile": &d.dockerfile}[c.file]
			if !strings.Contains(*file, c.old) {
				t.Fatalf("%s does not contain %q: mend the test", c.file, c.old)
			}
			*file = strings.Replace(*file, c.old, c.new, 1)
			problems := strings.Join(d.check(), "\n")
			if !strings.Contains(problems, c.want) {
				t.Errorf("problems:\n%s\nwant one that says %q", problems, c.want)
			}
		})
	}
}

// check returns every way in which the files do not agree with each other or with the binary.
func (d deployment) check() []string {
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		ConfigFiles: []types.ConfigFile{{Filename: "docker-compose.yml", Content: []byte(d.compose)}},
		Environment: types.Mapping{},
		WorkingDir:  "..",
	}, func(o *loader.Options) { o.SetProjectName("shrike", true) })
	if err != nil {
		return []string{err.Error()}
	}
	k := &checker{project: project}
	if k.image, err = readImage(d.dockerfile); err != nil {
		return []string{err.Error()}
	}
	k.checkImage()
	k.checkConfig(d.config)
	for _, name := range project.ServiceNames() {
		s := project.Services[name]
		k.checkService(&s, d.config)
	}
	k.checkRoles()
	slices.Sort(k.problems)
	return slices.Compact(k.problems)
}

type checker struct {
	project  *types.Project
	image    *image
	cfg      *config.Config // as the containers see it; nil when it does not load
	problems []string
}

func (k *checker) fail(format string, args ...any) {
	k.problems = append(k.problems, fmt.Sprintf(format, args...))
}

// image is what the Dockerfile's last stage says.
type image struct {
	user    string
	env     map[string]string
	exposed []string
	paths   []string // destinations of COPY
}

func readImage(text string) (*image, error) {
	ast, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("parse Dockerfile: %w", err)
	}
	stages, _, err := instructions.Parse(ast.AST, nil)
	if err != nil {
		return nil, fmt.Errorf("parse Dockerfile: %w", err)
	}
	last := stages[len(stages)-1]
	img := &image{env: make(map[string]string)}
	for _, command := range last.Commands {
		switch c := command.(type) {
		case *instructions.UserCommand:
			img.user = c.User
		case *instructions.EnvCommand:
			for _, kv := range c.Env {
				img.env[kv.Key] = kv.Value
			}
		case *instructions.ExposeCommand:
			img.exposed = append(img.exposed, c.Ports...)
		case *instructions.CopyCommand:
			img.paths = append(img.paths, c.DestPath)
		}
	}
	return img, nil
}

func (k *checker) checkImage() {
	if user, _, _ := strings.Cut(k.image.user, ":"); user == "" || user == "0" || user == "root" {
		k.fail("Dockerfile: runs as %s, want a user that is not root", k.image.user)
	}
}

var variable = regexp.MustCompile(`\$\{(\w+)(:-[^}]*)?\}`)

// variables returns the names that the configuration reads; required ones have no default.
func variables(text string) (all, required []string) {
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
		if m[2] == "" {
			required = append(required, m[1])
		}
	}
	return all, required
}

func (k *checker) checkConfig(text string) {
	cfg, err := config.Parse("shrike.yml", []byte(text), func(name string) (string, bool) {
		v, ok := k.image.env[name]
		return v, ok
	})
	if err != nil {
		k.fail("configuration: %v", err)
		return
	}
	k.cfg = cfg
	for _, a := range []config.Address{cfg.Listen.Address, cfg.Listen.IngestAddress, cfg.Listen.MetricsAddress} {
		if _, port, _ := strings.Cut(string(a), ":"); !slices.Contains(k.image.exposed, port) {
			k.fail("Dockerfile: does not expose port %s", port)
		}
	}
	all, _ := variables(text)
	for name := range k.image.env {
		if !slices.Contains(all, name) {
			k.fail("Dockerfile: %s is set, but the configuration does not read it", name)
		}
	}
}

// ours reports whether the service runs our image.
func ours(s *types.ServiceConfig) bool { return strings.HasPrefix(s.Image, "shrike:") }

var secretName = regexp.MustCompile(`(?i)PASSWORD|SECRET_|TOKEN$|API_KEY`)

func (k *checker) checkService(s *types.ServiceConfig, text string) {
	for name, value := range s.Environment {
		if secretName.MatchString(name) && value != nil && *value != "" {
			k.fail("%s: %s looks like a secret; secrets are files that init makes", s.Name, name)
		}
	}
	for dep, d := range s.DependsOn {
		other := k.project.Services[dep]
		if d.Condition == types.ServiceConditionHealthy && (other.HealthCheck == nil || other.HealthCheck.Disable) {
			k.fail("%s: waits for %s to be healthy, which has no health check", s.Name, dep)
		}
	}
	if !ours(s) {
		return
	}
	k.checkCommand(s)
	k.checkPorts(s)
	if s.Command[0] == "init" {
		k.checkInit(s)
		return
	}
	k.checkEnvironment(s, text)
	k.checkSecrets(s)
}

// checkCommand asks the binary for help on exactly this command line.
func (k *checker) checkCommand(s *types.ServiceConfig) {
	var out bytes.Buffer
	status := cli.Main(context.Background(), append(slices.Clone([]string(s.Command)), "--help"), strings.NewReader(""), &out, &out)
	switch {
	case status != 0:
		k.fail("%s: command %v: %s", s.Name, s.Command, out.String())
	case !strings.Contains(out.String(), "shrike "+s.Command[0]):
		k.fail("%s: no command %q", s.Name, s.Command[0])
	}
	if i := slices.Index(s.Command, "--config"); i >= 0 && !k.inImage(s.Command[i+1]) {
		k.fail("%s: %s is not in the image", s.Name, s.Command[i+1])
	}
}

func (k *checker) inImage(file string) bool {
	return slices.ContainsFunc(k.image.paths, func(p string) bool { return p == file || p == path.Dir(file) })
}

func (k *checker) checkPorts(s *types.ServiceConfig) {
	if k.cfg == nil {
		return
	}
	listens := map[string]config.Address{
		"ingest": k.cfg.Listen.IngestAddress, "serve": k.cfg.Listen.Address,
	}
	for _, p := range s.Ports {
		_, want, _ := strings.Cut(string(listens[s.Command[0]]), ":")
		if strconv.Itoa(int(p.Target)) != want {
			k.fail("%s: publishes port %d, but listens on %q", s.Name, p.Target, want)
		}
		if p.HostIP != "127.0.0.1" {
			k.fail("%s: publishes port %d to every address of the machine", s.Name, p.Target)
		}
	}
	if s.HealthCheck == nil || s.HealthCheck.Disable {
		if slices.Contains(app.AllRoles(), app.Role(s.Command[0])) {
			k.fail("%s: has no health check", s.Name)
		}
		return
	}
	if s.Command[0] == "init" || s.Command[0] == "migrate" {
		return
	}
	test := strings.Join(s.HealthCheck.Test, " ")
	_, want, _ := strings.Cut(string(k.cfg.Listen.MetricsAddress), ":")
	if port := test[strings.LastIndexByte(test, ':')+1:]; port != want {
		k.fail("%s: health check asks port %s, but health is at %s", s.Name, port, want)
	}
	if !slices.Contains(k.image.paths, s.HealthCheck.Test[1]) {
		k.fail("%s: health check runs %s, which is not in the image", s.Name, s.HealthCheck.Test[1])
	}
}

func (k *checker) checkEnvironment(s *types.ServiceConfig, text string) {
	all, required := variables(text)
	for _, name := range required {
		if s.Environment[name] == nil {
			k.fail("%s: %s is not set", s.Name, name)
		}
	}
	for name := range s.Environment {
		if !slices.Contains(all, name) {
			k.fail("%s: %s is set, but the configuration does not read it", s.Name, name)
		}
	}
	for name, port := range map[string]string{"SHRIKE_KAFKA": kafkaPort(k.project), "SHRIKE_CLICKHOUSE": "9000"} {
		value := s.Environment[name]
		if value == nil {
			continue
		}
		host, p, _ := strings.Cut(*value, ":")
		if _, ok := k.project.Services[host]; !ok {
			k.fail("%s: %s=%s: no service %q", s.Name, name, *value, host)
		}
		if p != port {
			k.fail("%s: %s=%s: that service listens on %s", s.Name, name, *value, port)
		}
	}
}

// kafkaPort is the port of the listener that clients use.
func kafkaPort(p *types.Project) string {
	listeners := p.Services["kafka"].Environment["KAFKA_LISTENERS"]
	if listeners == nil {
		return ""
	}
	m := regexp.MustCompile(`PLAINTEXT://:(\d+)`).FindStringSubmatch(*listeners)
	if m == nil {
		return ""
	}
	return m[1]
}

// checkSecrets holds every file that the configuration names against what the service mounts and what init makes.
func (k *checker) checkSecrets(s *types.ServiceConfig) {
	if k.cfg == nil {
		return
	}
	c := k.cfg
	for _, file := range []string{
		c.ClickHouse.PasswordFile, c.ClickHouse.HunterPasswordFile, c.Listen.TokenFile, c.Listen.IngestTokenFile, c.Listen.MetricsTokenFile,
	} {
		if !slices.Contains(app.SecretFiles(), path.Base(file)) {
			k.fail("configuration: init makes no secret %q", path.Base(file))
		}
		if dir := path.Dir(file); !mounts(s, dir) {
			k.fail("%s: %s is not mounted", s.Name, dir)
		}
	}
}

func mounts(s *types.ServiceConfig, dir string) bool {
	return slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == dir })
}

func (k *checker) checkInit(s *types.ServiceConfig) {
	for _, flag := range []string{"--secrets", "--clickhouse-users"} {
		i := slices.Index(s.Command, flag)
		if i < 0 {
			k.fail("init: has no %s", flag)
			continue
		}
		if dir := s.Command[i+1]; !mounts(s, dir) {
			k.fail("init: %s is not mounted", dir)
		}
	}
}

func (k *checker) checkRoles() {
	for _, role := range app.AllRoles() {
		if !slices.ContainsFunc(k.project.ServiceNames(), func(name string) bool {
			s := k.project.Services[name]
			return ours(&s) && s.Command[0] == string(role)
		}) {
			k.fail("no service plays role %s", role)
		}
	}
}
