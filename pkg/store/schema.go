package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Column is one column of a table as ClickHouse is to have it.
type Column struct {
	Name  string
	Type  string
	Alias string // the expression of an ALIAS column; "" for a stored one
	Codec string
}

// String returns the column's definition in SQL.
func (c Column) String() string {
	s := "`" + c.Name + "` " + c.Type
	if c.Alias != "" {
		return s + " ALIAS " + c.Alias
	}
	return s + " CODEC(" + c.Codec + ")"
}

// ClassTables lists the tables of events, which are named as their classes.
func ClassTables() []string {
	var names []string
	for _, c := range event.LogClasses() {
		names = append(names, c.String())
	}
	return names
}

// Columns returns the columns of a class's table: those of the field table, in its order. An object is stored as its JSON
// text in <name>_json; <name> is an ALIAS that extracts its well-known keys.
func Columns(class event.Class) []Column {
	var cols []Column
	for _, f := range event.Fields() {
		switch {
		case !f.In(class):
		case f.Name == "raw" && class == event.Flow:
			cols = append(cols,
				Column{Name: flowRawColumn, Type: "String", Codec: textCodec},
				Column{Name: "raw", Type: "String", Alias: flowRawSQL})
		case f.Type == event.TypeObject && !f.Meta:
			tuple := tupleType(wellKnown(f.Name))
			cols = append(cols,
				Column{Name: jsonColumn(f), Type: f.SQL, Codec: textCodec},
				Column{Name: f.Name, Type: tuple, Alias: fmt.Sprintf("JSONExtract(%s, '%s')", jsonColumn(f), tuple)})
		default:
			cols = append(cols, Column{Name: f.Name, Type: f.SQL, Codec: codec(f)})
		}
	}
	return cols
}

func jsonColumn(f *event.Field) string { return f.Name + "_json" }

// textCodec: on real records raw text is 2.5 % smaller at ZSTD(12) than at ZSTD(1), and many times slower to write.
const textCodec = "ZSTD(1)"

func codec(f *event.Field) string {
	switch {
	case f.Type == event.TypeTime || f.Name == "offset":
		return "Delta(8), ZSTD(1)" // neighbours differ little
	case f.SQL == "Nullable(UInt64)":
		return "T64, ZSTD(1)" // sizes and counts: the high bytes are zero
	}
	return textCodec
}

// wellKnown lists the keys of an object that hunters reach as request.bucketName; any other key is
// JSONExtractString(request_json, 'key'). They are those by which calls name what they touch, for the services that
// attacks on accounts go through: identities and policies, sessions, storage, machines and their networks, keys and
// secrets, functions and containers, logs and detectors, mail and models. A tuple, not a cast to JSON: extraction of a
// missing or mistyped key is ”, never an error, whatever an attacker puts into a row.
func wellKnown(object string) []string {
	switch object {
	case "request":
		return strings.Fields(`
			userName roleName groupName policyArn policyName policyDocument assumeRolePolicyDocument accessKeyId
			instanceProfileName serialNumber permissionsBoundary sAMLProviderArn
			roleArn roleSessionName externalId durationSeconds sourceIdentity
			bucketName key prefix bucketPolicy acl copySource
			instanceType imageId instanceId instancesSet minCount maxCount userData keyName launchTemplateId
			groupId vpcId subnetId networkInterfaceId ipPermissions cidrBlock cidrIp fromPort toPort
			snapshotId volumeId attributeType attribute createVolumePermission
			keyId secretId name withDecryption functionName runtime clusterName cluster taskDefinition repositoryName
			trailName s3BucketName logGroupName detectorId configurationRecorderName filterName
			dBInstanceIdentifier dBSnapshotIdentifier publiclyAccessible tableName stackName
			documentName topicArn queueUrl accountId domainName hostedZoneId modelId emailAddress serviceCode`)
	case "response":
		return strings.Fields(`
			ConsoleLogin SwitchRole _return credentials assumedRoleUser user role accessKey policy
			instancesSet functionArn keyMetadata snapshotId groupId loginProfile trailARN`)
	case "additional":
		return strings.Fields(`
			LoginTo MFAUsed MFAIdentifier MobileVersion SwitchFrom RedirectTo AuthenticationMethod CipherSuite
			SignatureVersion SSEApplied bytesTransferredIn bytesTransferredOut insufficientCapacity grantId`)
	}
	return nil
}

func tupleType(keys []string) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = k + " String"
	}
	return "Tuple(" + strings.Join(parts, ", ") + ")"
}

// layout is how a class's table lies on disk. Few indexes: each costs every insert. The bloom filters are for what
// hunts start from, an address or an identity; offset's minmax makes the counting of a range cheap.
type layout struct {
	orderBy string
	indexes []string
}

func layoutOf(class event.Class) layout {
	const offset = "INDEX ix_offset `offset` TYPE minmax GRANULARITY 1"
	bloom := func(column string) string {
		return fmt.Sprintf("INDEX ix_%s %s TYPE bloom_filter(0.01) GRANULARITY 2", column, column)
	}
	switch class {
	case event.API:
		return layout{"toStartOfHour(event_time), account_id, event_source, event_name, event_time", []string{
			bloom("src_ip"), bloom("actor_arn"), bloom("access_key_id"), bloom("resources"),
			"INDEX ix_error_code error_code TYPE set(64) GRANULARITY 4", offset,
		}}
	case event.Flow:
		return layout{"toStartOfHour(event_time), account_id, dst_port, src_ip, dst_ip, event_time", []string{
			bloom("src_ip"), bloom("dst_ip"), offset,
		}}
	case event.HTTP:
		return layout{"toStartOfHour(event_time), format, lb_name, bucket_name, src_ip, event_time", []string{
			bloom("src_ip"), "INDEX ix_status status TYPE set(32) GRANULARITY 4", offset,
		}}
	default:
		return layout{"toStartOfHour(event_time), vpc_id, query_name, src_ip, event_time", []string{
			bloom("src_ip"), "INDEX ix_query_name query_name TYPE ngrambf_v1(4, 16384, 3, 0) GRANULARITY 2", offset,
		}}
	}
}

// CreateTable returns the statement that makes a class's table as the field table has it today. It wrote the first
// migration; later fields are added by migrations of their own (AddColumns).
func CreateTable(class event.Class) string {
	l := layoutOf(class)
	var lines []string
	for _, c := range Columns(class) {
		lines = append(lines, "  "+c.String())
	}
	for _, ix := range l.indexes {
		lines = append(lines, "  "+ix)
	}
	return fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s\n(\n%s\n)\nENGINE = MergeTree\nPARTITION BY toYYYYMMDD(event_time)\nORDER BY (%s)\n"+
		"SETTINGS non_replicated_deduplication_window = 200000, ttl_only_drop_parts = 1, allow_nullable_key = 1;\n",
		class, strings.Join(lines, ",\n"), l.orderBy)
}

// AddColumns returns the statements that a migration needs so that a table with the columns `have` (name to type) gets
// those of the field table; it also names columns whose type or expression differs, which nothing here changes by itself.
func AddColumns(class event.Class, have []Column) []string {
	var out []string
	after := ""
	for _, want := range Columns(class) {
		at := slices.IndexFunc(have, func(c Column) bool { return c.Name == want.Name })
		switch {
		case at < 0:
			out = append(out, fmt.Sprintf("ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s%s;", class, want, after))
		case have[at].Type != want.Type || have[at].Alias != want.Alias || have[at].Codec != want.Codec:
			out = append(out, fmt.Sprintf("ALTER TABLE %s MODIFY COLUMN IF EXISTS %s;", class, want))
		}
		after = " AFTER `" + want.Name + "`"
	}
	return out
}
