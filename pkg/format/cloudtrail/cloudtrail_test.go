package cloudtrail_test

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/cloudtrail"
	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestCloudTrail(t *testing.T) {
	formattest.Run(t, cloudtrail.Spec(), "testdata")
}

func TestLossless(t *testing.T) {
	t.Parallel()
	formattest.Lossless(t, cloudtrail.Spec(), "testdata", "eventTime", "creationDate", "bytesTransferredIn", "bytesTransferredOut", "sourceIPAddress")
}
