package vpcflow

import (
	"math"
	"sync"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/internal/flowline"
)

// columns returns every column of versions 2 to 11.
var columns = sync.OnceValue(func() flowline.Columns {
	m := flowline.Columns{}
	m["action"] = flowline.Column{Kind: flowline.Action}
	m["start"] = flowline.Column{Kind: flowline.Seconds, Time: event.EventTime}
	m["end"] = flowline.Column{Kind: flowline.Seconds, Time: event.EndTime}
	for name, f := range map[string]event.AddrField{
		"srcaddr": event.SrcIP, "dstaddr": event.DstIP, "pkt_srcaddr": event.PktSrcIP, "pkt_dstaddr": event.PktDstIP,
	} {
		m[name] = flowline.Column{Kind: flowline.Address, Addr: f}
	}
	for name, c := range map[string]flowline.Column{
		"version": {Int: event.FlowVersion, Max: 255}, "protocol": {Int: event.Protocol, Max: 255},
		"srcport": {Int: event.SrcPort, Max: 65535}, "dstport": {Int: event.DstPort, Max: 65535},
		"packets": {Int: event.Packets, Max: math.MaxInt64}, "bytes": {Int: event.Bytes, Max: math.MaxInt64},
		"tcp_flags": {Int: event.TCPFlags, Max: 255}, "traffic_path": {Int: event.TrafficPath, Max: 255},
		"encryption_status": {Int: event.EncryptionStatus, Max: 255},
	} {
		c.Kind = flowline.Integer
		m[name] = c
	}
	for name, f := range textColumns() {
		m[name] = flowline.Column{Kind: flowline.Text, Text: f}
	}
	for name, f := range map[string]event.TextField{
		"instance_tag": event.InstanceTag, "instance_tag_2": event.InstanceTag2,
		"interface_tag": event.InterfaceTag, "interface_tag_2": event.InterfaceTag2,
		"asg_tag": event.ASGTag, "asg_tag_2": event.ASGTag2,
	} {
		m[name] = flowline.Column{Kind: flowline.Tag, Text: f}
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
