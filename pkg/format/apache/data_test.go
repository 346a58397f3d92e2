package apache

import (
	"bytes"
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestSharedFormats(t *testing.T) {
	formattest.Files(t, Spec(), "formats/apache/*.log", errorLog)
}

func TestSharedWeb(t *testing.T) {
	formattest.Files(t, Spec(), "web/apache-benign.log.gz", errorLog)
	formattest.Files(t, Spec(), "web/crowdsec/apache*.log", errorLog)
}

// errorLog knows lines that are not of an access log, and the lines of a TLS request log, whose time stands first.
func errorLog(_ string, line []byte) bool {
	return bytes.HasPrefix(line, []byte("unknown_format")) && (!bytes.Contains(line, []byte("/20")) || bytes.Contains(line, []byte(": [")))
}
