package clickhouse

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/google/renameio/v2"
)

// The server's users. The engine's own `default` may do nothing but open the listeners.
const (
	ServiceUser = "shrike"        // reads and writes everything
	HunterUser  = "shrike_hunter" // reads Options.Databases, nothing else, within limits
)

// files are the server's files within Options.Dir.
type files struct {
	config, users, start string
	data                 string // the engine's own folder
	service, hunter      string // generated passwords
}

// writeFiles makes the folder and the server's configuration. Everything that holds a secret has mode 0600; passwords are
// generated once and stay, so that a client configured with them survives a restart.
func writeFiles(o Options) (files, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return files{}, fmt.Errorf("find ClickHouse folder: %w", err)
	}
	f := files{
		config: filepath.Join(dir, "config.xml"),
		users:  filepath.Join(dir, "users.xml"),
		start:  filepath.Join(dir, "start.sql"),
		data:   filepath.Join(dir, "data"),
	}
	if err := os.MkdirAll(f.data, 0o700); err != nil {
		return files{}, fmt.Errorf("make ClickHouse folder: %w", err)
	}
	if f.service, err = password(filepath.Join(dir, "service.password")); err != nil {
		return files{}, err
	}
	if f.hunter, err = password(filepath.Join(dir, "hunter.password")); err != nil {
		return files{}, err
	}
	view := newView(o, f.service, f.hunter, "127.0.0.1", "::1")
	view.UsersFile = f.users
	for _, t := range []struct{ path, text string }{
		{f.config, configXML}, {f.users, usersXML}, {f.start, startSQL},
	} {
		if err := writePrivate(t.path, fill(t.text, view)); err != nil {
			return files{}, err
		}
	}
	return f, nil
}

// Users returns a users.d file for a ClickHouse server elsewhere: the same users with the same limits as the embedded
// one's, reachable from any address of its network. Of o, Databases and the hunter's limits count.
func Users(o Options, servicePassword, hunterPassword string) []byte {
	return fill(usersXML, newView(withDefaults(o), servicePassword, hunterPassword, "::/0"))
}

// view is what the templates below see.
type view struct {
	Options
	UsersFile, ServiceUser, HunterUser string
	ServiceHash, HunterHash            string
	Networks                           []string // where ServiceUser and HunterUser may come from
}

func newView(o Options, service, hunter string, networks ...string) view {
	return view{Options: o, ServiceUser: ServiceUser, HunterUser: HunterUser, ServiceHash: hash(service), HunterHash: hash(hunter), Networks: networks}
}

// fill renders one of the templates below, which are ours and cannot fail.
func fill(text string, v view) []byte {
	var b bytes.Buffer
	tmpl := template.Must(template.New("").Funcs(template.FuncMap{"xml": escapeXML}).Parse(text))
	if err := tmpl.Execute(&b, v); err != nil {
		panic("BUG: fill ClickHouse configuration: " + err.Error())
	}
	return b.Bytes()
}

// writePrivate replaces the file in one step, so that a crash leaves no half of it.
func writePrivate(path string, content []byte) error {
	if err := renameio.WriteFile(path, content, 0o600, renameio.WithStaticPermissions(0o600)); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// password returns the password stored in the file, made now if there is none.
func password(path string) (string, error) {
	stored, err := os.ReadFile(path)
	if err == nil && len(bytes.TrimSpace(stored)) > 0 {
		return string(bytes.TrimSpace(stored)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	made := rand.Text()
	return made, writePrivate(path, []byte(made+"\n"))
}

func hash(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

func escapeXML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// startSQL runs as `default` before the engine blocks on standard input.
const startSQL = `SYSTEM START LISTEN TCP;
SYSTEM START LISTEN HTTP;
`

// configXML keeps the engine small: the defaults take a server for themselves. No system log tables: on one machine
// they would outgrow the events.
const configXML = `<clickhouse>
  <users_config>{{xml .UsersFile}}</users_config>
  <max_server_memory_usage>{{.Memory}}</max_server_memory_usage>
  <max_concurrent_queries>64</max_concurrent_queries>
  <max_connections>256</max_connections>
  <mark_cache_size>67108864</mark_cache_size>
  <index_mark_cache_size>16777216</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <mmap_cache_size>64</mmap_cache_size>
  <compiled_expression_cache_size>16777216</compiled_expression_cache_size>
  <background_pool_size>2</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <background_fetches_pool_size>1</background_fetches_pool_size>
  <background_move_pool_size>1</background_move_pool_size>
  <background_common_pool_size>2</background_common_pool_size>
  <background_schedule_pool_size>4</background_schedule_pool_size>
  <tables_loader_foreground_pool_size>2</tables_loader_foreground_pool_size>
  <tables_loader_background_pool_size>1</tables_loader_background_pool_size>
  <merge_tree>
    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
  <access_control_improvements>
    <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>
    <select_from_information_schema_requires_grant>true</select_from_information_schema_requires_grant>
    <settings_constraints_replace_previous>true</settings_constraints_replace_previous>
  </access_control_improvements>
</clickhouse>
`

// usersXML. replace does away with another server's default, whose rights would otherwise stay. readonly=1 is what refuses
// file(), url(), remote() and changed settings; clickhouse-go sends max_execution_time when the context has a deadline, so
// that one may be changed, up to its maximum.
const usersXML = `<clickhouse>
  <profiles>
    <default>
      <log_queries>0</log_queries>
      <query_profiler_real_time_period_ns>0</query_profiler_real_time_period_ns>
      <query_profiler_cpu_time_period_ns>0</query_profiler_cpu_time_period_ns>
    </default>
    <hunter>
      <readonly>1</readonly>
      <log_queries>0</log_queries>
      <query_profiler_real_time_period_ns>0</query_profiler_real_time_period_ns>
      <query_profiler_cpu_time_period_ns>0</query_profiler_cpu_time_period_ns>
      <allow_ddl>0</allow_ddl>
      <allow_introspection_functions>0</allow_introspection_functions>
      <max_execution_time>{{.HunterSeconds}}</max_execution_time>
      <timeout_before_checking_execution_speed>0</timeout_before_checking_execution_speed>
      <max_memory_usage>{{.HunterMemory}}</max_memory_usage>
      <max_memory_usage_for_user>{{.HunterMemory}}</max_memory_usage_for_user>
      <max_result_rows>{{.HunterRows}}</max_result_rows>
      <max_result_bytes>{{.HunterBytes}}</max_result_bytes>
      <result_overflow_mode>throw</result_overflow_mode>
      <max_concurrent_queries_for_user>8</max_concurrent_queries_for_user>
      <max_threads>2</max_threads>
      <constraints>
        <max_execution_time>
          <min>1</min>
          <max>{{.HunterSeconds}}</max>
          <changeable_in_readonly/>
        </max_execution_time>
      </constraints>
    </hunter>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default replace="replace">
      <password></password>
      <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants>
    </default>
    <{{.ServiceUser}}>
      <password_sha256_hex>{{.ServiceHash}}</password_sha256_hex>
      <networks>{{range .Networks}}<ip>{{.}}</ip>{{end}}</networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants><query>GRANT ALL ON *.*</query></grants>
    </{{.ServiceUser}}>
    <{{.HunterUser}}>
      <password_sha256_hex>{{.HunterHash}}</password_sha256_hex>
      <networks>{{range .Networks}}<ip>{{.}}</ip>{{end}}</networks>
      <profile>hunter</profile>
      <quota>default</quota>
      <grants><query>GRANT SELECT ON {{xml .Databases}}.*</query></grants>
    </{{.HunterUser}}>
  </users>
</clickhouse>
`
