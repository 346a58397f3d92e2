package cloudtrail_test

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/cloudtrail"
	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestCloudTrail(t *testing.T) {
	formattest.Run(t, cloudtrail.Spec(), "testdata")
}
