package nginx

import (
	"bytes"
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestSharedFormats(t *testing.T) {
	formattest.Files(t, Spec(), "formats/nginx/*.log", errorLog)
}

func TestSharedWeb(t *testing.T) {
	formattest.Files(t, Spec(), "web/crowdsec/*nginx*.log", errorLog)
	formattest.Files(t, Spec(), "web/crowdsec/http-*.log", errorLog)
}

// errorLog knows lines that are not of an access log of this shape: nothing in brackets looks like a date, or the time
// stands first, as a proxy manager writes it.
func errorLog(_ string, line []byte) bool {
	return bytes.HasPrefix(line, []byte("unknown_format")) && (!bytes.Contains(line, []byte("/20")) || bytes.Contains(line, []byte(": [")))
}
