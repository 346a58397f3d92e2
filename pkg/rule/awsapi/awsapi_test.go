package awsapi

import (
	"strings"
	"testing"
)

func TestCalls(t *testing.T) {
	t.Parallel()
	c := Load()
	for _, known := range []struct{ source, call string }{
		{"iam.amazonaws.com", "CreateAccessKey"},
		{"sts.amazonaws.com", "AssumeRole"},
		{"sts.amazonaws.com", "AssumeRoot"},
		{"ec2.amazonaws.com", "RunInstances"},
		{"s3.amazonaws.com", "PutBucketPolicy"},
		{"s3.amazonaws.com", "PutBucketPublicAccessBlock"}, // S3 Control calls it otherwise
		{"cloudtrail.amazonaws.com", "StopLogging"},
		{"monitoring.amazonaws.com", "DeleteAlarms"}, // CloudWatch
		{"email.amazonaws.com", "SendEmail"},
		{"ses.amazonaws.com", "SendEmail"},
		{"signin.amazonaws.com", "ConsoleLogin"},
		{"kms.amazonaws.com", "RotateKey"},
		{"lambda.amazonaws.com", "UpdateFunctionCode"},
		{"cloudfront.amazonaws.com", "CreateDistribution"},
		{"health.amazonaws.com", "AWS_EC2_ANYTHING"},
		{"no-such-service.amazonaws.com", "Anything"},
	} {
		if !c.Has(known.source, known.call) {
			t.Errorf("%s has no %s", known.source, known.call)
		}
	}
	for _, unknown := range []struct{ source, call string }{
		{"iam.amazonaws.com", "CreateAcessKey"}, {"iam.amazonaws.com", "RunInstances"}, {"signin.amazonaws.com", "consolelogin"},
	} {
		if c.Has(unknown.source, unknown.call) {
			t.Errorf("%s has %s", unknown.source, unknown.call)
		}
	}
	if c.HasService("iam") || c.HasService("aim.amazonaws.com") || !c.HasService("iam.amazonaws.com") {
		t.Error("services are not told apart")
	}
	if got := strings.Join(c.ServicesOf("RotateKey"), " "); got != "kms.amazonaws.com" {
		t.Errorf("services of RotateKey: %s", got)
	}
	if len(c.All()) < 16000 || len(c.Services()) < 500 {
		t.Errorf("%d calls of %d services", len(c.All()), len(c.Services()))
	}
	for _, call := range c.All() {
		if strings.Contains(call, "20") && strings.Contains(call, "_") {
			t.Errorf("%s has an API version", call)
		}
	}
	if len(described) > 150_000 {
		t.Errorf("the table has %d bytes", len(described))
	}
}
