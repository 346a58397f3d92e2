package simulate

import (
	"math/rand/v2"
	"net/netip"
)

// network is a range of addresses: IPv4 given by its first address and how many.
type network struct {
	base [4]byte
	size uint32
}

// The networks of the simulated internet. All are from the ranges for benchmarks and documents, whoever uses them:
// staff, customers, attackers. Staff and attackers sit in the same access networks.
var (
	accessNetworks = network{[4]byte{198, 18, 8, 0}, 24 << 8}    // homes and offices
	mobileNetworks = network{[4]byte{198, 18, 64, 0}, 128 << 8}  // phones
	hostingNetwork = network{[4]byte{198, 19, 0, 0}, 64 << 8}    // other people's servers
	cloudNetwork   = network{[4]byte{198, 19, 128, 0}, 16 << 8}  // the provider's public addresses
	partnerNetwork = network{[4]byte{203, 0, 113, 0}, 1 << 8}    // payment, parcel and mail services
	officeNetwork  = network{[4]byte{198, 51, 100, 128}, 1 << 4} // the company's own line
)

// at returns the n-th address of the network, round and round.
func (n network) at(i uint32) netip.Addr {
	b := n.base
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	v += i % n.size
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// draw returns any host of the network.
func (n network) draw(r *rand.Rand) netip.Addr {
	for {
		a := n.at(r.Uint32N(n.size))
		if last := a.As4()[3]; last != 0 && last != 255 {
			return a
		}
	}
}

// drawIPv6 returns an address of one of the customers' IPv6 prefixes.
func drawIPv6(r *rand.Rand) netip.Addr {
	a := [16]byte{0x20, 0x01, 0x0d, 0xb8, byte(r.IntN(24)), byte(r.IntN(256)), 0, byte(r.IntN(16))}
	for i := 8; i < 16; i++ {
		a[i] = byte(r.Uint32())
	}
	return netip.AddrFrom16(a)
}

// visitor returns the address of somebody who visits a site: the same few often, anybody else rarely.
func (g *Generator) visitor() netip.Addr {
	switch x := g.rng.IntN(100); {
	case x < 12:
		return drawIPv6(g.rng)
	case x < 40:
		return accessNetworks.draw(g.rng)
	case x < 70:
		return g.co.regulars[g.co.zipfRegular.Uint64()%uint64(len(g.co.regulars))]
	default:
		return mobileNetworks.draw(g.rng)
	}
}

// The agents. People and attackers draw from the same lists.
var cliAgents = []string{
	"aws-cli/2.22.35 md/awscrt#0.23.4 ua/2.0 os/linux#6.8.0-51-generic md/arch#x86_64 lang/python#3.12.6 md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/distrib#ubuntu.24 md/prompt#off",
	"aws-cli/2.24.7 md/awscrt#0.23.8 ua/2.0 os/macos#24.3.0 md/arch#arm64 lang/python#3.12.9 md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/prompt#off",
	"Boto3/1.35.99 md/Botocore#1.35.99 ua/2.0 os/linux#6.8.0-51-generic md/arch#x86_64 lang/python#3.11.11 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.35.99",
}

var browserAgents = []string{
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36 Edg/133.0.0.0",
	"Mozilla/5.0 (X11; Linux x86_64; rv:134.0) Gecko/20100101 Firefox/134.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 Safari/605.1.15",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Mobile Safari/537.36",
}

var serviceAgents = []string{
	"aws-sdk-go-v2/1.33.0 ua/2.1 os/linux lang/go#1.23.5 md/GOARCH#arm64 api/s3#1.48.2",
	"aws-sdk-java/2.30.3 ua/2.1 os/Linux#6.1.119 lang/java#21.0.5 exec-env/AWS_ECS_FARGATE",
	"aws-sdk-js/3.731.1 ua/2.1 os/linux#5.10.230 lang/js md/nodejs#20.18.1 api/s3#3.731.1 exec-env/AWS_Lambda_nodejs20.x",
	"Boto3/1.36.3 md/Botocore#1.36.3 ua/2.0 os/linux#5.10.230 md/arch#x86_64 lang/python#3.12.8 md/pyimpl#CPython exec-env/AWS_Lambda_python3.12",
	"APN/1.0 HashiCorp/1.0 Terraform/1.10.5 (+https://www.terraform.io) terraform-provider-aws/5.84.0 (+https://example.org/provider) aws-sdk-go-v2/1.33.0",
}

var botAgents = []string{
	"Mozilla/5.0 (compatible; Searchbot/2.1; +http://search.example/bot.html)",
	"Mozilla/5.0 (compatible; Linkcheck/1.9; +http://links.example/)",
	"Mozilla/5.0 zgrab/0.x",
	"python-requests/2.32.3",
	"curl/8.7.1",
}
