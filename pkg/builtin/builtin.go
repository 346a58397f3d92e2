// Package builtin is the one list of what Shrike is built with: the formats. Adding one is a folder and a line here.
package builtin

import (
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/alb"
	"github.com/shrike-sec/shrike/pkg/format/albconn"
	"github.com/shrike-sec/shrike/pkg/format/apache"
	"github.com/shrike-sec/shrike/pkg/format/azure"
	"github.com/shrike-sec/shrike/pkg/format/clb"
	"github.com/shrike-sec/shrike/pkg/format/cloudfront"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail"
	"github.com/shrike-sec/shrike/pkg/format/gcp"
	"github.com/shrike-sec/shrike/pkg/format/nginx"
	"github.com/shrike-sec/shrike/pkg/format/nlb"
	"github.com/shrike-sec/shrike/pkg/format/ocsf"
	"github.com/shrike-sec/shrike/pkg/format/route53"
	"github.com/shrike-sec/shrike/pkg/format/s3access"
	"github.com/shrike-sec/shrike/pkg/format/tgwflow"
	"github.com/shrike-sec/shrike/pkg/format/vpcflow"
	"github.com/shrike-sec/shrike/pkg/format/waf"
)

// Formats returns every format, in the order in which recognition tries them.
func Formats() *format.Registry {
	return format.NewRegistry([]format.Spec{
		cloudtrail.Spec(),
		tgwflow.Spec(), // before vpcflow: to that its headers are VPC flow logs with new columns
		vpcflow.Spec(),
		s3access.Spec(),
		alb.Spec(),
		albconn.Spec(),
		clb.Spec(),
		nlb.Spec(),
		cloudfront.Spec(),
		waf.Spec(),
		route53.Spec(),
		gcp.Spec(),
		azure.Spec(),
		ocsf.Spec(),
		nginx.Spec(),
		apache.Spec(),
	})
}
