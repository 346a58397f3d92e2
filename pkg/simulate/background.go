package simulate

import (
	"math"
	"strings"
	"time"
)

// stream writes one record of the traffic that grows with Options.Records. What people and pipelines do does not grow
// with it; it is planned by schedule.
type stream func(g *Generator, dst *Log, at int64)

// followed is how many records one of the streams makes on average, with the S3 access lines that follow calls.
const followed = 1.11

// sessionLength is how long credentials of a role last.
const sessionLength = time.Hour

func newStreams() weighted[stream] {
	var w weighted[stream]
	w.add(26, loadStream)
	w.add(15, serviceStream)
	w.add(4, auditStream)
	w.add(34, flowStream)
	w.add(11, albStream)
	w.add(7, nginxStream)
	w.add(3, sharedStream)
	return w
}

// loadStream is a machine, function or task at work.
func loadStream(g *Generator, dst *Log, at int64) {
	who := g.load()
	g.perform(dst, at, g.invoke(who, g.calls[who.class].pick(g.rng)))
}

// serviceStream is the cloud's own services at work.
func serviceStream(g *Generator, dst *Log, at int64) {
	who := g.co.services[g.rng.IntN(len(g.co.services))]
	g.perform(dst, at, g.invoke(who, g.calls[service].pick(g.rng)))
}

// auditStream is the posture scanner, which looks into every region, used or not.
func auditStream(g *Generator, dst *Log, at int64) {
	who := g.co.auditors[g.rng.IntN(len(g.co.auditors))]
	v := g.invoke(who, g.calls[auditor].pick(g.rng))
	v.region = usedRegions[g.rng.IntN(len(usedRegions))]
	if g.rng.IntN(2) == 0 {
		v.region = quietRegions[g.rng.IntN(len(quietRegions))]
	}
	g.perform(dst, at, v)
}

// sharedStream is customers at objects that the shop gives them: an invoice by a signed link, each its own; pictures
// without one. A few ask for what they may not have.
func sharedStream(g *Generator, dst *Log, at int64) {
	a := access{
		bucket: g.co.bucket("shop-media"), src: g.visitor().String(), requester: "-", operation: "REST.GET.OBJECT", method: "GET", status: "200",
		errorCode: "-", agent: browserAgents[g.rng.IntN(len(browserAgents))], signature: "-", authorise: "-",
	}
	switch g.rng.IntN(20) {
	case 0:
		a.status, a.errorCode = "403", "AccessDenied"
		a.agent = botAgents[g.rng.IntN(len(botAgents))]
	case 1, 2, 3, 4, 5, 6, 7:
		a.bucket, a.signature, a.authorise = g.co.bucket("invoices"), "SigV4", "QueryString"
		a.requester = g.co.loads[1].requester
	}
	a.object = g.object(a.bucket)
	if a.authorise == "QueryString" {
		a.object.n = uint64(g.rng.Uint32())
	}
	g.access(dst, at, &a)
}

// bucket returns the production bucket of that kind.
func (c *company) bucket(kind string) *bucket {
	for _, b := range c.buckets {
		if b.name == "tf-prod-"+kind {
			return b
		}
	}
	panic("BUG: no bucket of kind " + kind)
}

// perform writes the call, and plans the line of the S3 access log that tells of it.
func (g *Generator) perform(dst *Log, at int64, v invocation) {
	g.api(dst, at, v)
	if a, ok := accessOf(&v); ok {
		g.pending.push(follow{at: at, do: writeAccess, access: a})
	}
}

func writeAccess(g *Generator, dst *Log, f *follow) bool {
	g.access(dst, f.at, &f.access)
	return true
}

// schedule plans what people, pipelines and scaling groups do, and the launches of the time before. It returns about
// how many records that will be.
func (g *Generator) schedule() int {
	planned := 0
	if g.o.History > 0 {
		planned += g.past()
	}
	first := g.o.Start.Truncate(24 * time.Hour)
	for day := first; day.UnixNano() < g.end; day = day.Add(24 * time.Hour) {
		planned += g.day(day)
	}
	return planned
}

// past plans launches in each account and region in use, a few a day, so that those who learn know them.
func (g *Generator) past() int {
	n := 0
	for day := g.o.Start.Add(-g.o.History); day.Before(g.o.Start); day = day.Add(24 * time.Hour) {
		for _, a := range g.co.accounts {
			for _, region := range usedRegions {
				at := day.Add(time.Duration(g.rng.Int64N(int64(20 * time.Hour))))
				if at.Before(g.o.Start) {
					g.plan(at, &follow{do: g.launchIn(a, region)})
					n++
				}
			}
		}
	}
	return n
}

// launchIn returns a step in which the account's scaling service launches an instance in the region.
func (g *Generator) launchIn(a *account, region string) func(*Generator, *Log, *follow) bool {
	who := g.co.scalers[0]
	for _, s := range g.co.scalers {
		if s.account == a {
			who = s
		}
	}
	return func(g *Generator, dst *Log, f *follow) bool {
		v := g.invoke(who, launchScript[0])
		v.region = region
		g.api(dst, f.at, v)
		return true
	}
}

// day plans one day. Weekends are quiet.
func (g *Generator) day(day time.Time) int {
	r := g.rng
	busy := 1.0
	if w := day.Weekday(); w == time.Saturday || w == time.Sunday {
		busy = 0.3
	}
	n := 0
	for _, p := range g.co.people {
		for range 2 {
			if r.Float64() < busy*0.8 {
				n += g.session(p, day, 12+r.IntN(35))
			}
		}
	}
	for _, u := range g.co.users {
		if r.Float64() < busy {
			n += g.session(u, day, 6+r.IntN(15))
		}
	}
	for range int(busy * 14) {
		n += g.run(g.co.deployer, releaseScript, g.working(day))
	}
	for range int(busy * 8) {
		n += g.run(g.co.pipeline, changeScript, g.working(day))
	}
	for _, s := range g.co.scalers {
		for range 4 + r.IntN(6) {
			n += g.run(s, scaleScript, day.Add(time.Duration(r.Int64N(int64(24*time.Hour)))))
		}
	}
	admin := g.co.member("PlatformAdmin")
	n += g.run(admin, backupScript, g.working(day))
	return n + g.run(admin, peopleScript, g.working(day))
}

// working draws a time of the working day: seven to seven, most about ten and two.
func (g *Generator) working(day time.Time) time.Time {
	hour := 12.5 + g.rng.NormFloat64()*2.6
	hour = math.Min(math.Max(hour, 6.5), 20)
	return day.Add(time.Duration(hour * float64(time.Hour)))
}

// plan queues f for a time unless that is before the simulation.
func (g *Generator) plan(at time.Time, f *follow) {
	f.at = at.UnixNano()
	if at.Before(g.o.Start.Add(-g.o.History)) {
		return
	}
	g.pending.push(*f)
}

// run plans a script.
func (g *Generator) run(who *principal, script []*action, at time.Time) int {
	if at.Before(g.o.Start) {
		return 0
	}
	g.plan(at, &follow{do: nextOfScript, who: who, script: script})
	return len(script)
}

func nextOfScript(g *Generator, dst *Log, f *follow) bool {
	v := g.invoke(f.who, f.script[0])
	if v.what.source == "s3" && v.what.data {
		v.bucket = g.co.state
		v.object = g.object(v.bucket)
	}
	g.perform(dst, f.at, v)
	if len(f.script) > 1 {
		next := *f
		next.script = f.script[1:]
		next.at += int64(time.Second) + g.rng.Int64N(int64(25*time.Second))
		g.pending.push(next)
	}
	return true
}

// session plans a person's sign-in, sometimes after a wrong password, and what they do then.
func (g *Generator) session(who *principal, day time.Time, calls int) int {
	at := g.working(day)
	if at.Before(g.o.Start) {
		return 0
	}
	if who.tail == nil { // passwords are for IAM users; the others come from the identity centre
		for wrong := g.rng.IntN(6) - 3; wrong > 0; wrong-- {
			g.plan(at.Add(-time.Duration(wrong)*20*time.Second), &follow{do: wrongPassword, who: who})
		}
	}
	g.plan(at, &follow{do: begin, who: who, left: calls})
	return calls + 1
}

func wrongPassword(g *Generator, dst *Log, f *follow) bool {
	g.signIn(dst, f.at, f.who, false, false)
	return true
}

// begin signs a person in; half of those from the identity centre take credentials for the command line instead.
func begin(g *Generator, dst *Log, f *follow) bool {
	next := *f
	next.do = work
	next.at += int64(2+g.rng.IntN(20)) * int64(time.Second)
	f.who.began = f.at
	user := f.who.tail == nil
	f.who.console = user || g.rng.IntN(2) == 0
	if !f.who.console {
		f.who.agent = cliAgents[g.rng.IntN(len(cliAgents))]
		g.pending.push(next)
		return false
	}
	f.who.agent = browserAgents[g.rng.IntN(4)]
	g.pending.push(next)
	g.signIn(dst, f.at, f.who, user, true)
	return true
}

// work is one call of a person, and the plan for the next.
func work(g *Generator, dst *Log, f *follow) bool {
	v := g.invoke(f.who, g.calls[staff].pick(g.rng))
	v.object.bytes = min(v.object.bytes, 20e6)
	g.perform(dst, f.at, v)
	if f.left > 1 {
		next := *f
		next.left--
		next.at += int64(g.rng.ExpFloat64() * 70 * float64(time.Second))
		g.pending.push(next)
	}
	return true
}

// member returns one of the people who have the role.
func (c *company) member(role string) *principal {
	for _, p := range c.people {
		if strings.HasPrefix(p.role, "AWSReservedSSO_"+role) {
			return p
		}
	}
	panic("BUG: nobody has the role " + role)
}
