package vpcflow

import (
	"math"
	"strings"
	"sync"

	"github.com/shrike-sec/shrike/pkg/event"
)

// columnsByName returns every column of versions 2 to 11 and those of transit gateways, by canonical name.
var columnsByName = sync.OnceValue(func() map[string]column {
	m := map[string]column{}
	add := func(c column) { m[c.name] = c }
	add(column{name: "action", kind: action})
	add(column{name: "start", kind: seconds, time: event.EventTime})
	add(column{name: "end", kind: seconds, time: event.EndTime})
	for name, f := range map[string]event.AddrField{
		"srcaddr": event.SrcIP, "dstaddr": event.DstIP, "pkt_srcaddr": event.PktSrcIP, "pkt_dstaddr": event.PktDstIP,
	} {
		add(column{name: name, kind: address, addr: f})
	}
	for name, c := range map[string]column{
		"version": {int: event.FlowVersion, max: 255}, "protocol": {int: event.Protocol, max: 255},
		"srcport": {int: event.SrcPort, max: 65535}, "dstport": {int: event.DstPort, max: 65535},
		"packets": {int: event.Packets, max: math.MaxInt64}, "bytes": {int: event.Bytes, max: math.MaxInt64},
		"tcp_flags": {int: event.TCPFlags, max: 255}, "traffic_path": {int: event.TrafficPath, max: 255},
		"encryption_status": {int: event.EncryptionStatus, max: 255},
	} {
		c.name, c.kind = name, integer
		add(c)
	}
	for name, f := range textColumns() {
		add(column{name: name, kind: text, text: f})
	}
	for name, f := range map[string]event.TextField{
		"instance_tag": event.InstanceTag, "instance_tag_2": event.InstanceTag2,
		"interface_tag": event.InterfaceTag, "interface_tag_2": event.InterfaceTag2,
		"asg_tag": event.ASGTag, "asg_tag_2": event.ASGTag2,
	} {
		add(column{name: name, kind: tag, text: f})
	}
	for _, name := range strings.Fields(gatewayColumns) {
		add(column{name: name})
	}
	return m
})

func textColumns() map[string]event.TextField {
	return map[string]event.TextField{
		"account_id": event.AccountID, "interface_id": event.InterfaceID, "log_status": event.LogStatus,
		"vpc_id": event.VPCID, "subnet_id": event.SubnetID, "instance_id": event.InstanceID, "type": event.TrafficType,
		"region": event.Region, "az_id": event.AZID,
		"sublocation_type": event.SublocationType, "sublocation_id": event.SublocationID,
		"pkt_src_aws_service": event.PktSrcService, "pkt_dst_aws_service": event.PktDstService,
		"flow_direction":  event.Direction,
		"ecs_cluster_arn": event.ECSClusterARN, "ecs_cluster_name": event.ECSClusterName,
		"ecs_container_instance_arn": event.ECSContainerInstanceARN, "ecs_container_instance_id": event.ECSContainerInstanceID,
		"ecs_container_id": event.ECSContainerID, "ecs_second_container_id": event.ECSSecondContainerID,
		"ecs_service_name": event.ECSServiceName, "ecs_task_definition_arn": event.ECSTaskDefinitionARN,
		"ecs_task_arn": event.ECSTaskARN, "ecs_task_id": event.ECSTaskID,
		"reject_reason": event.RejectReason, "resource_id": event.ResourceID,
		"interface_type":        event.InterfaceType,
		"next_hop_interface_id": event.NextHopInterfaceID, "next_hop_subnet_id": event.NextHopSubnetID,
		"next_hop_az_id": event.NextHopAZID, "next_hop_vpc_id": event.NextHopVPCID,
		"next_hop_interface_type": event.NextHopInterfaceType,
	}
}

// gatewayColumns are columns of transit gateways that no field holds: they make a header known and end in unmapped.
const gatewayColumns = `resource_type tgw_id tgw_attachment_id tgw_src_vpc_account_id tgw_dst_vpc_account_id
	tgw_src_vpc_id tgw_dst_vpc_id tgw_src_subnet_id tgw_dst_subnet_id tgw_src_eni tgw_dst_eni
	tgw_src_az_id tgw_dst_az_id tgw_pair_attachment_id packets_lost_no_route packets_lost_blackhole
	packets_lost_mtu_exceeded packets_lost_ttl_expired`
