package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Config is the whole configuration. Default returns a usable one.
type Config struct {
	DataDir    string     `yaml:"data_dir" doc:"Folder for everything that is kept on this machine: the embedded engines' data, positions of followed files, the API token."`
	Kafka      Kafka      `yaml:"kafka" doc:"The Kafka cluster."`
	ClickHouse ClickHouse `yaml:"clickhouse" doc:"The ClickHouse cluster."`
	Listen     Listen     `yaml:"listen" doc:"Where to listen, and who may come in."`
	Sources    []Source   `yaml:"sources" doc:"Where records come from, besides HTTP ingest, which is always on."`
	Rules      Rules      `yaml:"rules" doc:"What to look for."`
	Receivers  []Receiver `yaml:"receivers" doc:"Where alerts go."`
	Redact     Redact     `yaml:"redact" doc:"Which secrets are not stored."`
	Retention  Retention  `yaml:"retention" doc:"How long data is kept."`
	Limits     Limits     `yaml:"limits" doc:"Bounds that protect the machine."`
	Log        Log        `yaml:"log" doc:"Shrike's own log."`
}

// Rules says which rules run.
type Rules struct {
	Paths []string `yaml:"paths" doc:"Rule files and folders; the word builtin stands for the rules that are built in, as does an empty list. Folders lists and exceptions inside them are for all rules: [builtin, /etc/shrike/rules] runs the built-in rules with your own, your exceptions from them, and your lists instead of theirs of the same id."`
}

// Log configures Shrike's own log.
type Log struct {
	Level  string `yaml:"level" doc:"The least level that is logged: debug, info, warn or error."`
	Format string `yaml:"format" doc:"json, or console for people."`
}

func (l *Log) validate(c *checker) {
	c.oneOf("log.level", l.Level, "debug", "info", "warn", "error")
	c.oneOf("log.format", l.Format, "json", "console")
}

// Default returns the configuration of an empty file.
func Default() *Config {
	c := &Config{DataDir: "data", Log: Log{Level: "info", Format: "console"}}
	c.Kafka.setDefaults()
	c.ClickHouse.setDefaults()
	c.Listen.setDefaults()
	c.Retention.setDefaults()
	c.Limits.setDefaults()
	return c
}

// TokenFile returns the file that holds the API's token: the configured one, else the one that is made in DataDir.
func (c *Config) TokenFile() string {
	if c.Listen.TokenFile != "" {
		return c.Listen.TokenFile
	}
	return filepath.Join(c.DataDir, "token")
}

func (c *Config) validate(k *checker) {
	if c.DataDir == "" {
		k.fail("data_dir", "must not be empty")
	}
	c.Kafka.validate(k)
	c.ClickHouse.validate(k)
	c.Listen.validate(k)
	validateSources(k, c.Sources)
	validateReceivers(k, c.Receivers)
	c.Redact.validate(k)
	c.Retention.validate(k)
	c.Limits.validate(k)
	c.Log.validate(k)
}

// Load reads the file at path; "" is the empty file. A file that does not exist is an error unless path is "". The
// error is Problems when the file can be read.
func Load(path string) (*Config, error) {
	if path == "" {
		return Parse("(no file)", nil, os.LookupEnv)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open configuration: %s does not exist (leave --config away to run with defaults)", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, data, os.LookupEnv)
}

// Parse reads a configuration; name stands for the file in problems, env looks up variables (nil: there are none). The
// error is Problems, sorted by position.
func Parse(name string, data []byte, env func(string) (string, bool)) (*Config, error) {
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	cfg := Default()
	d := newDecoder(name, data, env)
	d.file(cfg)
	k := &checker{d: d}
	cfg.validate(k)
	if len(d.problems) > 0 {
		return nil, d.problems.sorted()
	}
	return cfg, nil
}
