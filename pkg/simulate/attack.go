package simulate

import (
	"fmt"
	"math"
	"time"
)

// Attack is something bad that can be hidden in the background.
type Attack string

// The attacks.
const (
	// RootUse: somebody signs in as an account's root, without a second factor, and makes a key for it.
	RootUse Attack = "root use"
	// Cryptojacking: the build server's key is used to look around, to start large machines where the company has
	// none, and these talk to mining pools.
	Cryptojacking Attack = "cryptojacking"
	// Exfiltration: an analyst's session copies a bucket, shares a snapshot and a machine sends data away.
	Exfiltration Attack = "exfiltration"
)

// Attacks lists all attacks.
func Attacks() []Attack { return []Attack{RootUse, Cryptojacking, Exfiltration} }

// Expected returns the ids of the rules of ours that the attack must raise, sorted; it raises no others.
func Expected(a Attack) []string {
	switch a {
	case RootUse:
		return []string{"aws-console-login-without-mfa", "aws-root-access-key-created", "aws-root-api-use", "aws-root-console-login", "aws-three-rules-one-identity"}
	case Cryptojacking:
		return []string{
			"aws-access-denied-burst", "aws-gpu-instances-launched", "aws-instance-launch-spike", "aws-instances-launched-in-bulk", "aws-launch-then-mining",
			"aws-new-launch-region", "aws-quota-recon-across-regions", "aws-three-rules-one-identity", "vpc-mining-port-flows",
		}
	case Exfiltration:
		return []string{"aws-ebs-snapshot-shared", "aws-three-rules-one-identity", "s3-bulk-download-bytes", "s3-bulk-download-objects", "s3-secret-object-read", "vpc-large-egress"}
	}
	return nil
}

// step is one record of an attack.
type step struct {
	at int64
	do func(dst *Log, at int64)
}

// play collects the steps of an attack. Its clock starts at a time drawn for it and is squeezed so that the whole fits
// into the simulation.
type play struct {
	g     *Generator
	from  time.Time
	scale float64
	steps []step
}

// longest is how long the longest attack takes when nothing squeezes it.
const longest = 150 * time.Minute

// script plans an attack.
func (g *Generator) script(a Attack) []step {
	p := &play{g: g, scale: math.Min(1, float64(g.o.Duration)*0.5/float64(longest))}
	latest := float64(g.o.Duration)*0.95 - float64(longest)*p.scale
	p.from = g.o.Start.Add(time.Duration((0.1 + 0.9*g.rng.Float64()) * latest))
	switch a {
	case RootUse:
		p.rootUse()
	case Cryptojacking:
		p.cryptojacking()
	case Exfiltration:
		p.exfiltration()
	}
	return p.steps
}

func (p *play) add(after time.Duration, do func(dst *Log, at int64)) {
	p.steps = append(p.steps, step{p.from.Add(time.Duration(float64(after) * p.scale)).UnixNano(), do})
}

// call adds one API call.
func (p *play) call(after time.Duration, v invocation) {
	p.add(after, func(dst *Log, at int64) { p.g.api(dst, at, v) })
}

// copyOf returns the principal as used by somebody else: from an address and with an agent like any of the staff's.
func (p *play) copyOf(who *principal, agent string) *principal {
	thief := *who
	thief.src, thief.agent = accessNetworks.draw(p.g.rng).String(), agent
	thief.private, thief.endpoint = "", ""
	if thief.tail != nil {
		thief.began = p.from.UnixNano()
	}
	return &thief
}

func (p *play) rootUse() {
	r := p.g.rng
	root := p.copyOf(p.g.co.accounts[r.IntN(len(p.g.co.accounts))].root, browserAgents[r.IntN(4)])
	p.add(0, func(dst *Log, at int64) { p.g.signIn(dst, at, root, false, true) })
	at := 20 * time.Second
	for _, a := range rootScript {
		p.call(at, p.g.invoke(root, a))
		at += time.Duration(10+r.IntN(50)) * time.Second
	}
}

var rootScript = compile([]call{
	read("iam", "GetAccountSummary", ""),
	read("iam", "ListUsers", `{"maxItems":1000}`),
	read("ce", "GetCostAndUsage", `{"granularity":"DAILY","metrics":["UnblendedCost"]}`),
	write("iam", "CreateAccessKey", "", `{"accessKey":{"userName":"","status":"Active","createDate":"$time"}}`),
	read("s3", "ListBuckets", `{"Host":"s3.$region.amazonaws.com"}`),
	read("ec2", "DescribeInstances", `{"maxResults":100,"instancesSet":{},"filterSet":{}}`),
})

func (p *play) cryptojacking() {
	r := p.g.rng
	thief := p.copyOf(p.g.co.deployer, cliAgents[r.IntN(len(cliAgents))])
	p.call(0, p.g.invoke(thief, releaseScript[0]))
	at := 30 * time.Second
	for _, i := range r.Perm(len(deniedScript)) { // what the key may not do
		v := p.g.invoke(thief, deniedScript[i])
		v.failed = true
		p.call(at, v)
		at += time.Duration(3+r.IntN(8)) * time.Second
	}
	regions := append(append([]string{}, quietRegions...), usedRegions...)
	for _, region := range regions { // how much it may start, and where
		v := p.g.invoke(thief, quotaScript[0])
		v.region = region
		p.call(at, v)
		at += time.Duration(4+r.IntN(20)) * time.Second
	}
	where, kind := quietRegions[r.IntN(len(quietRegions))], gpuTypes[r.IntN(len(gpuTypes))]
	var mining []string // interfaces of the machines that will mine
	for i := range 24 {
		eni := "eni-0" + hexText(r, 16)
		v := p.g.invoke(thief, compile([]call{largeLaunch(kind, eni)})[0])
		v.region, v.failed = where, i%4 == 3
		if !v.failed && len(mining) < 4 {
			mining = append(mining, eni)
		}
		p.call(at, v)
		at += time.Duration(5+r.IntN(15)) * time.Second
	}
	p.mine(at+4*time.Minute, where, mining)
}

var gpuTypes = []string{"g5.12xlarge", "g4dn.12xlarge", "p3.8xlarge", "g6.24xlarge"}

func largeLaunch(kind, eni string) call {
	return call{
		source: "ec2", name: "RunInstances", write: true, code: "Client.VcpuLimitExceeded",
		message: "You have requested more vCPU capacity than your current vCPU limit allows for the instance bucket.",
		request: fmt.Sprintf(`{"instancesSet":{"items":[{"imageId":"ami-0$fixed","minCount":1,"maxCount":4}]},"instanceType":%q,"disableApiTermination":true,"clientToken":"$uuid"}`, kind),
		response: fmt.Sprintf(`{"requestId":"$uuid","reservationId":"r-0$hex","ownerId":"$account","groupSet":{},"instancesSet":{"items":[{"instanceId":"i-0$hex","imageId":"ami-0$fixed","instanceState":{"code":0,"name":"pending"},"instanceType":%q,"subnetId":"$subnet","vpcId":"$vpc","networkInterfaceSet":{"items":[{"networkInterfaceId":%q,"subnetId":"$subnet","vpcId":"$vpc"}]}}]}}`,
			kind, eni),
	}
}

var deniedScript = compile([]call{
	refused("iam", "ListUsers"), refused("iam", "ListRoles"), refused("iam", "GetAccountAuthorizationDetails"), refused("iam", "ListAccessKeys"),
	refused("iam", "ListAttachedUserPolicies"), refused("iam", "CreateUser"), refused("s3", "ListBuckets"), refused("secretsmanager", "ListSecrets"),
	refused("ssm", "DescribeParameters"), refused("lambda", "ListFunctions20150331"), refused("rds", "DescribeDBInstances"), refused("organizations", "DescribeOrganization"),
	refused("ses", "GetSendQuota"), refused("kms", "ListKeys"), refused("eks", "ListClusters"), refused("cloudtrail", "DescribeTrails"),
	refused("guardduty", "ListDetectors"), refused("dynamodb", "ListTables"),
})

func refused(source, name string) call {
	return call{source: source, name: name, code: "AccessDenied", message: denied}
}

var quotaScript = compile([]call{read("servicequotas", "GetServiceQuota", `{"serviceCode":"ec2","quotaCode":"L-DB2E81BA"}`)})

// mine adds what the machines behind the interfaces send to two pools, minute by minute.
func (p *play) mine(after time.Duration, region string, interfaces []string) {
	g := p.g
	pools := []flow{{dst: hostingNetwork.draw(g.rng), dstPort: 3333}, {dst: hostingNetwork.draw(g.rng), dstPort: 14444}}
	for _, eni := range interfaces {
		i := *g.co.interfaces[0]
		i.id, i.instance, i.region = eni, "i-0"+hexText(g.rng, 16), region
		i.addr = g.co.interfaces[g.rng.IntN(len(g.co.interfaces))].addr
		i.account = g.co.deployer.account
		port := ephemeral(g.rng)
		pool := pools[g.rng.IntN(len(pools))]
		for minute := range 60 {
			f := flow{
				at: &i, src: i.addr, dst: pool.dst, srcPort: port, dstPort: pool.dstPort, protocol: 6, seconds: 59,
				packets: 30 + g.rng.Int64N(30), bytes: 4000 + g.rng.Int64N(9000),
			}
			p.add(after+time.Duration(minute)*time.Minute+time.Duration(g.rng.IntN(20))*time.Second, func(dst *Log, at int64) { g.flow(dst, at, &f) })
		}
	}
}

func (p *play) exfiltration() {
	g, r := p.g, p.g.rng
	thief := p.copyOf(g.co.member("DataAnalyst"), cliAgents[r.IntN(len(cliAgents))])
	p.call(0, g.invoke(thief, listScript[0]))
	at := time.Minute
	for range 12 { // which buckets there are, and what is in them
		p.object(at, thief, listScript[1], object{})
		at += time.Duration(5+r.IntN(20)) * time.Second
	}
	for n := range 1800 { // all of one bucket, within half an hour
		p.object(at, thief, listScript[2], object{n: 300_000 + uint64(n), bytes: 12e6 + r.Int64N(12e6)})
		at += time.Second
	}
	for _, name := range []string{"support/migration/id_rsa", "support/migration/.env", "weekly/tools/credentials.csv"} {
		p.object(at, thief, listScript[2], object{name: name, bytes: 1800})
		at += 8 * time.Second
	}
	share := g.invoke(thief, compile([]call{write("ec2", "ModifySnapshotAttribute",
		fmt.Sprintf(`{"snapshotId":"snap-0$hex","createVolumePermission":{"add":{"items":[{"userId":"%d%011d"}]}},"attributeType":"CREATE_VOLUME_PERMISSION"}`,
			4+r.IntN(6), r.Int64N(1e11)), `{"requestId":"$uuid","_return":true}`)})[0])
	p.call(at+2*time.Minute, share)
	p.send(at + 6*time.Minute)
}

var listScript = compile([]call{
	{source: "s3", name: "ListBuckets", request: `{"Host":"s3.$region.amazonaws.com"}`, extra: s3Extra},
	{source: "s3", name: "ListObjects", data: true, request: `{"list-type":"2","bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com"}`, extra: s3Extra},
	{source: "s3", name: "GetObject", data: true, request: s3Key, resources: s3Object, extra: s3Extra},
})

// object adds a call to the bucket of customer exports, and the line of the access log that tells of it.
func (p *play) object(after time.Duration, who *principal, what *action, o object) {
	v := p.g.invoke(who, what)
	v.bucket, v.object = p.g.co.bucket("customer-exports"), o
	p.call(after, v)
	a, _ := accessOf(&v)
	p.add(after, func(dst *Log, at int64) { p.g.access(dst, at, &a) })
}

// send adds a machine that sends much to one place, over the port that everything else uses.
func (p *play) send(after time.Duration) {
	g := p.g
	i, to, port := g.co.interfaces[g.rng.IntN(len(g.co.interfaces))], hostingNetwork.draw(g.rng), ephemeral(g.rng)
	for minute := range 30 {
		bytes := int64(1.2e9) + g.rng.Int64N(6e8)
		f := flow{at: i, src: i.addr, dst: to, srcPort: port, dstPort: 443, protocol: 6, seconds: 59, bytes: bytes, packets: bytes / 1400}
		p.add(after+time.Duration(minute)*time.Minute, func(dst *Log, at int64) { g.flow(dst, at, &f) })
	}
}
