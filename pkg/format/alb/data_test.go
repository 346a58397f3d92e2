package alb

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestSharedFormats(t *testing.T) {
	formattest.Files(t, Spec(), "formats/alb/*.log*", nil)
}

func TestSharedWeb(t *testing.T) {
	formattest.Files(t, Spec(), "web/crowdsec/aws-alb*.log", nil)
}
