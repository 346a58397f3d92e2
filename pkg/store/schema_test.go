package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

// The tables of events as the field table has them: what the migrations are held against, and what they lack is printed from.

// schemaColumn is one column of a table as ClickHouse is to have it.
type schemaColumn struct {
	Name  string
	Type  string
	Alias string // the expression of an ALIAS column; "" for a stored one
	Codec string
}

// String returns the column's definition in SQL.
func (c schemaColumn) String() string {
	s := "`" + c.Name + "` " + c.Type
	if c.Alias != "" {
		return s + " ALIAS " + c.Alias
	}
	return s + " CODEC(" + c.Codec + ")"
}

// schemaOf returns the columns of a class's table: those of the field table, in its order. An object is stored as its JSON
// text in <name>_json; <name> is an ALIAS that extracts its well-known keys.
func schemaOf(class event.Class) []schemaColumn {
	var cols []schemaColumn
	for _, f := range event.Fields() {
		switch {
		case !f.In(class):
		case f.Name == "raw" && class == event.Flow:
			cols = append(cols,
				schemaColumn{Name: flowRawColumn, Type: "String", Codec: textCodec},
				schemaColumn{Name: "raw", Type: "String", Alias: flowRawSQL})
		case f.Type == event.TypeObject && !f.Meta:
			tuple := tupleType(wellKnown(f.Name))
			cols = append(cols,
				schemaColumn{Name: jsonColumn(f), Type: f.SQL, Codec: textCodec},
				schemaColumn{Name: f.Name, Type: tuple, Alias: fmt.Sprintf("JSONExtract(%s, '%s')", jsonColumn(f), tuple)})
		default:
			cols = append(cols, schemaColumn{Name: f.Name, Type: f.SQL, Codec: codec(f)})
		}
	}
	return cols
}

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

// addColumns returns the statements that a migration needs so that a table with the columns `have` (name to type) gets
// those of the field table; it also names columns whose type or expression differs, which nothing here changes by itself.
func addColumns(class event.Class, have []schemaColumn) []string {
	var out []string
	after := ""
	for _, want := range schemaOf(class) {
		at := slices.IndexFunc(have, func(c schemaColumn) bool { return c.Name == want.Name })
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

// flowRawSQL is the expression of flow's column raw.
var flowRawSQL = func() string {
	text := func(c string) string { return fmt.Sprintf("if(%s = '', '-', %s)", c, c) }
	number := func(c string) string { return fmt.Sprintf("ifNull(toString(%s), '-')", c) }
	addr := func(c string) string {
		return fmt.Sprintf("if(%s = toIPv6('::'), '-', substring(toString(%s), 8))", c, c) // without ::ffff:
	}
	seconds := func(c string) string {
		return fmt.Sprintf("if(toUnixTimestamp64Nano(%s) = 0, '-', toString(intDiv(toUnixTimestamp64Nano(%s), 1000000000)))", c, c)
	}
	parts := []string{
		number("flow_version"), text("account_id"), text("interface_id"), addr("src_ip"), addr("dst_ip"),
		number("src_port"), number("dst_port"), number("protocol"), number("packets"), number("bytes"),
		seconds("event_time"), seconds("end_time"), text("action"), text("log_status"),
	}
	return fmt.Sprintf("if(%s != '', %s, concatWithSeparator(' ', %s))", flowRawColumn, flowRawColumn, strings.Join(parts, ", "))
}()
