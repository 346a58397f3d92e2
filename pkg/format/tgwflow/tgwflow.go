// Package tgwflow reads flow logs of AWS transit gateways in any layout: all columns in AWS's order by default, else
// the columns that the record's Layout names, with hyphens or underscores.
//
// A record is one line; one event of class flow comes out; a line of column names is a control record. A gateway
// forwards and does not judge: there is no action, and the outcome is unknown; what it lost is in packets_lost_*.
// Start reading at columns; the engine is internal/flowline. Its headers look like those of VPC flow logs with columns
// nobody knows, so that recognition must ask this format first.
package tgwflow

import (
	"bytes"
	"math"
	"strings"
	"sync"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/flowline"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format.
func Spec() format.Spec {
	return format.Spec{Name: "tgwflow", Class: event.Flow, New: New, Version: 1, Sniff: sniff, Header: Header, Column: hasColumn, Key: isKey}
}

// DefaultLayout is the layout of flow logs that nobody customised.
const DefaultLayout = "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id " +
	"tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id " +
	"tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status type " +
	"packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags region " +
	"flow-direction pkt-src-aws-service pkt-dst-aws-service"

type parser struct {
	event event.Event
	lines *flowline.Reader
}

// New returns a parser.
func New() format.Parser { return &parser{lines: flowline.NewReader(columns(), DefaultLayout)} }

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	e := &p.event
	e.Reset(event.Flow, r)
	e.SetText(event.Provider, "aws")
	e.SetText(event.Outcome, event.Unknown)
	if err := p.lines.Read(e, r); err != nil {
		return err
	}
	emit(e)
	return nil
}

// columns returns every column that a transit gateway can log.
var columns = sync.OnceValue(func() flowline.Columns {
	m := flowline.Columns{
		"start":   {Kind: flowline.Seconds, Time: event.EventTime},
		"end":     {Kind: flowline.Seconds, Time: event.EndTime},
		"srcaddr": {Kind: flowline.Address, Addr: event.SrcIP},
		"dstaddr": {Kind: flowline.Address, Addr: event.DstIP},
	}
	for name, c := range map[string]flowline.Column{
		"version": {Int: event.FlowVersion, Max: 255}, "protocol": {Int: event.Protocol, Max: 255},
		"srcport": {Int: event.SrcPort, Max: 65535}, "dstport": {Int: event.DstPort, Max: 65535},
		"packets": {Int: event.Packets, Max: math.MaxInt64}, "bytes": {Int: event.Bytes, Max: math.MaxInt64},
		"packets_lost_no_route":     {Int: event.PacketsLostNoRoute, Max: math.MaxInt64},
		"packets_lost_blackhole":    {Int: event.PacketsLostBlackhole, Max: math.MaxInt64},
		"packets_lost_mtu_exceeded": {Int: event.PacketsLostMTU, Max: math.MaxInt64},
		"packets_lost_ttl_expired":  {Int: event.PacketsLostTTL, Max: math.MaxInt64},
		"tcp_flags":                 {Int: event.TCPFlags, Max: 255},
	} {
		c.Kind = flowline.Integer
		m[name] = c
	}
	for name, f := range map[string]event.TextField{
		"resource_type": event.ResourceType, "account_id": event.AccountID, "region": event.Region,
		"tgw_id": event.TGWID, "tgw_attachment_id": event.TGWAttachmentID, "tgw_pair_attachment_id": event.TGWPairAttachmentID,
		"tgw_src_vpc_account_id": event.SrcAccountID, "tgw_dst_vpc_account_id": event.DstAccountID,
		"tgw_src_vpc_id": event.SrcVPCID, "tgw_dst_vpc_id": event.DstVPCID,
		"tgw_src_subnet_id": event.SrcSubnetID, "tgw_dst_subnet_id": event.DstSubnetID,
		"tgw_src_eni": event.SrcInterfaceID, "tgw_dst_eni": event.DstInterfaceID,
		"tgw_src_az_id": event.SrcAZID, "tgw_dst_az_id": event.DstAZID,
		"log_status": event.LogStatus, "type": event.TrafficType, "flow_direction": event.Direction,
		"pkt_src_aws_service": event.PktSrcService, "pkt_dst_aws_service": event.PktDstService,
	} {
		m[name] = flowline.Column{Kind: flowline.Text, Text: f}
	}
	return m
})

// Header recognises a line of column names, at least one of them a gateway's own, and returns it as a layout.
func Header(line []byte) (layout string, ok bool) {
	if len(line) == 0 || line[0] < 'a' || line[0] > 'z' || !own(line) {
		return "", false
	}
	return columns().Header(line)
}

func own(line []byte) bool {
	for _, mark := range [...]string{"tgw-", "tgw_", "packets-lost-", "packets_lost_", "resource-type", "resource_type"} {
		if bytes.Contains(line, []byte(mark)) {
			return true
		}
	}
	return false
}

func hasColumn(name string) bool { return columns().Has(name) }

// sniff knows the default layout by its first columns; any other needs its header or a configured layout.
func sniff(raw []byte) int {
	if _, ok := Header(raw); ok {
		return 96
	}
	version, rest, _ := bytes.Cut(raw[:min(len(raw), 200)], []byte(" "))
	if len(version) == 0 || len(version) > 2 || version[0] < '0' || version[0] > '9' {
		return 0
	}
	if kind, _, ok := bytes.Cut(rest, []byte(" ")); ok && bytes.HasPrefix(kind, []byte("TransitGateway")) {
		return 90
	}
	return 0
}

// isKey knows the folders of flow logs, which are those of VPCs too.
func isKey(object string) bool {
	return strings.Contains(object, "/vpcflowlogs/") || strings.Contains(object, "/aws-service=vpcflowlogs/")
}
