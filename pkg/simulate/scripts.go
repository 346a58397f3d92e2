package simulate

// The scripts are calls that belong together: a release, a change of the infrastructure, a backup. They go step by
// step, some seconds apart, and only they change much; how many there are a day does not depend on the traffic.

const runRequest = `{"instancesSet":{"items":[{"imageId":"ami-0$fixed","minCount":1,"maxCount":1}]},"instanceType":"m7g.large","subnetId":"$subnet","disableApiTermination":false,"clientToken":"$uuid","launchTemplate":{"launchTemplateId":"lt-0$fixed","version":"$num"},"tagSpecificationSet":{"items":[{"resourceType":"instance","tags":[{"key":"service","value":"$role"},{"key":"owner","value":"platform"}]}]}}`

const runResponse = `{"requestId":"$uuid","reservationId":"r-0$hex","ownerId":"$account","groupSet":{},"instancesSet":{"items":[{"instanceId":"i-0$hex","imageId":"ami-0$fixed","instanceState":{"code":0,"name":"pending"},"privateDnsName":"ip-10.$region.compute.internal","amiLaunchIndex":0,"instanceType":"m7g.large","placement":{"availabilityZone":"$zone","tenancy":"default"},"subnetId":"$subnet","vpcId":"$vpc","architecture":"arm64","networkInterfaceSet":{"items":[{"networkInterfaceId":"eni-0$hex","subnetId":"$subnet","vpcId":"$vpc","privateIpAddress":"$ip"}]},"tagSet":{"items":[{"key":"service","value":"$role"},{"key":"owner","value":"platform"}]}}]}}`

func write(source, name, request, response string) call {
	return call{source: source, name: name, write: true, request: request, response: response}
}

func read(source, name, request string) call {
	return call{source: source, name: name, request: request}
}

// releaseScript is what the build server does for a release.
var releaseScript = compile([]call{
	read("sts", "GetCallerIdentity", ""),
	{source: "sts", name: "AssumeRole", request: `{"roleArn":"arn:aws:iam::$account:role/build-pipeline","roleSessionName":"run-$num","durationSeconds":3600}`, response: assumed, resources: roleArn},
	read("ecr", "GetAuthorizationToken", ""),
	write("ecr", "InitiateLayerUpload", `{"repositoryName":"tarnfield/$role","registryId":"$account"}`, `{"uploadId":"$uuid","partSize":20971520}`),
	write("ecr", "UploadLayerPart", `{"repositoryName":"tarnfield/$role","uploadId":"$uuid","partFirstByte":0,"partLastByte":20971519}`, `{"registryId":"$account","repositoryName":"tarnfield/$role"}`),
	write("ecr", "CompleteLayerUpload", `{"repositoryName":"tarnfield/$role","uploadId":"$uuid","layerDigests":["sha256:$digest"]}`, `{"layerDigest":"sha256:$digest"}`),
	write("ecr", "PutImage", `{"repositoryName":"tarnfield/$role","imageTag":"release-$num","registryId":"$account"}`, `{"image":{"registryId":"$account","repositoryName":"tarnfield/$role","imageId":{"imageDigest":"sha256:$digest","imageTag":"release-$num"}}}`),
	write("ecs", "RegisterTaskDefinition", `{"family":"$role","networkMode":"awsvpc","cpu":"512","memory":"1024","requiresCompatibilities":["FARGATE"],"containerDefinitions":[{"name":"$role","image":"$account.dkr.ecr.$region.amazonaws.com/tarnfield/$role:release-$num","essential":true}]}`, `{"taskDefinition":{"taskDefinitionArn":"arn:aws:ecs:$region:$account:task-definition/$role:$num","status":"ACTIVE"}}`),
	write("ecs", "UpdateService", `{"cluster":"tarnfield","service":"$role","taskDefinition":"$role:$num"}`, `{"service":{"serviceName":"$role","status":"ACTIVE","desiredCount":3}}`),
	read("ecs", "DescribeServices", `{"cluster":"tarnfield","services":["$role"]}`),
	read("ecs", "DescribeServices", `{"cluster":"tarnfield","services":["$role"]}`),
	write("lambda", "UpdateFunctionCode20150331v2", `{"functionName":"$role","s3Bucket":"tf-prod-build-artifacts","s3Key":"releases/$role-$num.zip","publish":true,"dryRun":false}`, `{"functionName":"$role","runtime":"nodejs20.x","codeSha256":"$digest"}`),
	write("cloudfront", "CreateInvalidation", `{"distributionId":"E2$fixed","invalidationBatch":{"paths":{"quantity":1,"items":["/*"]},"callerReference":"$uuid"}}`, `{"invalidation":{"id":"I$fixed","status":"InProgress"}}`),
})

// changeScript is one run of the infrastructure as code: it reads its state and all it manages, then changes little.
var changeScript = compile([]call{
	{source: "s3", name: "GetObject", data: true, request: s3Key, resources: s3Object, extra: s3Extra},
	write("dynamodb", "PutItem", `{"tableName":"infra-lock","key":{"LockID":"HIDDEN_DUE_TO_SECURITY_REASONS"},"conditionExpression":"attribute_not_exists(LockID)"}`, ""),
	read("ec2", "DescribeVpcs", `{"vpcSet":{"items":[{"vpcId":"$vpc"}]},"filterSet":{}}`),
	read("ec2", "DescribeSubnets", `{"subnetSet":{"items":[{"subnetId":"$subnet"}]},"filterSet":{}}`),
	read("ec2", "DescribeSecurityGroups", `{"securityGroupSet":{},"securityGroupIdSet":{"items":[{"groupId":"sg-0$fixed"}]},"filterSet":{}}`),
	read("iam", "GetRole", `{"roleName":"$role"}`),
	read("iam", "GetRolePolicy", `{"roleName":"$role","policyName":"main"}`),
	read("s3", "GetBucketPolicy", `{"bucketName":"tf-prod-shop-media","policy":"","Host":"tf-prod-shop-media.s3.$region.amazonaws.com"}`),
	write("ec2", "CreateTags", `{"resourcesSet":{"items":[{"resourceId":"$instance"}]},"tagSet":{"items":[{"key":"service","value":"$role"},{"key":"managed","value":"yes"}]}}`, `{"requestId":"$uuid","_return":true}`),
	write("ec2", "AuthorizeSecurityGroupIngress", `{"groupId":"sg-0$fixed","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":5432,"toPort":5432,"groups":{},"ipRanges":{"items":[{"cidrIp":"10.20.0.0/16","description":"$role"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}`, `{"requestId":"$uuid","_return":true}`),
	write("iam", "PutRolePolicy", `{"roleName":"$role","policyName":"main","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"s3:GetObject\"],\"Resource\":\"arn:aws:s3:::tf-$role/*\"}]}"}`, ""),
	write("s3", "PutBucketPolicy", `{"bucketName":"tf-prod-order-archive","Host":"s3.$region.amazonaws.com","policy":"","bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"OnlyTLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::tf-prod-order-archive/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}}`, ""),
	write("s3", "PutBucketPublicAccessBlock", `{"publicAccessBlock":"","bucketName":"tf-prod-order-archive","Host":"s3.$region.amazonaws.com","PublicAccessBlockConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","BlockPublicAcls":true,"IgnorePublicAcls":true,"BlockPublicPolicy":true,"RestrictPublicBuckets":true}}`, ""),
	write("dynamodb", "DeleteItem", `{"tableName":"infra-lock","key":{"LockID":"HIDDEN_DUE_TO_SECURITY_REASONS"}}`, ""),
})

// scaleScript is an instance that comes and goes by itself.
var scaleScript = compile([]call{
	write("ec2", "RunInstances", runRequest, runResponse),
	write("ec2", "CreateTags", `{"resourcesSet":{"items":[{"resourceId":"$instance"}]},"tagSet":{"items":[{"key":"aws:autoscaling:groupName","value":"$role"}]}}`, `{"requestId":"$uuid","_return":true}`),
	write("ec2", "TerminateInstances", `{"instancesSet":{"items":[{"instanceId":"$instance"}]}}`, `{"requestId":"$uuid","instancesSet":{"items":[{"instanceId":"$instance","currentState":{"code":32,"name":"shutting-down"},"previousState":{"code":16,"name":"running"}}]}}`),
})

// launchScript is an instance that somebody starts.
var launchScript = compile([]call{write("ec2", "RunInstances", runRequest, runResponse)})

// backupScript is an administrator's morning.
var backupScript = compile([]call{
	write("ec2", "CreateSnapshot", `{"volumeId":"vol-0$hex","description":"before the change of $role"}`, `{"requestId":"$uuid","snapshotId":"snap-0$hex","volumeId":"vol-0$hex","status":"pending","volumeSize":200,"ownerId":"$account","encrypted":true}`),
	write("ec2", "ModifySnapshotAttribute", `{"snapshotId":"snap-0$hex","createVolumePermission":{"remove":{"items":[{"userId":"$account"}]}},"attributeType":"CREATE_VOLUME_PERMISSION"}`, `{"requestId":"$uuid","_return":true}`),
	write("rds", "CreateDBSnapshot", `{"dBSnapshotIdentifier":"$role-$num","dBInstanceIdentifier":"$role-db"}`, `{"dBSnapshotIdentifier":"$role-$num","status":"creating","engine":"postgres","allocatedStorage":200}`),
	write("ec2", "DeleteSnapshot", `{"snapshotId":"snap-0$hex","force":false}`, `{"requestId":"$uuid","_return":true}`),
	write("ec2", "StopInstances", `{"instancesSet":{"items":[{"instanceId":"$instance"}]},"force":false}`, `{"requestId":"$uuid"}`),
	write("ec2", "StartInstances", `{"instancesSet":{"items":[{"instanceId":"$instance"}]}}`, `{"requestId":"$uuid"}`),
})

// peopleScript is an administrator who sets up a colleague.
var peopleScript = compile([]call{
	read("iam", "GetUser", `{"userName":"$user"}`),
	write("iam", "CreateAccessKey", `{"userName":"$user"}`, `{"accessKey":{"userName":"$user","status":"Active","createDate":"$time"}}`),
	write("iam", "AddUserToGroup", `{"userName":"$user","groupName":"analysts"}`, ""),
	write("iam", "UpdateAccessKey", `{"userName":"$user","status":"Inactive"}`, ""),
	write("iam", "DeleteAccessKey", `{"userName":"$user"}`, ""),
	write("iam", "CreatePolicyVersion", `{"policyArn":"arn:aws:iam::$account:policy/analysts","setAsDefault":true,"policyDocument":"{}"}`, `{"policyVersion":{"versionId":"v$num","isDefaultVersion":true}}`),
})
