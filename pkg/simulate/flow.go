package simulate

import (
	"cmp"
	"math"
	"math/rand/v2"
	"net/netip"
	"strconv"
)

// wideLayout is the layout of the accounts that chose their own columns; the others have the default.
const wideLayout = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status " +
	"vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region flow-direction"

// flow is one line of a flow log.
type flow struct {
	at               *iface
	src, dst         netip.Addr
	srcPort, dstPort int
	protocol         int
	packets, bytes   int64
	seconds          int64
	rejected         bool
	status           string // "" is OK
}

// flow writes one line, in the layout of its account.
func (g *Generator) flow(dst *Log, at int64, f *flow) {
	wide := f.at.account.wide
	b := dst.Raw[:0]
	if wide {
		b, dst.Layout = append(b, "5 "...), wideLayout
	} else {
		b = append(b, "2 "...)
	}
	b = add(b, f.at.account.id, " ", f.at.id)
	start := at / 1e9
	if f.status != "" {
		b = append(b, " - - - - - - - "...)
	} else {
		b = f.src.AppendTo(append(b, ' '))
		b = f.dst.AppendTo(append(b, ' '))
		for _, n := range [...]int64{int64(f.srcPort), int64(f.dstPort), int64(f.protocol), f.packets, f.bytes} {
			b = strconv.AppendInt(append(b, ' '), n, 10)
		}
		b = append(b, ' ')
	}
	b = strconv.AppendInt(b, start, 10)
	b = strconv.AppendInt(append(b, ' '), start+max(f.seconds, 1), 10)
	switch {
	case f.status != "":
		b = add(b, " - ", f.status)
	case f.rejected:
		b = append(b, " REJECT OK"...)
	default:
		b = append(b, " ACCEPT OK"...)
	}
	if wide {
		b = f.appendWide(b)
	}
	dst.Raw = b
	dst.log("vpcflow", at)
}

func (f *flow) appendWide(b []byte) []byte {
	b = add(b, " ", f.at.vpc, " ", f.at.subnet, " ", f.at.instance)
	if f.status != "" {
		b = append(b, " - - - - "...)
		return add(b, f.at.region, " -")
	}
	switch {
	case f.protocol != 6:
		b = append(b, " 0 "...)
	case f.rejected:
		b = append(b, " 2 "...)
	default:
		b = append(b, " 19 "...)
	}
	if f.src.Is4() {
		b = append(b, "IPv4 "...)
	} else {
		b = append(b, "IPv6 "...)
	}
	b = append(f.src.AppendTo(b), ' ')
	b = append(f.dst.AppendTo(b), ' ')
	b = append(b, f.at.region...)
	if f.src == f.at.addr {
		return append(b, " egress"...)
	}
	return append(b, " ingress"...)
}

// ephemeral draws the port that a Linux client takes.
func ephemeral(r *rand.Rand) int { return 32768 + r.IntN(28232) }

// volume draws how many bytes a flow carries: most little, some much, never more than 30 MB a minute.
func (g *Generator) volume(f *flow) {
	f.bytes = int64(min(math.Exp(8+g.rng.NormFloat64()*1.9), 30e6)) + 120
	f.packets = f.bytes/900 + 2
	f.seconds = 1 + g.rng.Int64N(59)
}

// flowStream writes what a network interface sees in a minute.
func flowStream(g *Generator, dst *Log, at int64) {
	r := g.rng
	i := g.co.interfaces[g.co.zipfIface.Uint64()]
	f := flow{at: i, src: i.addr, dst: i.addr, protocol: 6}
	g.volume(&f)
	served := cmp.Or(i.serves, 8080)
	switch x := r.IntN(100); {
	case x < 22: // a request from inside, or a balancer
		f.src, f.srcPort, f.dstPort = g.neighbour(i), ephemeral(r), served
	case x < 40: // its answer
		f.dst, f.srcPort, f.dstPort = g.neighbour(i), served, ephemeral(r)
	case x < 56: // out to a service on the internet
		f.dst, f.srcPort, f.dstPort = g.outside(), ephemeral(r), 443
	case x < 68: // its answer
		f.src, f.srcPort, f.dstPort = g.outside(), 443, ephemeral(r)
	case x < 76: // databases and caches
		f.dst, f.srcPort, f.dstPort = g.neighbour(i), ephemeral(r), []int{5432, 6379, 9092, 9200}[r.IntN(4)]
	case x < 82: // visitors of what is public, over either family
		f.src, f.srcPort, f.dstPort = g.visitor(), 1024+r.IntN(64000), 443
		if !f.src.Is4() {
			f.dst = sixOf(i.addr)
		}
	case x < 86: // and the answer to them
		f.dst, f.srcPort, f.dstPort = g.visitor(), 443, 1024+r.IntN(64000)
		if !f.dst.Is4() {
			f.src = sixOf(i.addr)
		}
	case x < 92: // names and time
		f.dst, f.srcPort, f.dstPort, f.protocol = resolverOf(i.addr), ephemeral(r), 53, 17
		f.bytes, f.packets = 70+r.Int64N(300), 1
	case x < 97: // the noise of the internet
		f.src, f.srcPort, f.dstPort = hostingNetwork.draw(r), 1024+r.IntN(64000), []int{22, 23, 80, 445, 1433, 3389, 5555, 6379, 8080, 8545}[r.IntN(10)]
		f.rejected, f.packets, f.bytes, f.seconds = true, 1, 40+r.Int64N(20), 1
	case x < 99:
		f.status, f.seconds = "NODATA", 59
	default: // other people's servers that are not on 443
		f.dst, f.srcPort, f.dstPort = g.outside(), ephemeral(r), []int{22, 80, 587, 993, 8443, 9418}[r.IntN(6)]
		if r.IntN(40) == 0 {
			f.status = "SKIPDATA"
		}
	}
	g.flow(dst, at, &f)
}

// outside draws a server on the internet that the company talks to.
func (g *Generator) outside() netip.Addr {
	switch g.rng.IntN(4) {
	case 0:
		return partnerNetwork.at(g.rng.Uint32N(64))
	case 1:
		return hostingNetwork.at(uint32(g.co.zipfPath.Uint64()) * 5)
	}
	return cloudNetwork.at(uint32(g.co.zipfPath.Uint64()))
}

// neighbour draws another machine's private address.
func (g *Generator) neighbour(i *iface) netip.Addr {
	n := g.co.interfaces[g.co.zipfIface.Uint64()]
	if n == i {
		return resolverOf(i.addr)
	}
	return n.addr
}

// resolverOf is the address of the network's resolver.
func resolverOf(a netip.Addr) netip.Addr {
	b := a.As4()
	return netip.AddrFrom4([4]byte{b[0], b[1], 0, 2})
}

// sixOf is the IPv6 address of the machine with that IPv4 address.
func sixOf(a netip.Addr) netip.Addr {
	b := a.As4()
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0xff, b[1], 0, b[2], 12: b[0], b[1], b[2], b[3]})
}
