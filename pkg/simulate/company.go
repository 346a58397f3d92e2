package simulate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// company is who and what there is: drawn from the seed, the same for the whole simulation.
type company struct {
	accounts []*account
	people   []*principal // sign in through the identity centre: sessions of a role, named by their e-mail
	users    []*principal // the few IAM users with a console password
	deployer *principal   // the IAM user of the build server; its key is long-lived
	pipeline *principal   // the role that builds assume
	scalers  []*principal // the service that launches instances in groups, one an account
	auditors []*principal // a role that a posture scanner assumes, one an account
	services []*principal // the cloud's own services
	loads    []*principal // instances, functions and tasks that work all day

	buckets    []*bucket
	state      *bucket // of the infrastructure as code; nobody else reads it
	interfaces []*iface
	regulars   []netip.Addr // visitors that come every day

	zipfLoad, zipfIface, zipfBucket, zipfRegular, zipfKey, zipfPath *rand.Zipf
}

type account struct {
	id, name  string
	ownerID   string // canonical id in S3
	detective string // hex that resource names of the account share
	wide      bool   // its flow logs have the wide layout
	root      *principal
}

type bucket struct {
	name, region string
	account      *account
	prefixes     []string
	suffix       string
	typical      int // bytes of an object, typically
}

// iface is a network interface.
type iface struct {
	id, instance, vpc, subnet string
	addr                      netip.Addr
	account                   *account
	region                    string
	serves                    int // port that it answers on, 0 none
}

// class says what sort of principal it is; calls.go says who calls what.
type class uint16

const (
	instance class = 1 << iota
	function
	task
	service
	auditor
	staff
	builder
	scaler
)

// principal is somebody who calls the API.
type principal struct {
	class             class
	account           *account
	region            string
	role, session     string // role, or user name; session of a role
	requester         string // as the S3 access log writes it
	head, tail        []byte // userIdentity as JSON, around the time at which its session began
	began             int64  // Unix nanoseconds; 0: sessions are renewed on the hour
	src               string // sourceIPAddress
	private, endpoint string // address and VPC endpoint of calls that stay inside; "" when there are none
	agent             string
	console           bool
}

// regions in use; the others are looked into by scanners only.
var (
	usedRegions  = []string{"eu-central-1", "eu-west-1", "us-east-1"}
	quietRegions = []string{"ap-south-1", "ap-southeast-2", "ca-central-1", "sa-east-1", "us-west-1", "us-west-2", "ap-northeast-2", "eu-north-1"}
)

var accountNames = []string{"prod", "stage", "dev", "data"}

var givenNames = strings.Fields("amara bogdan chiara dilan edda farid greta hamza ines jonas katya levent mirjam nadia oskar priya quirin " +
	"rosa selim tereza ulla viktor wanda xenia yusuf zofia anouk benno celeste dario elif finn gudrun hanne ivo jelena kofi lucia matteo nele")

var familyNames = strings.Fields("albers brandt cissé dahl ekberg fuchs grimaldi hoang ibarra jansen kowal lindqvist moreau nasser okafor petrov " +
	"quist rahimi sorensen tanaka ulrich varga wouters yilmaz zeller arnaud bianchi costa demir engel")

// staffRoles are the permission sets, and how many of every twenty people have them.
var staffRoles = []struct {
	name  string
	share int
}{{"Developer", 9}, {"DataAnalyst", 4}, {"Support", 4}, {"PlatformAdmin", 2}, {"Billing", 1}}

var workRoles = []struct {
	name  string
	class class
}{
	{"shop-web", instance}, {"order-api", task}, {"catalogue-search", instance}, {"payment-worker", task}, {"image-resizer", function},
	{"mail-sender", function}, {"stock-sync", function}, {"event-collector", instance}, {"report-builder", task}, {"queue-worker", instance},
	{"session-cache", instance}, {"price-import", function}, {"parcel-tracker", function}, {"recommendation", task}, {"metrics-gateway", instance},
}

var cloudServices = strings.Fields("config autoscaling cloudtrail delivery.logs lambda ecs ec2 elasticloadbalancing rds ssm backup kms")

// newCompany draws the company; perDay, the number of records, makes more machines of a busier one.
func newCompany(r *rand.Rand, perDay float64) *company {
	c := &company{}
	for _, name := range accountNames {
		a := &account{id: fmt.Sprintf("%d%011d", 4+r.IntN(6), r.Int64N(1e11)), name: name, ownerID: hexText(r, 64), detective: hexText(r, 8), wide: len(c.accounts)%2 == 1}
		a.root = rootOf(r, a)
		c.accounts = append(c.accounts, a)
	}
	c.addPeople(r)
	c.addMachines(r, int(min(max(perDay/4000, 48), 4000)))
	c.addServices(r)
	c.addBuckets(r)
	for range 600 {
		c.regulars = append(c.regulars, accessNetworks.draw(r))
	}
	c.zipfLoad = rand.NewZipf(r, 1.15, 4, uint64(len(c.loads)-1))
	c.zipfIface = rand.NewZipf(r, 1.1, 6, uint64(len(c.interfaces)-1))
	c.zipfBucket = rand.NewZipf(r, 1.2, 2, uint64(len(c.buckets)-1))
	c.zipfRegular = rand.NewZipf(r, 1.1, 20, uint64(len(c.regulars)-1))
	c.zipfKey = rand.NewZipf(r, 1.1, 50, 200_000)
	c.zipfPath = rand.NewZipf(r, 1.2, 5, 3000)
	return c
}

func (c *company) addPeople(r *rand.Rand) {
	var roles []string
	for _, s := range staffRoles {
		for range s.share * 2 {
			roles = append(roles, s.name)
		}
	}
	for i, role := range roles {
		given, family := givenNames[i%len(givenNames)], familyNames[r.IntN(len(familyNames))]
		mail := given + "." + strings.ReplaceAll(family, "é", "e") + "@tarnfield.example"
		a := c.accounts[r.IntN(len(c.accounts))]
		p := sessionOf(r, a, "AWSReservedSSO_"+role+"_"+hexText(r, 16), mail)
		p.class, p.region = staff, usedRegions[r.IntN(2)]
		p.src, p.agent = accessNetworks.draw(r).String(), browserAgents[r.IntN(4)]
		if r.IntN(3) == 0 {
			p.src = officeNetwork.at(1 + r.Uint32N(4)).String()
		}
		c.people = append(c.people, p)
		if i%6 == 0 {
			u := userOf(r, a, given)
			u.class, u.region, u.src, u.agent = staff, p.region, p.src, p.agent
			c.users = append(c.users, u)
		}
	}
	production := c.accounts[0]
	c.deployer = userOf(r, production, "build-deploy")
	c.deployer.class, c.deployer.region = builder, usedRegions[0]
	c.deployer.src, c.deployer.agent = hostingNetwork.draw(r).String(), cliAgents[0]
	c.pipeline = sessionOf(r, production, "build-pipeline", "run-"+fmt.Sprint(r.IntN(1e9)))
	c.pipeline.class, c.pipeline.region = builder, usedRegions[0]
	c.pipeline.src, c.pipeline.agent = c.deployer.src, serviceAgents[4]
}

func (c *company) addMachines(r *rand.Rand, n int) {
	for i := range n {
		w := workRoles[i%len(workRoles)]
		a := c.accounts[[]int{0, 0, 0, 1, 2, 3}[r.IntN(6)]]
		region := usedRegions[[]int{0, 0, 0, 1, 1, 2}[r.IntN(6)]]
		i32 := uint32(i)
		addr := netip.AddrFrom4([4]byte{10, byte(20 + r.IntN(8)), byte(i32 >> 6), byte(4 + i32%64*3)})
		n := &iface{
			id: "eni-0" + hexText(r, 16), instance: "i-0" + hexText(r, 16), vpc: "vpc-0" + a.detective + region[:2] + "3a1c5f", subnet: "subnet-0" + hexText(r, 16),
			addr: addr, account: a, region: region,
		}
		if w.class != function {
			n.serves = []int{0, 443, 8080, 5432, 6379, 9200}[r.IntN(6)]
			c.interfaces = append(c.interfaces, n)
		}
		p := sessionOf(r, a, w.name, map[class]string{instance: n.instance, function: w.name, task: hexText(r, 32)}[w.class])
		p.class, p.region, p.agent = w.class, region, serviceAgents[r.IntN(4)]
		p.src = cloudNetwork.at(uint32(i * 7)).String()
		if w.class != function {
			p.private, p.endpoint = addr.String(), "vpce-0"+a.detective+region[:2]+"77ab01c"
		}
		c.loads = append(c.loads, p)
	}
}

func (c *company) addServices(r *rand.Rand) {
	for _, a := range c.accounts {
		for _, name := range cloudServices {
			host := name + ".amazonaws.com"
			c.services = append(c.services, &principal{
				class: service, account: a, region: usedRegions[r.IntN(3)], role: name, src: host, agent: host, requester: "svc:" + host,
				head: []byte(`{"type":"AWSService","invokedBy":"` + host + `"}`),
			})
		}
		s := sessionOf(r, a, "AWSServiceRoleForAutoScaling", "AutoScaling")
		s.class, s.region, s.src, s.agent = scaler, usedRegions[0], "autoscaling.amazonaws.com", "autoscaling.amazonaws.com"
		s.tail = []byte(strings.TrimSuffix(string(s.tail), "}") + `,"invokedBy":"autoscaling.amazonaws.com"}`)
		c.scalers = append(c.scalers, s)
		p := sessionOf(r, a, "posture-audit", "scan-"+hexText(r, 8))
		p.class, p.region, p.src, p.agent = auditor, usedRegions[0], hostingNetwork.draw(r).String(), cliAgents[2]
		c.auditors = append(c.auditors, p)
	}
}

func (c *company) addBuckets(r *rand.Rand) {
	kinds := []struct {
		name, suffix string
		prefixes     []string
		typical      int
	}{
		{"shop-media", ".webp", []string{"products/large", "products/small", "banners"}, 180_000},
		{"order-archive", ".json.gz", []string{"orders/eu", "orders/us", "returns"}, 24_000},
		{"invoices", ".pdf", []string{"2025", "2026"}, 85_000},
		{"event-lake", ".parquet", []string{"clicks/day", "carts/day", "sessions/day"}, 9_000_000},
		{"build-artifacts", ".tar.zst", []string{"releases", "caches"}, 14_000_000},
		{"customer-exports", ".csv", []string{"weekly", "support"}, 2_400_000},
		{"audit-logs", ".json.gz", []string{"AWSLogs/cloudtrail", "AWSLogs/config"}, 31_000},
		{"reports", ".xlsx", []string{"finance", "marketing"}, 700_000},
		{"backups", ".dump.zst", []string{"orders", "catalogue"}, 40_000_000},
	}
	c.state = &bucket{
		name: "tf-prod-infra-state", region: usedRegions[0], account: c.accounts[0], prefixes: []string{"network", "platform", "shop"},
		suffix: ".tfstate", typical: 60_000,
	}
	for _, k := range kinds {
		for i, a := range c.accounts {
			if i > 0 && r.IntN(2) == 0 {
				continue
			}
			c.buckets = append(c.buckets, &bucket{
				name: "tf-" + a.name + "-" + k.name, region: usedRegions[0], account: a, prefixes: k.prefixes, suffix: k.suffix, typical: k.typical,
			})
		}
	}
}

// load draws a machine, function or task: few of them do most of the work.
func (g *Generator) load() *principal { return g.co.loads[g.co.zipfLoad.Uint64()] }
