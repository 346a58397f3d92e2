package simulate

// call is one API call that somebody in the company makes, with its JSON as templates.
type call struct {
	source, name      string // "ec2" stands for ec2.amazonaws.com
	who               class  // who calls it of themselves; 0: only inside a script
	weight            int    // how often, among all calls of that class
	fails             int    // of 10,000
	code, message     string // of a failure
	write, data       bool
	inside            bool // goes through a VPC endpoint where the caller has one
	request, response string
	resources, extra  string
}

const (
	loads = instance | function | task
	look  = staff | auditor
)

// denied is the message of a refused call.
const denied = "User: $me is not authorized to perform this action because no identity-based policy allows it"

const (
	s3Extra  = `{"SignatureVersion":"SigV4","bytesTransferredIn":0,"SSEApplied":"Default_SSE_S3","AuthenticationMethod":"AuthHeader","x-amz-id-2":"$token=","bytesTransferredOut":$size}`
	s3Object = `[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::$bucket/$key"},{"accountId":"$account","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::$bucket"}]`
	s3Key    = `{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","key":"$key"}`
	kmsKey   = `[{"accountId":"$account","type":"AWS::KMS::Key","ARN":"arn:aws:kms:$region:$account:key/$uuid"}]`
	roleArn  = `[{"accountId":"$account","type":"AWS::IAM::Role","ARN":"arn:aws:iam::$account:role/$role"}]`
	assumed  = `{"credentials":{"accessKeyId":"ASIA$num","sessionToken":"$token$token","expiration":"$time"},"assumedRoleUser":{"assumedRoleId":"AROA:$role","arn":"arn:aws:sts::$account:assumed-role/$role/session-$num"}}`
)

// callTable is what the company calls. Reads are many times the writes, a few calls are most of all.
var callTable = []call{
	// Machines, functions and tasks at work.
	{source: "s3", name: "GetObject", who: loads, weight: 170, fails: 150, code: "NoSuchKey", message: "The specified key does not exist.", data: true, inside: true, request: s3Key, resources: s3Object, extra: s3Extra},
	{source: "s3", name: "PutObject", who: loads, weight: 60, write: true, data: true, inside: true, request: s3Key, response: `{"x-amz-server-side-encryption":"AES256"}`, resources: s3Object, extra: s3Extra},
	{source: "s3", name: "HeadObject", who: loads, weight: 45, fails: 1500, code: "NoSuchKey", message: "The specified key does not exist.", data: true, inside: true, request: s3Key, resources: s3Object, extra: s3Extra},
	{source: "s3", name: "ListObjects", who: loads, weight: 35, data: true, inside: true, request: `{"list-type":"2","bucketName":"$bucket","prefix":"$key","Host":"$bucket.s3.$region.amazonaws.com"}`, resources: `[{"type":"AWS::S3::Object","ARNPrefix":"arn:aws:s3:::$bucket/"},{"accountId":"$account","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::$bucket"}]`, extra: s3Extra},
	{source: "s3", name: "DeleteObject", who: loads, weight: 8, write: true, data: true, inside: true, request: s3Key, resources: s3Object, extra: s3Extra},
	{source: "kms", name: "Decrypt", who: loads | service, weight: 200, inside: true, request: `{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::tf-prod-order-archive"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}`, resources: kmsKey},
	{source: "kms", name: "GenerateDataKey", who: loads | service, weight: 70, inside: true, request: `{"keyId":"arn:aws:kms:$region:$account:key/$uuid","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::tf-prod-event-lake"},"keySpec":"AES_256"}`, resources: kmsKey},
	{source: "secretsmanager", name: "GetSecretValue", who: loads, weight: 60, inside: true, request: `{"secretId":"$me/database"}`},
	{source: "ssm", name: "GetParameters", who: loads, weight: 70, fails: 40, code: "ThrottlingException", message: "Rate exceeded", request: `{"names":["/$me/config/endpoint","/$me/config/level"],"withDecryption":false}`},
	{source: "ssm", name: "GetParametersByPath", who: loads, weight: 25, request: `{"path":"/$me/features","recursive":true,"withDecryption":false,"maxResults":10}`},
	{source: "ssm", name: "UpdateInstanceInformation", who: instance, weight: 70, write: true, request: `{"instanceId":"$instance","agentVersion":"3.3.1611.0","agentStatus":"Active","platformType":"Linux","platformName":"Amazon Linux","platformVersion":"2023","iPAddress":"$ip","computerName":"$ip.$region.compute.internal","sourceId":"$instance","sourceType":"AWS::EC2::Instance"}`},
	{source: "dynamodb", name: "GetItem", who: loads, weight: 60, data: true, inside: true, request: `{"tableName":"$me-state","key":{"id":"HIDDEN_DUE_TO_SECURITY_REASONS"},"consistentRead":false}`, resources: `[{"accountId":"$account","type":"AWS::DynamoDB::Table","ARN":"arn:aws:dynamodb:$region:$account:table/$me-state"}]`},
	{source: "dynamodb", name: "PutItem", who: loads, weight: 30, fails: 60, code: "ConditionalCheckFailedException", message: "The conditional request failed", write: true, data: true, inside: true, request: `{"tableName":"$me-state","key":{"id":"HIDDEN_DUE_TO_SECURITY_REASONS"},"items":["id","state","version"],"conditionExpression":"attribute_not_exists(id)"}`, resources: `[{"accountId":"$account","type":"AWS::DynamoDB::Table","ARN":"arn:aws:dynamodb:$region:$account:table/$me-state"}]`},
	{source: "sqs", name: "ReceiveMessage", who: loads, weight: 55, data: true, request: `{"queueUrl":"https://sqs.$region.amazonaws.com/$account/$me-jobs","maxNumberOfMessages":10,"waitTimeSeconds":20,"attributeNames":["All"]}`},
	{source: "sqs", name: "SendMessage", who: loads, weight: 28, write: true, data: true, request: `{"queueUrl":"https://sqs.$region.amazonaws.com/$account/$role-jobs","messageBody":"HIDDEN_DUE_TO_SECURITY_REASONS"}`, response: `{"messageId":"$uuid","mD5OfMessageBody":"$hex"}`},
	{source: "logs", name: "CreateLogStream", who: loads, weight: 22, fails: 150, code: "ResourceAlreadyExistsException", message: "The specified log stream already exists", write: true, request: `{"logGroupName":"/tarnfield/$me","logStreamName":"$time/$hex"}`},
	{source: "ecr", name: "GetAuthorizationToken", who: instance | task, weight: 12},
	{source: "ecr", name: "BatchGetImage", who: instance | task, weight: 16, request: `{"repositoryName":"tarnfield/$me","imageIds":[{"imageTag":"release-$num"}],"acceptedMediaTypes":["application/vnd.oci.image.manifest.v1+json","application/vnd.docker.distribution.manifest.v2+json"],"registryId":"$account"}`, resources: `[{"accountId":"$account","ARN":"arn:aws:ecr:$region:$account:repository/tarnfield/$me"}]`},
	{source: "ecr", name: "GetDownloadUrlForLayer", who: instance | task, weight: 22, request: `{"registryId":"$account","repositoryName":"tarnfield/$me","layerDigest":"sha256:$digest"}`, resources: `[{"accountId":"$account","ARN":"arn:aws:ecr:$region:$account:repository/tarnfield/$me"}]`},
	{source: "lambda", name: "Invoke", who: loads, weight: 40, write: true, data: true, request: `{"functionName":"arn:aws:lambda:$region:$account:function:$role","invocationType":"Event"}`, extra: `{"functionVersion":"arn:aws:lambda:$region:$account:function:$role:$num"}`, resources: `[{"accountId":"$account","type":"AWS::Lambda::Function","ARN":"arn:aws:lambda:$region:$account:function:$role"}]`},
	{source: "ec2", name: "DescribeTags", who: instance, weight: 20, request: `{"maxResults":1000,"filterSet":{"items":[{"name":"resource-id","valueSet":{"items":[{"value":"$instance"}]}}]}}`},
	{source: "sns", name: "Publish", who: loads, weight: 12, write: true, data: true, request: `{"topicArn":"arn:aws:sns:$region:$account:$role-events","message":"HIDDEN_DUE_TO_SECURITY_REASONS"}`, response: `{"messageId":"$uuid"}`},
	{source: "cloudwatch", name: "PutMetricAlarm", who: instance, weight: 2, write: true, request: `{"alarmName":"$me-errors","metricName":"Errors","namespace":"Tarnfield","period":60,"evaluationPeriods":3,"threshold":10,"comparisonOperator":"GreaterThanThreshold","statistic":"Sum"}`},
	{source: "rds", name: "DescribeDBInstances", who: task | look, weight: 10, request: `{"dBInstanceIdentifier":"$role-db"}`},
	{source: "ecs", name: "DescribeTasks", who: task | staff, weight: 9, request: `{"cluster":"tarnfield","tasks":["$hex"]}`},
	{source: "ecs", name: "SubmitTaskStateChange", who: instance, weight: 8, write: true, request: `{"cluster":"tarnfield","task":"arn:aws:ecs:$region:$account:task/tarnfield/$hex","status":"RUNNING"}`, response: `{"acknowledgment":"$uuid"}`},

	// The cloud's own services.
	{source: "sts", name: "AssumeRole", who: service, weight: 420, fails: 15, code: "AccessDenied", message: denied, write: false, request: `{"roleArn":"arn:aws:iam::$account:role/$role","roleSessionName":"session-$num","durationSeconds":3600}`, response: assumed, resources: roleArn},
	{source: "s3", name: "GetBucketAcl", who: service | auditor, weight: 90, fails: 150, code: "AccessDenied", message: "Access Denied", request: `{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","acl":""}`, resources: `[{"accountId":"$account","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::$bucket"}]`, extra: s3Extra},
	{source: "s3", name: "HeadBucket", who: service, weight: 60, fails: 4000, code: "AccessDenied", message: "Access Denied", request: `{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com"}`, resources: `[{"accountId":"$account","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::$bucket"}]`, extra: s3Extra},
	{source: "ec2", name: "DescribeInstanceStatus", who: service | auditor, weight: 60, request: `{"instancesSet":{"items":[{"instanceId":"$instance"}]},"filterSet":{},"includeAllInstances":true}`},
	{source: "elasticloadbalancing", name: "DescribeTargetHealth", who: service, weight: 70, request: `{"targetGroupArn":"arn:aws:elasticloadbalancing:$region:$account:targetgroup/$role/$hex"}`},
	{source: "elasticloadbalancing", name: "RegisterTargets", who: service, weight: 6, write: true, request: `{"targetGroupArn":"arn:aws:elasticloadbalancing:$region:$account:targetgroup/$role/$hex","targets":[{"id":"$ip","port":8080}]}`},
	{source: "elasticloadbalancing", name: "DeregisterTargets", who: service, weight: 6, write: true, request: `{"targetGroupArn":"arn:aws:elasticloadbalancing:$region:$account:targetgroup/$role/$hex","targets":[{"id":"$ip","port":8080}]}`},
	{source: "ec2", name: "CreateNetworkInterface", who: service, weight: 6, write: true, request: `{"subnetId":"$subnet","description":"attachment for $role","groupSet":{"items":[{"groupId":"sg-0$fixed"}]},"privateIpAddressesSet":{},"clientToken":"$uuid"}`, response: `{"requestId":"$uuid","networkInterface":{"networkInterfaceId":"eni-0$hex","subnetId":"$subnet","vpcId":"$vpc","privateIpAddress":"$ip","status":"pending","requesterManaged":true,"tagSet":{}}}`},
	{source: "ec2", name: "DeleteNetworkInterface", who: service, weight: 6, write: true, request: `{"networkInterfaceId":"eni-0$hex"}`, response: `{"requestId":"$uuid","_return":true}`},

	// Posture scanners and people look around.
	{source: "ec2", name: "DescribeInstances", who: look | builder, weight: 60, fails: 100, code: "Client.UnauthorizedOperation", message: "You are not authorized to perform this operation.", request: `{"maxResults":100,"instancesSet":{},"filterSet":{"items":[{"name":"tag:service","valueSet":{"items":[{"value":"$role"}]}}]}}`},
	{source: "ec2", name: "DescribeSecurityGroups", who: look | builder, weight: 40, request: `{"securityGroupSet":{},"securityGroupIdSet":{"items":[{"groupId":"sg-0$fixed"}]},"filterSet":{}}`},
	{source: "ec2", name: "DescribeVolumes", who: look, weight: 25, request: `{"volumeSet":{},"filterSet":{},"maxResults":500}`},
	{source: "ec2", name: "DescribeSnapshots", who: look, weight: 18, request: `{"maxResults":500,"snapshotSet":{},"ownersSet":{"items":[{"owner":"self"}]},"sharedUsersSet":{},"filterSet":{}}`},
	{source: "ec2", name: "DescribeSubnets", who: look | builder, weight: 20, request: `{"subnetSet":{"items":[{"subnetId":"$subnet"}]},"filterSet":{}}`},
	{source: "ec2", name: "DescribeVpcs", who: look | builder, weight: 20, request: `{"vpcSet":{"items":[{"vpcId":"$vpc"}]},"filterSet":{}}`},
	{source: "ec2", name: "DescribeRegions", who: look, weight: 18, request: `{"regionSet":{},"allRegions":true}`},
	{source: "ec2", name: "DescribeImages", who: look | builder, weight: 14, request: `{"imagesSet":{},"ownersSet":{"items":[{"owner":"self"}]},"filterSet":{}}`},
	{source: "iam", name: "ListUsers", who: look, weight: 14, fails: 150, code: "AccessDenied", message: denied, request: `{"maxItems":1000}`},
	{source: "iam", name: "ListRoles", who: look, weight: 22, request: `{"maxItems":1000}`},
	{source: "iam", name: "GetRole", who: look | builder, weight: 24, request: `{"roleName":"$role"}`},
	{source: "iam", name: "ListAttachedRolePolicies", who: look | builder, weight: 20, request: `{"roleName":"$role"}`},
	{source: "iam", name: "GetAccountSummary", who: look, weight: 8},
	{source: "iam", name: "GenerateCredentialReport", who: auditor, weight: 2, write: true, response: `{"state":"COMPLETE"}`},
	{source: "s3", name: "ListBuckets", who: look, weight: 24, request: `{"Host":"s3.$region.amazonaws.com"}`, extra: s3Extra},
	{source: "s3", name: "GetBucketPolicy", who: look, weight: 22, fails: 1200, code: "NoSuchBucketPolicy", message: "The bucket policy does not exist", request: `{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","policy":""}`, resources: `[{"accountId":"$account","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::$bucket"}]`, extra: s3Extra},
	{source: "s3", name: "GetBucketPublicAccessBlock", who: look, weight: 20, request: `{"publicAccessBlock":"","bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com"}`, resources: `[{"accountId":"$account","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::$bucket"}]`, extra: s3Extra},
	{source: "s3", name: "GetBucketEncryption", who: look, weight: 16, request: `{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","encryption":""}`, resources: `[{"accountId":"$account","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::$bucket"}]`, extra: s3Extra},
	{source: "kms", name: "DescribeKey", who: look | builder, weight: 16, request: `{"keyId":"alias/$role"}`, resources: kmsKey},
	{source: "kms", name: "ListAliases", who: look, weight: 12, request: `{"limit":100}`},
	{source: "lambda", name: "ListFunctions20150331", who: look, weight: 14, request: `{"maxItems":50}`},
	{source: "lambda", name: "GetFunction20150331v2", who: staff | builder, weight: 14, request: `{"functionName":"$role"}`},
	{source: "logs", name: "DescribeLogGroups", who: look, weight: 22, request: `{"logGroupNamePrefix":"/tarnfield/$role","limit":50}`},
	{source: "logs", name: "StartQuery", who: staff, weight: 18, request: `{"logGroupNames":["/tarnfield/$role"],"queryString":"HIDDEN_DUE_TO_SECURITY_REASONS","limit":1000}`, response: `{"queryId":"$uuid"}`},
	{source: "logs", name: "FilterLogEvents", who: staff, weight: 20, request: `{"logGroupName":"/tarnfield/$role","limit":100,"interleaved":true}`},
	{source: "cloudwatch", name: "DescribeAlarms", who: look, weight: 24, request: `{"maxRecords":100,"alarmNamePrefix":"$role"}`},
	{source: "cloudwatch", name: "GetDashboard", who: staff, weight: 10, request: `{"dashboardName":"$role"}`},
	{source: "cloudtrail", name: "LookupEvents", who: staff, weight: 10, request: `{"maxResults":50,"lookupAttributes":[{"attributeKey":"ResourceName","attributeValue":"$role"}]}`},
	{source: "cloudtrail", name: "DescribeTrails", who: look, weight: 8, request: `{"trailNameList":[],"includeShadowTrails":true}`},
	{source: "ce", name: "GetCostAndUsage", who: staff, weight: 8, request: `{"granularity":"DAILY","metrics":["UnblendedCost"],"groupBy":[{"type":"DIMENSION","key":"SERVICE"}]}`},
	{source: "servicequotas", name: "ListServiceQuotas", who: staff, weight: 2, request: `{"serviceCode":"ec2","maxResults":100}`},
	{source: "ecs", name: "ListServices", who: look | builder, weight: 14, request: `{"cluster":"tarnfield"}`},
	{source: "ecs", name: "DescribeServices", who: look | builder, weight: 18, request: `{"cluster":"tarnfield","services":["$role"]}`},
	{source: "rds", name: "DescribeDBSnapshots", who: look, weight: 9, request: `{"dBInstanceIdentifier":"$role-db","snapshotType":"automated"}`},
	{source: "support", name: "DescribeCases", who: staff, weight: 2, fails: 3000, code: "SubscriptionRequiredException", message: "Premium Support Subscription is required to use this service.", request: `{"includeResolvedCases":false}`},
	{source: "guardduty", name: "ListDetectors", who: auditor, weight: 8, request: `{"maxResults":50}`},
	{source: "organizations", name: "DescribeOrganization", who: look, weight: 4, fails: 2500, code: "AccessDeniedException", message: denied},
	{source: "s3", name: "GetObject", who: staff, weight: 22, data: true, request: s3Key, resources: s3Object, extra: s3Extra},
}
