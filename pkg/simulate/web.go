package simulate

import (
	"math"
	"net/netip"
	"strconv"
	"time"
)

// page is one request to a web site.
type page struct {
	host, method, path string
	query              uint64 // 0 none
	status             int
	bytes              int64
	agent              string
	referer            string
}

var sections = []string{"/", "/products/", "/search", "/basket", "/checkout", "/account/orders", "/api/v1/stock/", "/api/v1/price/", "/assets/app.", "/help/returns", "/blog/", "/images/"}

// probes are the paths that bots of the internet try on everybody.
var probes = []string{"/wp-login.php", "/.env", "/admin/", "/robots.txt", "/.git/config", "/xmlrpc.php", "/server-status", "/favicon.ico", "/sitemap.xml", "/old/index.php"}

// page draws a request.
func (g *Generator) page(host string) page {
	r := g.rng
	p := page{host: host, method: "GET", status: 200, agent: browserAgents[r.IntN(len(browserAgents))], referer: "-"}
	p.bytes = int64(math.Exp(8.6 + r.NormFloat64()*1.4))
	n := g.co.zipfPath.Uint64()
	switch x := r.IntN(1000); {
	case x < 40: // bots that try doors
		p.path, p.agent, p.status, p.bytes = probes[r.IntN(len(probes))], botAgents[r.IntN(len(botAgents))], 404, 512
		return p
	case x < 90: // bots that index
		p.agent = botAgents[r.IntN(2)]
	case x < 100:
		p.status = 500 + r.IntN(4)
	case x < 115:
		p.status = 404
	case x < 160:
		p.status, p.bytes = 304, 0
	case x < 190:
		p.status = 302
	}
	section := sections[r.IntN(len(sections))]
	p.path = section
	if last := section[len(section)-1]; (last == '/' || last == '.') && len(section) > 1 {
		p.path = section + strconv.FormatUint(n, 10)
	}
	switch section {
	case "/search":
		p.query = n + 1
	case "/basket", "/checkout":
		p.method = "POST"
		if p.status == 304 {
			p.status = 200
		}
	}
	if r.IntN(3) > 0 {
		p.referer = "https://" + host + "/"
	}
	return p
}

// albStream writes a request as the load balancer logs it.
func albStream(g *Generator, dst *Log, at int64) {
	r := g.rng
	host := [...]string{"shop.tarnfield.example", "shop.tarnfield.example", "www.tarnfield.example", "api.tarnfield.example"}[r.IntN(4)]
	p := g.page(host)
	production := g.co.accounts[0]
	target := g.co.interfaces[g.co.zipfIface.Uint64()%8].addr
	taken := math.Exp(-3.6 + r.NormFloat64()*0.9) // seconds, 27 ms typically
	b := append(dst.Raw[:0], "h2 "...)
	b = appendMicro(b, at)
	b = add(b, " app/tarnfield-shop/", production.detective, "50dc6c49 ")
	b = appendEndpoint(b, g.visitor(), 1024+r.IntN(64000))
	b = appendEndpoint(append(b, ' '), target, 8080)
	b = append(b, " 0.001 "...)
	b = strconv.AppendFloat(b, taken, 'f', 3, 64)
	b = append(b, " 0.000 "...)
	b = strconv.AppendInt(b, int64(p.status), 10)
	b = strconv.AppendInt(append(b, ' '), int64(p.status), 10)
	b = strconv.AppendInt(append(b, ' '), 180+r.Int64N(900), 10)
	b = strconv.AppendInt(append(b, ' '), p.bytes+300, 10)
	b = add(b, ` "`, p.method, " https://", p.host)
	b = p.appendTarget(append(b, ":443"...))
	b = add(b, ` HTTP/2.0" "`, p.agent, `" TLS_AES_128_GCM_SHA256 TLSv1.3 arn:aws:elasticloadbalancing:eu-central-1:`, production.id)
	b = add(b, ":targetgroup/shop/", production.detective, `73e2d6bc "Root=1-`)
	b = appendHex(b, r, 8)
	b = appendHex(append(b, '-'), r, 24)
	b = add(b, `" "`, p.host, `" "arn:aws:acm:eu-central-1:`, production.id, `:certificate/0f1e2d3c-4b5a-4697-8877-a6b5c4d3e2f1" `, "1 ")
	b = appendMicro(b, at-int64(taken*1e9))
	b = append(b, ` "forward" "-" "-" "`...)
	b = appendEndpoint(b, target, 8080)
	b = strconv.AppendInt(append(b, `" "`...), int64(p.status), 10)
	b = append(b, `" "-" "-" TID_`...)
	dst.Raw = appendHex(b, r, 32)
	dst.log("alb", at)
}

// nginxStream writes a request as nginx logs it, on the servers of the blog and the documents.
func nginxStream(g *Generator, dst *Log, at int64) {
	p := g.page([...]string{"blog.tarnfield.example", "docs.tarnfield.example"}[g.rng.IntN(2)])
	b := g.visitor().AppendTo(dst.Raw[:0])
	b = append(b, " - - "...)
	b = appendClock(b, at)
	b = add(b, ` "`, p.method, " ")
	b = p.appendTarget(b)
	b = append(b, ` HTTP/1.1" `...)
	b = strconv.AppendInt(b, int64(p.status), 10)
	b = strconv.AppendInt(append(b, ' '), p.bytes, 10)
	b = add(b, ` "`, p.referer, `" "`, p.agent)
	dst.Raw = append(b, '"')
	dst.log("nginx", at)
}

func (p *page) appendTarget(b []byte) []byte {
	b = append(b, p.path...)
	if p.query > 0 {
		b = append(b, "?q=item"...)
		b = strconv.AppendUint(b, p.query, 10)
		b = append(b, "&page=1"...)
	}
	return b
}

func appendEndpoint(b []byte, a netip.Addr, port int) []byte {
	return strconv.AppendInt(append(a.AppendTo(b), ':'), int64(port), 10)
}

// appendMicro appends the time as load balancers write it: microseconds and Z.
func appendMicro(b []byte, at int64) []byte {
	return time.Unix(0, at).UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
}
