// Command awsapi writes the table of AWS API calls that package awsapi embeds: run it from the repository's root with
// `go run ./scripts/awsapi`. It needs npm and pip, for the calls are those that the packages aws-sdk (npm, complete but no
// longer extended) and botocore (PyPI, for what came later) describe; pkg/rule/awsapi/more.txt adds what only CloudTrail has.
package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const output = "pkg/rule/awsapi/calls.txt.gz"

// description is the part of a service's description that both packages have.
type description struct {
	Metadata struct {
		EndpointPrefix string `json:"endpointPrefix"`
		SigningName    string `json:"signingName"`
	} `json:"metadata"`
	Operations map[string]json.RawMessage `json:"operations"`
}

// services maps the name of a service, as in event_source before .amazonaws.com, to its calls.
type services map[string]map[string]bool

func main() {
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "awsapi")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := generate(dir); err != nil {
		log.Fatal(err)
	}
}

func generate(dir string) error {
	all := services{}
	sdk, err := fetch(dir, "*.tgz", "npm", "pack", "--silent", "aws-sdk@2")
	if err == nil {
		err = all.readSDK(sdk)
	}
	if err != nil {
		return fmt.Errorf("read aws-sdk: %w", err)
	}
	botocore, err := fetch(dir, "*.whl", "pip", "download", "--quiet", "--no-deps", "--dest", ".", "botocore")
	if err == nil {
		err = all.readBotocore(botocore)
	}
	if err != nil {
		return fmt.Errorf("read botocore: %w", err)
	}
	return all.write()
}

// fetch runs a package client in dir and returns the file that it leaves there.
func fetch(dir, pattern, client string, args ...string) (string, error) {
	c := exec.Command(client, args...)
	c.Dir, c.Stderr = dir, os.Stderr
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("run %s: %w", client, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) != 1 {
		return "", fmt.Errorf("%s left %d files %s, want 1", client, len(files), pattern)
	}
	return files[0], nil
}

func (s services) readSDK(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for r := tar.NewReader(unzipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if ok, _ := path.Match("package/apis/*.min.json", h.Name); !ok {
			continue
		}
		base := strings.TrimSuffix(path.Base(h.Name), ".min.json")
		if err := s.add(base[:len(base)-len("-2006-03-01")], r); err != nil {
			return err
		}
	}
}

func (s services) readBotocore(name string) error {
	z, err := zip.OpenReader(name)
	if err != nil {
		return err
	}
	defer func() { _ = z.Close() }()
	for _, f := range z.File {
		if ok, _ := path.Match("botocore/data/*/*/service-2.json.gz", f.Name); !ok {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		unzipped, err := gzip.NewReader(r)
		if err != nil {
			return err
		}
		if err := s.add(strings.Split(f.Name, "/")[2], unzipped); err != nil {
			return err
		}
	}
	return nil
}

// add adds a service under each name that CloudTrail may give it: which of them it uses, AWS does not say.
func (s services) add(name string, r io.Reader) error {
	var d description
	if err := json.NewDecoder(r).Decode(&d); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	last := d.Metadata.EndpointPrefix[strings.LastIndexByte(d.Metadata.EndpointPrefix, '.')+1:]
	for _, n := range []string{name, d.Metadata.EndpointPrefix, last, d.Metadata.SigningName} {
		if n == "" || strings.ContainsAny(n, " /") {
			continue
		}
		n = strings.ToLower(n)
		if s[n] == nil {
			s[n] = map[string]bool{}
		}
		for op := range d.Operations {
			s[n][op] = true
		}
	}
	return nil
}

// write writes a line a set of calls: the names of the services that have it, a tab, the calls.
func (s services) write() error {
	byCalls := map[string][]string{}
	for name, set := range s {
		var calls []string
		for c := range set {
			calls = append(calls, c)
		}
		slices.Sort(calls)
		key := strings.Join(calls, " ")
		byCalls[key] = append(byCalls[key], name)
	}
	var lines []string
	for calls, names := range byCalls {
		slices.Sort(names)
		lines = append(lines, strings.Join(names, " ")+"\t"+calls)
	}
	slices.Sort(lines)
	f, err := os.Create(output)
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err == nil {
		_, err = io.WriteString(z, strings.Join(lines, "\n")+"\n")
	}
	if err == nil {
		err = z.Close()
	}
	return errors.Join(err, f.Close())
}
