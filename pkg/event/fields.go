package event

// The field table. One declaration defines a field everywhere: add one here, and rules, SQL and documents have it.
// SQL names the ClickHouse type; numbers, floats and booleans are Nullable there, times are DateTime64(9).

var (
	allClasses = []Class{API, Flow, HTTP, DNS} // of logs
	withAlerts = append(LogClasses(), Alert)
)

// Every class: who, when, where.
var (
	EventTime    = TimeField{define(Field{Name: "event_time", Type: TypeTime, Classes: withAlerts, Meaning: "when it happened, with the precision the log had", ECS: "@timestamp", OCSF: "time", SQL: "DateTime64(9, 'UTC')"})}
	ReceivedTime = TimeField{define(Field{Name: "received_time", Type: TypeTime, Classes: allClasses, Meaning: "when a source of ours first saw the record", ECS: "event.ingested", OCSF: "metadata.logged_time", SQL: "DateTime64(9, 'UTC')"})}
	NativeID     = TextField{define(Field{Name: "native_id", Type: TypeText, Classes: withAlerts, Meaning: "the log's own id of the event", ECS: "event.id", OCSF: "metadata.uid", SQL: "String"})}
	Format       = TextField{define(Field{Name: "format", Type: TypeText, Classes: allClasses, Meaning: "the vendor's format", ECS: "event.dataset", OCSF: "metadata.product.name", SQL: "LowCardinality(String)"})}
	Provider     = TextField{define(Field{Name: "provider", Type: TypeText, Classes: allClasses, Meaning: "whose cloud or software wrote it: aws, nginx, apache …", ECS: "cloud.provider", OCSF: "cloud.provider", SQL: "LowCardinality(String)"})}
	AccountID    = TextField{define(Field{Name: "account_id", Type: TypeText, Classes: withAlerts, Meaning: "account that the event happened in (the recipient, for an API call across accounts)", ECS: "cloud.account.id", OCSF: "cloud.account.uid", Entity: Account, SQL: "LowCardinality(String)"})}
	Region       = TextField{define(Field{Name: "region", Type: TypeText, Classes: withAlerts, Meaning: "region that the event happened in", ECS: "cloud.region", OCSF: "cloud.region", SQL: "LowCardinality(String)"})}
	Outcome      = TextField{define(Field{Name: "outcome", Type: TypeText, Classes: allClasses, Meaning: "success (ACCEPT, status < 400, NOERROR, no error code), failure or unknown", ECS: "event.outcome", OCSF: "status", Values: []string{Success, Failure, Unknown}, SQL: "LowCardinality(String)"})}
	SrcIP        = AddrField{define(Field{Name: "src_ip", Type: TypeAddr, Classes: withAlerts, Meaning: "address that the event came from", ECS: "source.ip", OCSF: "src_endpoint.ip", Entity: Address, SQL: "IPv6"})}
	SrcHost      = TextField{define(Field{Name: "src_host", Type: TypeText, Classes: allClasses, Meaning: "what the log says in place of an address: a service name, \"AWS Internal\", a host name", ECS: "source.address", OCSF: "src_endpoint.domain", Entity: Host, SQL: "LowCardinality(String)"})}
	SrcCountry   = TextField{define(Field{Name: "src_country", Type: TypeText, Classes: allClasses, Meaning: "country of src_ip, ISO 3166-1 alpha-2, where the log or an enrichment says it", ECS: "source.geo.country_iso_code", OCSF: "src_endpoint.location.country", SQL: "LowCardinality(String)"})}
	SrcASN       = IntField{define(Field{Name: "src_asn", Type: TypeInt, Classes: allClasses, Meaning: "autonomous system of src_ip, where the log or an enrichment says it", ECS: "source.as.number", OCSF: "src_endpoint.autonomous_system.number", SQL: "Nullable(UInt32)"})}
	Source       = TextField{define(Field{Name: "source", Type: TypeText, Classes: allClasses, Meaning: "the configured source that brought the record", ECS: "log.syslog.appname", OCSF: "metadata.log_provider", SQL: "LowCardinality(String)"})}
)

// Class api: calls of a cloud API.
var (
	EventName             = TextField{define(Field{Name: "event_name", Type: TypeText, Classes: []Class{API}, Meaning: "API call, without version suffix (UpdateFunctionCode)", ECS: "event.action", OCSF: "api.operation", SQL: "LowCardinality(String)"})}
	NativeName            = TextField{define(Field{Name: "native_name", Type: TypeText, Classes: []Class{API}, Meaning: "API call as delivered (UpdateFunctionCode20150331v2)", SQL: "LowCardinality(String)"})}
	EventSource           = TextField{define(Field{Name: "event_source", Type: TypeText, Classes: []Class{API}, Meaning: "service that was called (iam.amazonaws.com)", ECS: "event.provider", OCSF: "api.service.name", SQL: "LowCardinality(String)"})}
	EventType             = TextField{define(Field{Name: "event_type", Type: TypeText, Classes: []Class{API}, Meaning: "AwsApiCall, AwsConsoleSignIn …", ECS: "aws.cloudtrail.event_type", OCSF: "metadata.event_code", SQL: "LowCardinality(String)"})}
	EventCategory         = TextField{define(Field{Name: "event_category", Type: TypeText, Classes: []Class{API}, Meaning: "Management, Data, NetworkActivity, Insight …", ECS: "aws.cloudtrail.event_category", OCSF: "metadata.product.feature.name", SQL: "LowCardinality(String)"})}
	EventVersion          = TextField{define(Field{Name: "event_version", Type: TypeText, Classes: []Class{API}, Meaning: "version of the record's layout", ECS: "aws.cloudtrail.event_version", OCSF: "metadata.version", SQL: "LowCardinality(String)"})}
	ReadOnly              = BoolField{define(Field{Name: "read_only", Type: TypeBool, Classes: []Class{API}, Meaning: "whether the call changes nothing", ECS: "aws.cloudtrail.read_only", SQL: "Nullable(Bool)"})}
	Management            = BoolField{define(Field{Name: "management", Type: TypeBool, Classes: []Class{API}, Meaning: "whether it is a management (control plane) event", ECS: "aws.cloudtrail.management_event", SQL: "Nullable(Bool)"})}
	ErrorMessage          = TextField{define(Field{Name: "error_message", Type: TypeText, Classes: []Class{API}, Meaning: "why the call failed, for people", ECS: "aws.cloudtrail.error_message", OCSF: "api.response.message", SQL: "String"})}
	ActorType             = TextField{define(Field{Name: "actor_type", Type: TypeText, Classes: []Class{API}, Meaning: "Root, IAMUser, AssumedRole, AWSService …", ECS: "aws.cloudtrail.user_identity.type", OCSF: "actor.user.type", SQL: "LowCardinality(String)"})}
	ActorARN              = TextField{define(Field{Name: "actor_arn", Type: TypeText, Classes: []Class{API}, Meaning: "ARN that made the call, session included", ECS: "aws.cloudtrail.user_identity.arn", OCSF: "actor.user.uid", Entity: Principal, SQL: "String"})}
	ActorPrincipalID      = TextField{define(Field{Name: "actor_principal_id", Type: TypeText, Classes: []Class{API}, Meaning: "unique id of the principal (AROA…:session)", ECS: "user.id", OCSF: "actor.user.uid_alt", SQL: "String"})}
	ActorAccountID        = TextField{define(Field{Name: "actor_account_id", Type: TypeText, Classes: []Class{API}, Meaning: "account of the principal", OCSF: "actor.user.account.uid", Entity: Account, SQL: "LowCardinality(String)"})}
	ActorSessionName      = TextField{define(Field{Name: "actor_session_name", Type: TypeText, Classes: []Class{API}, Meaning: "role session name, the text after the last / of the ARN", OCSF: "actor.session.uid", SQL: "String"})}
	ActorInvokedBy        = TextField{define(Field{Name: "actor_invoked_by", Type: TypeText, Classes: []Class{API}, Meaning: "service that made the call for the principal", OCSF: "actor.invoked_by", SQL: "LowCardinality(String)"})}
	ActorIdentityProvider = TextField{define(Field{Name: "actor_identity_provider", Type: TypeText, Classes: []Class{API}, Meaning: "SAML or web identity provider that vouched for the principal", OCSF: "actor.idp.name", SQL: "LowCardinality(String)"})}
	ActorSourceIdentity   = TextField{define(Field{Name: "actor_source_identity", Type: TypeText, Classes: []Class{API}, Meaning: "source identity set when the role was first assumed", SQL: "String"})}
	ActorIssuerARN        = TextField{define(Field{Name: "actor_issuer_arn", Type: TypeText, Classes: []Class{API}, Meaning: "role or user that issued the session", OCSF: "actor.session.issuer", Entity: Principal, SQL: "LowCardinality(String)"})}
	AccessKeyID           = TextField{define(Field{Name: "access_key_id", Type: TypeText, Classes: []Class{API, Alert}, Meaning: "access key that signed the call", ECS: "aws.cloudtrail.user_identity.access_key_id", OCSF: "actor.user.credential_uid", SQL: "String"})}
	MFA                   = BoolField{define(Field{Name: "mfa", Type: TypeBool, Classes: []Class{API}, Meaning: "whether the session or the sign-in used a second factor", OCSF: "actor.session.is_mfa", SQL: "Nullable(Bool)"})}
	SessionCreatedTime    = TimeField{define(Field{Name: "session_created_time", Type: TypeTime, Classes: []Class{API}, Meaning: "when the temporary credentials were issued", OCSF: "actor.session.created_time", SQL: "DateTime64(9, 'UTC')"})}
	SessionFromConsole    = BoolField{define(Field{Name: "session_from_console", Type: TypeBool, Classes: []Class{API}, Meaning: "whether the session comes from the web console", ECS: "aws.cloudtrail.session_credential_from_console", SQL: "Nullable(Bool)"})}
	VPCEndpointID         = TextField{define(Field{Name: "vpc_endpoint_id", Type: TypeText, Classes: []Class{API}, Meaning: "VPC endpoint that the call came through", OCSF: "src_endpoint.uid", SQL: "LowCardinality(String)"})}
	VPCEndpointAccountID  = TextField{define(Field{Name: "vpc_endpoint_account_id", Type: TypeText, Classes: []Class{API}, Meaning: "account that owns that endpoint", SQL: "LowCardinality(String)"})}
	SharedEventID         = TextField{define(Field{Name: "shared_event_id", Type: TypeText, Classes: []Class{API}, Meaning: "id common to the records of one action in several accounts", SQL: "String"})}
	APIVersion            = TextField{define(Field{Name: "api_version", Type: TypeText, Classes: []Class{API}, Meaning: "version of the API", ECS: "aws.cloudtrail.api_version", OCSF: "api.version", SQL: "LowCardinality(String)"})}
	Resources             = ListField{define(Field{Name: "resources", Type: TypeList, Classes: []Class{API}, Meaning: "ARNs of the resources the call touched", ECS: "aws.cloudtrail.resources.arn", OCSF: "resources.uid", SQL: "Array(String)"})}
	Request               = ObjectField{define(Field{Name: "request", Type: TypeObject, Classes: []Class{API}, Meaning: "parameters of the call, keys as delivered", ECS: "aws.cloudtrail.request_parameters", OCSF: "api.request.data", SQL: "String"})}
	Response              = ObjectField{define(Field{Name: "response", Type: TypeObject, Classes: []Class{API}, Meaning: "what the call returned, keys as delivered", ECS: "aws.cloudtrail.response_elements", OCSF: "api.response.data", SQL: "String"})}
	Additional            = ObjectField{define(Field{Name: "additional", Type: TypeObject, Classes: []Class{API}, Meaning: "what the service added to the record, keys as delivered", ECS: "aws.cloudtrail.additional_eventdata", OCSF: "unmapped", SQL: "String"})}
	Severity              = TextField{define(Field{Name: "severity", Type: TypeText, Classes: []Class{API, Alert}, Meaning: "how serious the writer thinks it is, as it spells it: NOTICE, Informational, 4 …; of an alert, a severity that it has reached", ValuesOf: map[Class][]string{Alert: {"info", "low", "medium", "high", "critical"}}, ECS: "log.level", OCSF: "severity", SQL: "LowCardinality(String)"})}
	Result                = TextField{define(Field{Name: "result", Type: TypeText, Classes: []Class{API}, Meaning: "result as the writer spells it, also of what is still under way: Start, Accept, Success, Failure …", ECS: "azure.activitylogs.result_type", OCSF: "status_detail", SQL: "LowCardinality(String)"})}
	TenantID              = TextField{define(Field{Name: "tenant_id", Type: TypeText, Classes: []Class{API}, Meaning: "directory or organisation that the account belongs to", ECS: "cloud.account.tenant_id", OCSF: "cloud.org.uid", Entity: Account, SQL: "LowCardinality(String)"})}
	CorrelationID         = TextField{define(Field{Name: "correlation_id", Type: TypeText, Classes: []Class{API}, Meaning: "id common to the records of one action, such as its start and its end", ECS: "azure.correlation_id", OCSF: "metadata.correlation_uid", SQL: "String"})}
	ActorDelegates        = ListField{define(Field{Name: "actor_delegates", Type: TypeList, Classes: []Class{API}, Meaning: "identities that the call was made through, the first is the original caller", OCSF: "actor.session.delegates", SQL: "Array(String)"})}
	Permissions           = ListField{define(Field{Name: "permissions", Type: TypeList, Classes: []Class{API}, Meaning: "permissions that the call needed", ECS: "gcp.audit.authorization_info.permission", OCSF: "api.request.permissions", SQL: "Array(LowCardinality(String))"})}
	PermissionsDenied     = ListField{define(Field{Name: "permissions_denied", Type: TypeList, Classes: []Class{API}, Meaning: "those of them that were refused", SQL: "Array(LowCardinality(String))"})}
	ResourceType          = TextField{define(Field{Name: "resource_type", Type: TypeText, Classes: []Class{API, Flow}, Meaning: "kind of resource that the record is about", ECS: "cloud.service.name", OCSF: "resources.type", SQL: "LowCardinality(String)"})}
)

// Classes api and http.
var (
	Actor      = TextField{define(Field{Name: "actor", Type: TypeText, Classes: []Class{API, HTTP, Alert}, Meaning: "stable identity: role, user or root ARN, never the session; the requester of an S3 access", ECS: "user.id", OCSF: "actor.user.uid", Entity: Principal, SQL: "LowCardinality(String)"})}
	ActorName  = TextField{define(Field{Name: "actor_name", Type: TypeText, Classes: []Class{API, HTTP, Alert}, Meaning: "user or role name; the remote user of a web server", ECS: "user.name", OCSF: "actor.user.name", Entity: Principal, SQL: "String"})}
	ErrorCode  = TextField{define(Field{Name: "error_code", Type: TypeText, Classes: []Class{API, HTTP}, Meaning: "the service's error code (AccessDenied)", ECS: "error.code", OCSF: "api.response.error", SQL: "LowCardinality(String)"})}
	UserAgent  = TextField{define(Field{Name: "user_agent", Type: TypeText, Classes: []Class{API, HTTP}, Meaning: "client program as it calls itself", ECS: "user_agent.original", OCSF: "http_request.user_agent", SQL: "String"})}
	RequestID  = TextField{define(Field{Name: "request_id", Type: TypeText, Classes: []Class{API, HTTP}, Meaning: "the service's id of the request", ECS: "http.request.id", OCSF: "api.request.uid", SQL: "String"})}
	TLSVersion = TextField{define(Field{Name: "tls_version", Type: TypeText, Classes: []Class{API, Flow, HTTP}, Meaning: "TLS version as delivered", ECS: "tls.version", OCSF: "tls.version", SQL: "LowCardinality(String)"})}
	TLSCipher  = TextField{define(Field{Name: "tls_cipher", Type: TypeText, Classes: []Class{API, Flow, HTTP}, Meaning: "cipher suite as delivered", ECS: "tls.cipher", OCSF: "tls.cipher", SQL: "LowCardinality(String)"})}
	TLSHost    = TextField{define(Field{Name: "tls_host", Type: TypeText, Classes: []Class{API, Flow, HTTP}, Meaning: "host name the client asked for in the handshake or header of the API", ECS: "tls.client.server_name", OCSF: "tls.sni", Entity: Host, SQL: "LowCardinality(String)"})}
	BytesIn    = IntField{define(Field{Name: "bytes_in", Type: TypeInt, Classes: []Class{API, Flow, HTTP}, Unit: "bytes", Meaning: "bytes sent to the service; of a connection, by the client", ECS: "http.request.bytes", OCSF: "traffic.bytes_in", SQL: "Nullable(UInt64)"})}
	BytesOut   = IntField{define(Field{Name: "bytes_out", Type: TypeInt, Classes: []Class{API, Flow, HTTP}, Unit: "bytes", Meaning: "bytes that left the service; of a connection, to the client", ECS: "http.response.bytes", OCSF: "traffic.bytes_out", SQL: "Nullable(UInt64)"})}
)

// Class flow: network flows.
var (
	FlowVersion             = IntField{define(Field{Name: "flow_version", Type: TypeInt, Classes: []Class{Flow}, Meaning: "highest version among the fields of the layout; not a layout id", OCSF: "metadata.version", SQL: "Nullable(UInt8)"})}
	InterfaceID             = TextField{define(Field{Name: "interface_id", Type: TypeText, Classes: []Class{Flow, Alert}, Meaning: "network interface that saw the flow", ECS: "network.interface.id", OCSF: "src_endpoint.interface_uid", Entity: Host, SQL: "LowCardinality(String)"})}
	SubnetID                = TextField{define(Field{Name: "subnet_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "subnet of the interface", OCSF: "src_endpoint.subnet_uid", SQL: "LowCardinality(String)"})}
	DstIP                   = AddrField{define(Field{Name: "dst_ip", Type: TypeAddr, Classes: []Class{Flow}, Meaning: "destination address", ECS: "destination.ip", OCSF: "dst_endpoint.ip", Entity: Address, SQL: "IPv6"})}
	DstPort                 = IntField{define(Field{Name: "dst_port", Type: TypeInt, Classes: []Class{Flow}, Meaning: "destination port", ECS: "destination.port", OCSF: "dst_endpoint.port", SQL: "Nullable(UInt16)"})}
	PktSrcIP                = AddrField{define(Field{Name: "pkt_src_ip", Type: TypeAddr, Classes: []Class{Flow}, Meaning: "source address of the packet, where a gateway stands between", OCSF: "src_endpoint.intermediate_ips", Entity: Address, SQL: "IPv6"})}
	PktDstIP                = AddrField{define(Field{Name: "pkt_dst_ip", Type: TypeAddr, Classes: []Class{Flow}, Meaning: "destination address of the packet, where a gateway stands between", OCSF: "dst_endpoint.intermediate_ips", Entity: Address, SQL: "IPv6"})}
	Protocol                = IntField{define(Field{Name: "protocol", Type: TypeInt, Classes: []Class{Flow}, Meaning: "IANA protocol number: 1 ICMP, 6 TCP, 17 UDP", ECS: "network.iana_number", OCSF: "connection_info.protocol_num", SQL: "Nullable(UInt8)"})}
	Packets                 = IntField{define(Field{Name: "packets", Type: TypeInt, Classes: []Class{Flow}, Meaning: "packets in the window", ECS: "network.packets", OCSF: "traffic.packets", SQL: "Nullable(UInt64)"})}
	Bytes                   = IntField{define(Field{Name: "bytes", Type: TypeInt, Classes: []Class{Flow}, Unit: "bytes", Meaning: "bytes in the window", ECS: "network.bytes", OCSF: "traffic.bytes", SQL: "Nullable(UInt64)"})}
	EndTime                 = TimeField{define(Field{Name: "end_time", Type: TypeTime, Classes: []Class{Flow}, Meaning: "end of the window; its start is event_time", ECS: "event.end", OCSF: "end_time", SQL: "DateTime64(9, 'UTC')"})}
	LogStatus               = TextField{define(Field{Name: "log_status", Type: TypeText, Classes: []Class{Flow}, Meaning: "OK, NODATA or SKIPDATA", ECS: "aws.vpcflow.log_status", OCSF: "status_code", Values: []string{"OK", "NODATA", "SKIPDATA"}, SQL: "LowCardinality(String)"})}
	TCPFlags                = IntField{define(Field{Name: "tcp_flags", Type: TypeInt, Classes: []Class{Flow}, Meaning: "TCP flags of the window, or-ed: 1 FIN, 2 SYN, 4 RST, 18 SYN-ACK", ECS: "aws.vpcflow.tcp_flags", OCSF: "connection_info.tcp_flags", SQL: "Nullable(UInt8)"})}
	TrafficType             = TextField{define(Field{Name: "traffic_type", Type: TypeText, Classes: []Class{Flow}, Meaning: "IPv4, IPv6 or EFA", ECS: "network.type", OCSF: "connection_info.protocol_ver", SQL: "LowCardinality(String)"})}
	AZID                    = TextField{define(Field{Name: "az_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "availability zone", ECS: "cloud.availability_zone", OCSF: "cloud.zone", SQL: "LowCardinality(String)"})}
	SublocationType         = TextField{define(Field{Name: "sublocation_type", Type: TypeText, Classes: []Class{Flow}, Meaning: "wavelength, outpost or localzone", SQL: "LowCardinality(String)"})}
	SublocationID           = TextField{define(Field{Name: "sublocation_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "id of the sublocation", SQL: "LowCardinality(String)"})}
	PktSrcService           = TextField{define(Field{Name: "pkt_src_service", Type: TypeText, Classes: []Class{Flow}, Meaning: "AWS service whose range pkt_src_ip is in", OCSF: "src_endpoint.svc_name", SQL: "LowCardinality(String)"})}
	PktDstService           = TextField{define(Field{Name: "pkt_dst_service", Type: TypeText, Classes: []Class{Flow}, Meaning: "AWS service whose range pkt_dst_ip is in", OCSF: "dst_endpoint.svc_name", SQL: "LowCardinality(String)"})}
	Direction               = TextField{define(Field{Name: "direction", Type: TypeText, Classes: []Class{Flow}, Meaning: "ingress or egress, seen from the interface", ECS: "network.direction", OCSF: "connection_info.direction", Values: []string{"ingress", "egress"}, SQL: "LowCardinality(String)"})}
	TrafficPath             = IntField{define(Field{Name: "traffic_path", Type: TypeInt, Classes: []Class{Flow}, Meaning: "path of egress traffic, 1–8", OCSF: "connection_info.boundary_id", SQL: "Nullable(UInt8)"})}
	RejectReason            = TextField{define(Field{Name: "reject_reason", Type: TypeText, Classes: []Class{Flow}, Meaning: "why traffic was rejected (BPA)", SQL: "LowCardinality(String)"})}
	ResourceID              = TextField{define(Field{Name: "resource_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "resource that owns the interface, e.g. a regional NAT gateway", SQL: "LowCardinality(String)"})}
	EncryptionStatus        = IntField{define(Field{Name: "encryption_status", Type: TypeInt, Classes: []Class{Flow}, Meaning: "0 clear, 1 Nitro, 2 application layer, 3 both", SQL: "Nullable(UInt8)"})}
	ECSClusterARN           = TextField{define(Field{Name: "ecs_cluster_arn", Type: TypeText, Classes: []Class{Flow}, Meaning: "ECS cluster", SQL: "LowCardinality(String)"})}
	ECSClusterName          = TextField{define(Field{Name: "ecs_cluster_name", Type: TypeText, Classes: []Class{Flow}, Meaning: "ECS cluster name", SQL: "LowCardinality(String)"})}
	ECSContainerInstanceARN = TextField{define(Field{Name: "ecs_container_instance_arn", Type: TypeText, Classes: []Class{Flow}, Meaning: "ECS container instance", SQL: "LowCardinality(String)"})}
	ECSContainerInstanceID  = TextField{define(Field{Name: "ecs_container_instance_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "ECS container instance id", SQL: "LowCardinality(String)"})}
	ECSContainerID          = TextField{define(Field{Name: "ecs_container_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "runtime id of the first container", SQL: "LowCardinality(String)"})}
	ECSSecondContainerID    = TextField{define(Field{Name: "ecs_second_container_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "runtime id of the second container", SQL: "LowCardinality(String)"})}
	ECSServiceName          = TextField{define(Field{Name: "ecs_service_name", Type: TypeText, Classes: []Class{Flow}, Meaning: "ECS service", SQL: "LowCardinality(String)"})}
	ECSTaskDefinitionARN    = TextField{define(Field{Name: "ecs_task_definition_arn", Type: TypeText, Classes: []Class{Flow}, Meaning: "ECS task definition", SQL: "LowCardinality(String)"})}
	ECSTaskARN              = TextField{define(Field{Name: "ecs_task_arn", Type: TypeText, Classes: []Class{Flow}, Meaning: "ECS task", SQL: "LowCardinality(String)"})}
	ECSTaskID               = TextField{define(Field{Name: "ecs_task_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "ECS task id", SQL: "LowCardinality(String)"})}
	InstanceTag             = TextField{define(Field{Name: "instance_tag", Type: TypeText, Classes: []Class{Flow}, Meaning: "first chosen tag of the instance", SQL: "LowCardinality(String)"})}
	InstanceTag2            = TextField{define(Field{Name: "instance_tag_2", Type: TypeText, Classes: []Class{Flow}, Meaning: "second chosen tag of the instance", SQL: "LowCardinality(String)"})}
	InterfaceTag            = TextField{define(Field{Name: "interface_tag", Type: TypeText, Classes: []Class{Flow}, Meaning: "first chosen tag of the interface", SQL: "LowCardinality(String)"})}
	InterfaceTag2           = TextField{define(Field{Name: "interface_tag_2", Type: TypeText, Classes: []Class{Flow}, Meaning: "second chosen tag of the interface", SQL: "LowCardinality(String)"})}
	ASGTag                  = TextField{define(Field{Name: "asg_tag", Type: TypeText, Classes: []Class{Flow}, Meaning: "first chosen tag of the auto scaling group", SQL: "LowCardinality(String)"})}
	ASGTag2                 = TextField{define(Field{Name: "asg_tag_2", Type: TypeText, Classes: []Class{Flow}, Meaning: "second chosen tag of the auto scaling group", SQL: "LowCardinality(String)"})}
	InterfaceType           = TextField{define(Field{Name: "interface_type", Type: TypeText, Classes: []Class{Flow}, Meaning: "nat_gateway, transit_gateway, vpc_endpoint …", SQL: "LowCardinality(String)"})}
	NextHopInterfaceID      = TextField{define(Field{Name: "next_hop_interface_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "interface of the next hop", SQL: "LowCardinality(String)"})}
	NextHopSubnetID         = TextField{define(Field{Name: "next_hop_subnet_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "subnet of the next hop", SQL: "LowCardinality(String)"})}
	NextHopAZID             = TextField{define(Field{Name: "next_hop_az_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "availability zone of the next hop", SQL: "LowCardinality(String)"})}
	NextHopVPCID            = TextField{define(Field{Name: "next_hop_vpc_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "VPC of the next hop", SQL: "LowCardinality(String)"})}
	NextHopInterfaceType    = TextField{define(Field{Name: "next_hop_interface_type", Type: TypeText, Classes: []Class{Flow}, Meaning: "interface type of the next hop", SQL: "LowCardinality(String)"})}
)

// Class flow: connections that a balancer ended.
var (
	ListenerID             = TextField{define(Field{Name: "listener_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "listener of the balancer", ECS: "aws.elb.listener", SQL: "LowCardinality(String)"})}
	TLSHandshakeMS         = FloatField{define(Field{Name: "tls_handshake_ms", Type: TypeFloat, Classes: []Class{Flow}, Unit: "ms", Meaning: "time that the handshake took; missing when it failed", ECS: "aws.elb.tls_handshake_time.ms", OCSF: "tls.handshake_dur", SQL: "Nullable(Float64)"})}
	TLSAlert               = IntField{define(Field{Name: "tls_alert", Type: TypeInt, Classes: []Class{Flow}, Meaning: "TLS alert that the client sent", ECS: "aws.elb.incoming_tls_alert", OCSF: "tls.alert", SQL: "Nullable(UInt8)"})}
	TLSGroup               = TextField{define(Field{Name: "tls_group", Type: TypeText, Classes: []Class{Flow}, Meaning: "named group of the key exchange", ECS: "tls.curve", SQL: "LowCardinality(String)"})}
	TLSCertSerial          = TextField{define(Field{Name: "tls_cert_serial", Type: TypeText, Classes: []Class{Flow}, Meaning: "serial number of the certificate shown to the client", ECS: "tls.server.x509.serial_number", OCSF: "tls.certificate.serial_number", SQL: "LowCardinality(String)"})}
	TLSALPN                = TextField{define(Field{Name: "tls_alpn", Type: TypeText, Classes: []Class{Flow}, Meaning: "application protocol agreed with the client", ECS: "tls.next_protocol", OCSF: "connection_info.protocol_name", SQL: "LowCardinality(String)"})}
	TLSALPNOffered         = ListField{define(Field{Name: "tls_alpn_offered", Type: TypeList, Classes: []Class{Flow}, Meaning: "application protocols that the client offered, by preference", SQL: "Array(LowCardinality(String))"})}
	UpstreamALPN           = TextField{define(Field{Name: "upstream_alpn", Type: TypeText, Classes: []Class{Flow}, Meaning: "application protocol agreed with the server behind", SQL: "LowCardinality(String)"})}
	TLSClientSubject       = TextField{define(Field{Name: "tls_client_subject", Type: TypeText, Classes: []Class{Flow}, Meaning: "subject of the certificate that the client showed", ECS: "tls.client.subject", OCSF: "tls.certificate.subject", SQL: "String"})}
	TLSClientSerial        = TextField{define(Field{Name: "tls_client_serial", Type: TypeText, Classes: []Class{Flow}, Meaning: "its serial number", ECS: "tls.client.x509.serial_number", SQL: "String"})}
	TLSClientNotBeforeTime = TimeField{define(Field{Name: "tls_client_not_before_time", Type: TypeTime, Classes: []Class{Flow}, Meaning: "when it begins to be valid", ECS: "tls.client.not_before", SQL: "DateTime64(9, 'UTC')"})}
	TLSClientNotAfterTime  = TimeField{define(Field{Name: "tls_client_not_after_time", Type: TypeTime, Classes: []Class{Flow}, Meaning: "when it ceases to be valid", ECS: "tls.client.not_after", SQL: "DateTime64(9, 'UTC')"})}
	TLSVerifyStatus        = TextField{define(Field{Name: "tls_verify_status", Type: TypeText, Classes: []Class{Flow}, Meaning: "Success, or Failed: and why the client was not believed", SQL: "LowCardinality(String)"})}
)

// Shared by flow, http and dns.
var (
	Action     = TextField{define(Field{Name: "action", Type: TypeText, Classes: []Class{Flow, HTTP, DNS}, Meaning: "ACCEPT or REJECT of a flow; ALLOW, BLOCK, ALERT … of a firewall, as the vendor spells it", ECS: "event.action", OCSF: "action", SQL: "LowCardinality(String)"})}
	SrcPort    = IntField{define(Field{Name: "src_port", Type: TypeInt, Classes: []Class{Flow, HTTP, DNS}, Meaning: "source port", ECS: "source.port", OCSF: "src_endpoint.port", SQL: "Nullable(UInt16)"})}
	VPCID      = TextField{define(Field{Name: "vpc_id", Type: TypeText, Classes: []Class{Flow, DNS}, Meaning: "VPC", OCSF: "src_endpoint.vpc_uid", SQL: "LowCardinality(String)"})}
	InstanceID = TextField{define(Field{Name: "instance_id", Type: TypeText, Classes: []Class{Flow, DNS}, Meaning: "instance that owns the interface", ECS: "cloud.instance.id", OCSF: "src_endpoint.instance_uid", Entity: Host, SQL: "LowCardinality(String)"})}
)

// Class http: access logs.
var (
	Method               = TextField{define(Field{Name: "method", Type: TypeText, Classes: []Class{HTTP}, Meaning: "request method", ECS: "http.request.method", OCSF: "http_request.http_method", SQL: "LowCardinality(String)"})}
	RequestLine          = TextField{define(Field{Name: "request_line", Type: TypeText, Classes: []Class{HTTP}, Meaning: "request line as logged, kept when it could not be taken apart", SQL: "String"})}
	RequestValid         = BoolField{define(Field{Name: "request_valid", Type: TypeBool, Classes: []Class{HTTP}, Meaning: "whether the request line could be taken apart", SQL: "Nullable(Bool)"})}
	URLScheme            = TextField{define(Field{Name: "url_scheme", Type: TypeText, Classes: []Class{HTTP}, Meaning: "http, https, ws, wss", ECS: "url.scheme", OCSF: "http_request.url.scheme", SQL: "LowCardinality(String)"})}
	URLHost              = TextField{define(Field{Name: "url_host", Type: TypeText, Classes: []Class{HTTP}, Meaning: "host that was asked for", ECS: "url.domain", OCSF: "http_request.url.hostname", Entity: Host, SQL: "LowCardinality(String)"})}
	URLPort              = IntField{define(Field{Name: "url_port", Type: TypeInt, Classes: []Class{HTTP}, Meaning: "port in the URL", ECS: "url.port", OCSF: "http_request.url.port", SQL: "Nullable(UInt16)"})}
	URLPath              = TextField{define(Field{Name: "url_path", Type: TypeText, Classes: []Class{HTTP}, Meaning: "path as sent, not decoded", ECS: "url.path", OCSF: "http_request.url.path", SQL: "String"})}
	URLQuery             = TextField{define(Field{Name: "url_query", Type: TypeText, Classes: []Class{HTTP}, Meaning: "query as sent, without ?", ECS: "url.query", OCSF: "http_request.url.query_string", SQL: "String"})}
	HTTPVersion          = TextField{define(Field{Name: "http_version", Type: TypeText, Classes: []Class{HTTP}, Meaning: "1.0, 1.1, 2.0 …", ECS: "http.version", OCSF: "http_request.version", SQL: "LowCardinality(String)"})}
	Status               = IntField{define(Field{Name: "status", Type: TypeInt, Classes: []Class{HTTP}, Meaning: "response status", ECS: "http.response.status_code", OCSF: "http_response.code", SQL: "Nullable(UInt16)"})}
	Referer              = TextField{define(Field{Name: "referer", Type: TypeText, Classes: []Class{HTTP}, Meaning: "referring page as sent", ECS: "http.request.referrer", OCSF: "http_request.referrer", SQL: "String"})}
	DurationMS           = FloatField{define(Field{Name: "duration_ms", Type: TypeFloat, Classes: []Class{API, Flow, HTTP}, Unit: "ms", Meaning: "from the request to the end of the response or of the call; the life of a connection", ECS: "event.duration", OCSF: "http_response.latency", SQL: "Nullable(Float64)"})}
	ForwardedFor         = ListField{define(Field{Name: "forwarded_for", Type: TypeList, Classes: []Class{HTTP}, Meaning: "X-Forwarded-For, first to last", ECS: "network.forwarded_ip", OCSF: "http_request.x_forwarded_for", SQL: "Array(String)"})}
	UpstreamIP           = AddrField{define(Field{Name: "upstream_ip", Type: TypeAddr, Classes: []Class{HTTP}, Meaning: "server behind the proxy", OCSF: "proxy_endpoint.ip", Entity: Address, SQL: "IPv6"})}
	UpstreamPort         = IntField{define(Field{Name: "upstream_port", Type: TypeInt, Classes: []Class{HTTP}, Meaning: "its port", OCSF: "proxy_endpoint.port", SQL: "Nullable(UInt16)"})}
	UpstreamStatus       = IntField{define(Field{Name: "upstream_status", Type: TypeInt, Classes: []Class{HTTP}, Meaning: "its response status", SQL: "Nullable(UInt16)"})}
	UpstreamMS           = FloatField{define(Field{Name: "upstream_ms", Type: TypeFloat, Classes: []Class{HTTP}, Unit: "ms", Meaning: "its time to answer", SQL: "Nullable(Float64)"})}
	BucketName           = TextField{define(Field{Name: "bucket_name", Type: TypeText, Classes: []Class{HTTP, Alert}, Meaning: "S3 bucket", ECS: "aws.s3access.bucket", OCSF: "resources.name", Entity: Bucket, SQL: "LowCardinality(String)"})}
	BucketOwnerID        = TextField{define(Field{Name: "bucket_owner_id", Type: TypeText, Classes: []Class{HTTP}, Meaning: "canonical id of its owner", ECS: "aws.s3access.bucket_owner", OCSF: "resources.owner.uid", SQL: "LowCardinality(String)"})}
	Operation            = TextField{define(Field{Name: "operation", Type: TypeText, Classes: []Class{HTTP}, Meaning: "S3 operation (REST.GET.OBJECT)", ECS: "aws.s3access.operation", OCSF: "api.operation", SQL: "LowCardinality(String)"})}
	ObjectKey            = TextField{define(Field{Name: "object_key", Type: TypeText, Classes: []Class{HTTP}, Meaning: "S3 key, decoded; as logged in unmapped when it differs", ECS: "aws.s3access.key", OCSF: "file.path", SQL: "String"})}
	ObjectBytes          = IntField{define(Field{Name: "object_bytes", Type: TypeInt, Classes: []Class{HTTP}, Unit: "bytes", Meaning: "size of the object", ECS: "aws.s3access.object_size", OCSF: "file.size", SQL: "Nullable(UInt64)"})}
	VersionID            = TextField{define(Field{Name: "version_id", Type: TypeText, Classes: []Class{HTTP}, Meaning: "version of the object", ECS: "aws.s3access.version_id", SQL: "String"})}
	TurnaroundMS         = FloatField{define(Field{Name: "turnaround_ms", Type: TypeFloat, Classes: []Class{HTTP}, Unit: "ms", Meaning: "time S3 took itself", ECS: "aws.s3access.turn_around_time", SQL: "Nullable(Float64)"})}
	HostID               = TextField{define(Field{Name: "host_id", Type: TypeText, Classes: []Class{HTTP}, Meaning: "extended request id", ECS: "aws.s3access.host_id", SQL: "String"})}
	SignatureVersion     = TextField{define(Field{Name: "signature_version", Type: TypeText, Classes: []Class{HTTP}, Meaning: "SigV2 or SigV4", ECS: "aws.s3access.signature_version", SQL: "LowCardinality(String)"})}
	AuthType             = TextField{define(Field{Name: "auth_type", Type: TypeText, Classes: []Class{HTTP}, Meaning: "AuthHeader or QueryString", ECS: "aws.s3access.authentication_type", SQL: "LowCardinality(String)"})}
	AccessPointARN       = TextField{define(Field{Name: "access_point_arn", Type: TypeText, Classes: []Class{HTTP}, Meaning: "access point of the request", SQL: "LowCardinality(String)"})}
	ACLRequired          = BoolField{define(Field{Name: "acl_required", Type: TypeBool, Classes: []Class{HTTP}, Meaning: "whether an ACL was needed to allow it", SQL: "Nullable(Bool)"})}
	BucketRegion         = TextField{define(Field{Name: "bucket_region", Type: TypeText, Classes: []Class{HTTP}, Meaning: "source region column of the S3 log", SQL: "LowCardinality(String)"})}
	LBName               = TextField{define(Field{Name: "lb_name", Type: TypeText, Classes: []Class{Flow, HTTP}, Meaning: "load balancer", ECS: "aws.elb.name", OCSF: "proxy.name", Entity: Host, SQL: "LowCardinality(String)"})}
	TargetGroupARN       = TextField{define(Field{Name: "target_group_arn", Type: TypeText, Classes: []Class{HTTP}, Meaning: "target group", ECS: "aws.elb.target_group.arn", SQL: "LowCardinality(String)"})}
	RequestMS            = FloatField{define(Field{Name: "request_ms", Type: TypeFloat, Classes: []Class{HTTP}, Unit: "ms", Meaning: "time the balancer took to pass the request on", SQL: "Nullable(Float64)"})}
	ResponseMS           = FloatField{define(Field{Name: "response_ms", Type: TypeFloat, Classes: []Class{HTTP}, Unit: "ms", Meaning: "time the balancer took to pass the response on", SQL: "Nullable(Float64)"})}
	TraceID              = TextField{define(Field{Name: "trace_id", Type: TypeText, Classes: []Class{HTTP}, Meaning: "X-Amzn-Trace-Id", ECS: "trace.id", SQL: "String"})}
	TLSCertARN           = TextField{define(Field{Name: "tls_cert_arn", Type: TypeText, Classes: []Class{Flow, HTTP}, Meaning: "certificate shown to the client", OCSF: "tls.certificate.uid", SQL: "LowCardinality(String)"})}
	RulePriority         = IntField{define(Field{Name: "rule_priority", Type: TypeInt, Classes: []Class{HTTP}, Meaning: "priority of the listener rule that matched", SQL: "Nullable(Int32)"})}
	RequestTime          = TimeField{define(Field{Name: "request_time", Type: TypeTime, Classes: []Class{Flow, HTTP}, Meaning: "when the balancer got the request or the connection began", ECS: "event.start", OCSF: "start_time", SQL: "DateTime64(9, 'UTC')"})}
	Actions              = ListField{define(Field{Name: "actions", Type: TypeList, Classes: []Class{HTTP}, Meaning: "what the balancer did: waf, authenticate, forward …", SQL: "Array(LowCardinality(String))"})}
	RedirectURL          = TextField{define(Field{Name: "redirect_url", Type: TypeText, Classes: []Class{HTTP}, Meaning: "where it redirected to", SQL: "String"})}
	ErrorReason          = TextField{define(Field{Name: "error_reason", Type: TypeText, Classes: []Class{HTTP}, Meaning: "why an action failed", SQL: "LowCardinality(String)"})}
	UpstreamList         = ListField{define(Field{Name: "upstream_list", Type: TypeList, Classes: []Class{HTTP}, Meaning: "every address:port it tried", SQL: "Array(String)"})}
	UpstreamStatusList   = ListField{define(Field{Name: "upstream_status_list", Type: TypeList, Classes: []Class{HTTP}, Meaning: "their statuses", SQL: "Array(String)"})}
	Classification       = TextField{define(Field{Name: "classification", Type: TypeText, Classes: []Class{HTTP}, Meaning: "Acceptable, Ambiguous or Severe (request smuggling)", SQL: "LowCardinality(String)"})}
	ClassificationReason = TextField{define(Field{Name: "classification_reason", Type: TypeText, Classes: []Class{HTTP}, Meaning: "why", SQL: "LowCardinality(String)"})}
	ConnTraceID          = TextField{define(Field{Name: "conn_trace_id", Type: TypeText, Classes: []Class{Flow, HTTP}, Meaning: "id of the connection", SQL: "String"})}
	TransformedHost      = TextField{define(Field{Name: "transformed_host", Type: TypeText, Classes: []Class{HTTP}, Meaning: "host after the transform", SQL: "String"})}
	TransformedURI       = TextField{define(Field{Name: "transformed_uri", Type: TypeText, Classes: []Class{HTTP}, Meaning: "URI after the transform", SQL: "String"})}
	TransformStatus      = TextField{define(Field{Name: "transform_status", Type: TypeText, Classes: []Class{HTTP}, Meaning: "TransformSuccess …", SQL: "LowCardinality(String)"})}
	WAFACLID             = TextField{define(Field{Name: "waf_acl_id", Type: TypeText, Classes: []Class{HTTP}, Meaning: "web ACL that decided: its ARN, or the id of a classic one", ECS: "rule.ruleset", OCSF: "firewall_rule.uid", SQL: "LowCardinality(String)"})}
	WAFRule              = TextField{define(Field{Name: "waf_rule", Type: TypeText, Classes: []Class{HTTP}, Meaning: "rule that ended the evaluation; Default_Action when none did", ECS: "rule.id", OCSF: "firewall_rule.name", SQL: "LowCardinality(String)"})}
	WAFRuleType          = TextField{define(Field{Name: "waf_rule_type", Type: TypeText, Classes: []Class{HTTP}, Meaning: "REGULAR, RATE_BASED, GROUP or MANAGED_RULE_GROUP", ECS: "rule.category", OCSF: "firewall_rule.type", SQL: "LowCardinality(String)"})}
	WAFRules             = ListField{define(Field{Name: "waf_rules", Type: TypeList, Classes: []Class{HTTP}, Meaning: "every rule that matched, also in rule groups, as group:rule or rule", OCSF: "firewall_rule.match_details", SQL: "Array(LowCardinality(String))"})}
	WAFLabels            = ListField{define(Field{Name: "waf_labels", Type: TypeList, Classes: []Class{HTTP}, Meaning: "labels that rules put on the request", ECS: "tags", OCSF: "metadata.labels", SQL: "Array(LowCardinality(String))"})}
	WAFSource            = TextField{define(Field{Name: "waf_source", Type: TypeText, Classes: []Class{HTTP}, Meaning: "kind of service behind the firewall: CF, ALB, APIGW, APPSYNC, COGNITO", OCSF: "src_endpoint.svc_name", SQL: "LowCardinality(String)"})}
	WAFSourceID          = TextField{define(Field{Name: "waf_source_id", Type: TypeText, Classes: []Class{HTTP}, Meaning: "resource behind the firewall", OCSF: "dst_endpoint.uid", SQL: "LowCardinality(String)"})}
	TLSJA3               = TextField{define(Field{Name: "tls_ja3", Type: TypeText, Classes: []Class{HTTP}, Meaning: "JA3 fingerprint of the client", ECS: "tls.client.ja3", OCSF: "tls.ja3_hash.value", SQL: "String"})}
	TLSJA4               = TextField{define(Field{Name: "tls_ja4", Type: TypeText, Classes: []Class{HTTP}, Meaning: "JA4 fingerprint of the client", ECS: "tls.client.ja4", OCSF: "tls.ja4_fingerprint_list.value", SQL: "String"})}
	Headers              = ListField{define(Field{Name: "headers", Type: TypeList, Classes: []Class{HTTP}, Meaning: "request headers that no other field holds, as name: value, names in lower case", OCSF: "http_request.http_headers", SQL: "Array(String)"})}
)

// Class http: what a network of edges adds.
var (
	EdgeLocation       = TextField{define(Field{Name: "edge_location", Type: TypeText, Classes: []Class{HTTP}, Meaning: "edge that served the request (HKG62-C2)", ECS: "aws.cloudfront.edge_location", OCSF: "proxy_endpoint.zone", SQL: "LowCardinality(String)"})}
	EdgeResult         = TextField{define(Field{Name: "edge_result", Type: TypeText, Classes: []Class{HTTP}, Meaning: "Hit, Miss, Error …, when the last byte left the edge", ECS: "aws.cloudfront.edge_result_type", SQL: "LowCardinality(String)"})}
	EdgeResponseResult = TextField{define(Field{Name: "edge_response_result", Type: TypeText, Classes: []Class{HTTP}, Meaning: "Hit, Miss, Error …, just before the answer", ECS: "aws.cloudfront.edge_response_result_type", SQL: "LowCardinality(String)"})}
	EdgeResultDetail   = TextField{define(Field{Name: "edge_result_detail", Type: TypeText, Classes: []Class{HTTP}, Meaning: "edge_result, or the kind of miss or error", ECS: "aws.cloudfront.edge_detailed_result_type", SQL: "LowCardinality(String)"})}
	DistributionID     = TextField{define(Field{Name: "distribution_id", Type: TypeText, Classes: []Class{HTTP}, Meaning: "distribution", ECS: "aws.cloudfront.distribution_id", OCSF: "proxy_endpoint.uid", SQL: "LowCardinality(String)"})}
	DistributionHost   = TextField{define(Field{Name: "distribution_host", Type: TypeText, Classes: []Class{HTTP}, Meaning: "host name of the distribution itself; url_host is what the client asked for", ECS: "aws.cloudfront.domain", OCSF: "proxy_endpoint.hostname", SQL: "LowCardinality(String)"})}
	Cookie             = TextField{define(Field{Name: "cookie", Type: TypeText, Classes: []Class{HTTP}, Meaning: "Cookie header as sent", OCSF: "http_request.http_headers", SQL: "String"})}
	ContentType        = TextField{define(Field{Name: "content_type", Type: TypeText, Classes: []Class{HTTP}, Meaning: "Content-Type of the response", ECS: "http.response.mime_type", OCSF: "http_response.content_type", SQL: "LowCardinality(String)"})}
	BodyBytes          = IntField{define(Field{Name: "body_bytes", Type: TypeInt, Classes: []Class{HTTP}, Unit: "bytes", Meaning: "Content-Length of the response", ECS: "http.response.body.bytes", OCSF: "http_response.body_length", SQL: "Nullable(UInt64)"})}
	FirstByteMS        = FloatField{define(Field{Name: "first_byte_ms", Type: TypeFloat, Classes: []Class{HTTP}, Unit: "ms", Meaning: "from the request to the first byte of the response", SQL: "Nullable(Float64)"})}
	UpstreamLastByteMS = FloatField{define(Field{Name: "upstream_last_byte_ms", Type: TypeFloat, Classes: []Class{HTTP}, Unit: "ms", Meaning: "time of the server behind until its last byte", SQL: "Nullable(Float64)"})}
)

// Class flow: what transit gateways add. Both sides of the gateway have a VPC.
var (
	TGWID                = TextField{define(Field{Name: "tgw_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "transit gateway", OCSF: "proxy_endpoint.uid", SQL: "LowCardinality(String)"})}
	TGWAttachmentID      = TextField{define(Field{Name: "tgw_attachment_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "attachment that the flow came through", SQL: "LowCardinality(String)"})}
	TGWPairAttachmentID  = TextField{define(Field{Name: "tgw_pair_attachment_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "attachment that it left through", SQL: "LowCardinality(String)"})}
	SrcAccountID         = TextField{define(Field{Name: "src_account_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "account of the source VPC", OCSF: "src_endpoint.owner.account.uid", Entity: Account, SQL: "LowCardinality(String)"})}
	DstAccountID         = TextField{define(Field{Name: "dst_account_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "account of the destination VPC", OCSF: "dst_endpoint.owner.account.uid", Entity: Account, SQL: "LowCardinality(String)"})}
	SrcVPCID             = TextField{define(Field{Name: "src_vpc_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "source VPC", OCSF: "src_endpoint.vpc_uid", SQL: "LowCardinality(String)"})}
	DstVPCID             = TextField{define(Field{Name: "dst_vpc_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "destination VPC", OCSF: "dst_endpoint.vpc_uid", SQL: "LowCardinality(String)"})}
	SrcSubnetID          = TextField{define(Field{Name: "src_subnet_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "source subnet", OCSF: "src_endpoint.subnet_uid", SQL: "LowCardinality(String)"})}
	DstSubnetID          = TextField{define(Field{Name: "dst_subnet_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "destination subnet", OCSF: "dst_endpoint.subnet_uid", SQL: "LowCardinality(String)"})}
	SrcInterfaceID       = TextField{define(Field{Name: "src_interface_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "source network interface", OCSF: "src_endpoint.interface_uid", Entity: Host, SQL: "LowCardinality(String)"})}
	DstInterfaceID       = TextField{define(Field{Name: "dst_interface_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "destination network interface", OCSF: "dst_endpoint.interface_uid", Entity: Host, SQL: "LowCardinality(String)"})}
	SrcAZID              = TextField{define(Field{Name: "src_az_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "source availability zone", OCSF: "src_endpoint.zone", SQL: "LowCardinality(String)"})}
	DstAZID              = TextField{define(Field{Name: "dst_az_id", Type: TypeText, Classes: []Class{Flow}, Meaning: "destination availability zone", OCSF: "dst_endpoint.zone", SQL: "LowCardinality(String)"})}
	PacketsLostNoRoute   = IntField{define(Field{Name: "packets_lost_no_route", Type: TypeInt, Classes: []Class{Flow}, Meaning: "packets lost because no route was known", SQL: "Nullable(UInt64)"})}
	PacketsLostBlackhole = IntField{define(Field{Name: "packets_lost_blackhole", Type: TypeInt, Classes: []Class{Flow}, Meaning: "packets lost to a blackhole route", SQL: "Nullable(UInt64)"})}
	PacketsLostMTU       = IntField{define(Field{Name: "packets_lost_mtu", Type: TypeInt, Classes: []Class{Flow}, Meaning: "packets lost because they were larger than the MTU", SQL: "Nullable(UInt64)"})}
	PacketsLostTTL       = IntField{define(Field{Name: "packets_lost_ttl", Type: TypeInt, Classes: []Class{Flow}, Meaning: "packets lost because their time to live ran out", SQL: "Nullable(UInt64)"})}
)

// Class dns: resolver queries.
var (
	QueryName            = TextField{define(Field{Name: "query_name", Type: TypeText, Classes: []Class{DNS}, Meaning: "name asked for, lower case, without the last dot", ECS: "dns.question.name", OCSF: "query.hostname", Entity: Host, SQL: "String"})}
	QueryType            = TextField{define(Field{Name: "query_type", Type: TypeText, Classes: []Class{DNS}, Meaning: "A, AAAA, TXT …", ECS: "dns.question.type", OCSF: "query.type", SQL: "LowCardinality(String)"})}
	QueryClass           = TextField{define(Field{Name: "query_class", Type: TypeText, Classes: []Class{DNS}, Meaning: "IN", ECS: "dns.question.class", OCSF: "query.class", SQL: "LowCardinality(String)"})}
	RCode                = TextField{define(Field{Name: "rcode", Type: TypeText, Classes: []Class{DNS}, Meaning: "NOERROR, NXDOMAIN …", ECS: "dns.response_code", OCSF: "rcode", SQL: "LowCardinality(String)"})}
	Transport            = TextField{define(Field{Name: "transport", Type: TypeText, Classes: []Class{DNS}, Meaning: "UDP, TCP or DoH", ECS: "network.transport", OCSF: "connection_info.protocol_name", SQL: "LowCardinality(String)"})}
	Answers              = ListField{define(Field{Name: "answers", Type: TypeList, Classes: []Class{DNS}, Meaning: "data of the answers", ECS: "dns.answers.data", OCSF: "answers.rdata", SQL: "Array(String)"})}
	AnswerTypes          = ListField{define(Field{Name: "answer_types", Type: TypeList, Classes: []Class{DNS}, Meaning: "types of the answers, in their order", ECS: "dns.answers.type", OCSF: "answers.type", SQL: "Array(LowCardinality(String))"})}
	ResolverEndpointID   = TextField{define(Field{Name: "resolver_endpoint_id", Type: TypeText, Classes: []Class{DNS}, Meaning: "resolver endpoint that forwarded the query", OCSF: "src_endpoint.uid", SQL: "LowCardinality(String)"})}
	ResolverInterfaceID  = TextField{define(Field{Name: "resolver_interface_id", Type: TypeText, Classes: []Class{DNS}, Meaning: "network interface of that endpoint", OCSF: "src_endpoint.interface_uid", SQL: "LowCardinality(String)"})}
	FirewallRuleGroupID  = TextField{define(Field{Name: "firewall_rule_group_id", Type: TypeText, Classes: []Class{DNS}, Meaning: "DNS firewall rule group that matched", ECS: "rule.ruleset", OCSF: "firewall_rule.uid", SQL: "LowCardinality(String)"})}
	FirewallDomainListID = TextField{define(Field{Name: "firewall_domain_list_id", Type: TypeText, Classes: []Class{DNS}, Meaning: "domain list of that rule", ECS: "rule.id", OCSF: "firewall_rule.type", SQL: "LowCardinality(String)"})}
)

// Class alert: what rules found, for rules over alerts. An alert is an event of its own for each severity that it reaches.
var (
	RuleID       = TextField{define(Field{Name: "rule_id", Type: TypeText, Classes: []Class{Alert}, Meaning: "rule that raised the alert", ECS: "kibana.alert.rule.rule_id", OCSF: "finding_info.analytic.uid", SQL: "LowCardinality(String)"})}
	AlertTitle   = TextField{define(Field{Name: "title", Type: TypeText, Classes: []Class{Alert}, Meaning: "the alert's title as it was when the severity was reached; it may have changed since", ECS: "kibana.alert.reason", OCSF: "finding_info.title", SQL: "String"})}
	AlertCount   = IntField{define(Field{Name: "count", Type: TypeInt, Classes: []Class{Alert}, Meaning: "how many events the alert had counted when the severity was reached; it may have grown since", ECS: "kibana.alert.threshold_result.count", OCSF: "count", SQL: "UInt64"})}
	Attack       = ListField{define(Field{Name: "attack", Type: TypeList, Classes: []Class{Alert}, Meaning: "ATT&CK techniques of the rule", ECS: "threat.technique.id", OCSF: "finding_info.attacks.technique.uid", SQL: "Array(LowCardinality(String))"})}
	Tags         = ListField{define(Field{Name: "tags", Type: TypeList, Classes: []Class{Alert}, Meaning: "tags of the rule", ECS: "tags", OCSF: "metadata.labels", SQL: "Array(LowCardinality(String))"})}
	AlertClasses = ListField{define(Field{Name: "classes", Type: TypeList, Classes: []Class{Alert}, Meaning: "classes of the events that the rule looks at", ECS: "event.category", OCSF: "finding_info.types", SQL: "Array(LowCardinality(String))"})}
	EntityKind   = TextField{define(Field{Name: "entity_kind", Type: TypeText, Classes: []Class{Alert}, Meaning: "what kind of thing the alert is about", ECS: "entity.type", OCSF: "resources.type", Values: []string{string(Principal), string(Address), string(Host), string(Bucket), string(Account)}, SQL: "LowCardinality(String)"})}
	EntityID     = TextField{define(Field{Name: "entity_id", Type: TypeText, Classes: []Class{Alert}, Meaning: "whom or what the alert is about", ECS: "entity.id", OCSF: "resources.uid", SQL: "String"})}
	Group        = ObjectField{define(Field{Name: "group", Type: TypeObject, Classes: []Class{Alert}, Meaning: "the values of the rule's group_by: group.src_ip, group[\"request.bucketName\"]", ECS: "kibana.alert.group", OCSF: "finding_info.related_events", SQL: "Map(LowCardinality(String), String)"})}
)

// Columns that the pipeline fills from an event's own members. They are documented and hunted in, but rules cannot use them.
var _ = [...]uint16{
	define(Field{Name: "event_uid", Type: TypeText, Classes: allClasses, Meaning: "id of the event: hash of format and native id, or of origin and bytes; as hexadecimal text", ECS: "event.hash", OCSF: "metadata.correlation_uid", SQL: "FixedString(32)", Meta: true}),
	define(Field{Name: "epoch", Type: TypeInt, Classes: allClasses, Meaning: "generation of the topic", SQL: "UInt64", Meta: true}),
	define(Field{Name: "topic", Type: TypeText, Classes: allClasses, Meaning: "topic of the record", SQL: "LowCardinality(String)", Meta: true}),
	define(Field{Name: "partition", Type: TypeInt, Classes: allClasses, Meaning: "partition of the record", SQL: "UInt32", Meta: true}),
	define(Field{Name: "offset", Type: TypeInt, Classes: allClasses, Meaning: "offset of the record", SQL: "UInt64", Meta: true}),
	define(Field{Name: "idx", Type: TypeInt, Classes: allClasses, Meaning: "which event of its record, from 0", SQL: "UInt16", Meta: true}),
	define(Field{Name: "raw", Type: TypeText, Classes: allClasses, Meaning: "the record's bytes", ECS: "event.original", OCSF: "raw_data", SQL: "String", Meta: true}),
	define(Field{Name: "redacted", Type: TypeBool, Classes: allClasses, Meaning: "whether secrets were cut out of what is stored", SQL: "Bool", Meta: true}),
	define(Field{Name: "unmapped", Type: TypeObject, Classes: allClasses, Meaning: "what the format delivered and no field holds: name as delivered to text", OCSF: "unmapped", SQL: "Map(LowCardinality(String), String)", Meta: true}),
}
