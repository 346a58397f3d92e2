package cloudtrail_test

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/cloudtrail"
	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func FuzzParse(f *testing.F) { formattest.Fuzz(f, cloudtrail.Spec(), "testdata") }
