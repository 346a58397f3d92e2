package config

import (
	"fmt"
	"time"
)

// Source is one source of records: exactly one member is set.
type Source struct {
	File *FileSource `yaml:"file" doc:"Files and folders."`
}

// FileSource reads files.
type FileSource struct {
	Name   string   `yaml:"name" doc:"Name of the source, as in the field source and in metrics."`
	Paths  []string `yaml:"paths" doc:"Files, folders and globs."`
	Follow bool     `yaml:"follow" doc:"Go on reading what is appended, through rotation. Otherwise each file is read once."`
	Format string   `yaml:"format" doc:"Format of the files. Empty: recognised by content."`
	Layout string   `yaml:"layout" doc:"Column order of formats that have one, space separated. Empty: the header line's, or the format's default."`

	DigestKeysFile string   `yaml:"digest_keys_file" doc:"File with the public keys of CloudTrail's digests: what aws cloudtrail list-public-keys prints, PEM, or DER. Empty: hashes and links of digests are checked, signatures are not."`
	DigestWait     Duration `yaml:"digest_wait" doc:"How long after a digest of CloudTrail the log files it names may still come, before they count as missing."`
}

func (f *FileSource) setDefaults() { f.Follow, f.DigestWait = true, Duration(time.Hour) }

func validateSources(c *checker, sources []Source) {
	seen := map[string]bool{"http": true} // the name of HTTP ingest
	for i, s := range sources {
		at := item("sources", i)
		if s.File == nil {
			c.fail(at, "must name a kind of source: file")
			continue
		}
		at += ".file"
		c.name(at+".name", s.File.Name, seen)
		if len(s.File.Paths) == 0 {
			c.fail(at+".paths", "must name at least one file, folder or glob")
		}
		for j, p := range s.File.Paths {
			if p == "" {
				c.fail(item(at+".paths", j), "must not be empty")
			}
		}
		if s.File.Layout != "" && s.File.Format == "" {
			c.fail(at+".layout", "needs format")
		}
		if s.File.DigestWait <= 0 {
			c.fail(at+".digest_wait", "must be more than 0")
		}
	}
}

func item(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
