// Package accessline reads the parts that space-separated log lines share: tokens that may be quoted or bracketed,
// numbers and times without allocation, addresses with ports, request lines and URLs.
//
// It serves the formats s3access, alb, albconn, clb, nlb, cloudfront, nginx, apache and vpcflow, and is no format itself:
// it knows no column order but the one that nginx and Apache have in common (web.go). A text goes in as a string made once
// from the record; every text that comes out is a slice of it, unless an escape had to be undone. Start reading at
// token.go.
package accessline
