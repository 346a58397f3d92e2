package simulate

import (
	"cmp"
	"math"
	"strconv"
	"time"
)

// object is one object of a bucket: the n-th, and how large it is.
type object struct {
	n     uint64
	bytes int64
	name  string // instead of the n-th
}

// object draws an object: some are asked for all the time, most hardly ever.
func (g *Generator) object(b *bucket) object {
	n := g.co.zipfKey.Uint64()
	return object{n: n, bytes: int64(float64(b.typical) * math.Exp(g.rng.NormFloat64()*0.8))}
}

func (o object) appendKey(dst []byte, b *bucket) []byte {
	if o.name != "" {
		return append(dst, o.name...)
	}
	dst = add(dst, b.prefixes[o.n%uint64(len(b.prefixes))], "/")
	dst = strconv.AppendUint(dst, 100_000+o.n, 10)
	return append(dst, b.suffix...)
}

// access is one line of the S3 access log.
type access struct {
	bucket               *bucket
	object               object
	src, requester       string
	operation, method    string
	status, errorCode    string
	agent                string
	signature, authorise string // "SigV4", "AuthHeader" or "QueryString"; "-" when anonymous
}

// accessOf is how the S3 access log tells of the invocation; ok is false for calls that it does not tell of.
func accessOf(v *invocation) (a access, ok bool) {
	if v.what.source != "s3" || !v.what.data {
		return a, false
	}
	a = access{
		bucket: v.bucket, object: v.object, src: cmp.Or(v.src, v.who.src), requester: v.who.requester, status: "200", errorCode: "-",
		agent: cmp.Or(v.agent, v.who.agent), signature: "SigV4", authorise: "AuthHeader",
	}
	if v.who.private != "" && v.src == "" {
		a.src = v.who.private
	}
	switch v.what.name {
	case "GetObject":
		a.operation, a.method = "REST.GET.OBJECT", "GET"
	case "PutObject":
		a.operation, a.method = "REST.PUT.OBJECT", "PUT"
	case "HeadObject":
		a.operation, a.method = "REST.HEAD.OBJECT", "HEAD"
	case "ListObjects":
		a.operation, a.method = "REST.GET.BUCKET", "GET"
	case "DeleteObject":
		a.operation, a.method, a.status = "REST.DELETE.OBJECT", "DELETE", "204"
	default:
		return a, false
	}
	if v.failed {
		a.status, a.errorCode = "404", v.what.code
		if a.errorCode == "AccessDenied" {
			a.status = "403"
		}
	}
	return a, true
}

// access writes one line of the S3 access log.
func (g *Generator) access(dst *Log, at int64, a *access) {
	r := g.rng
	b := append(dst.Raw[:0], a.bucket.account.ownerID...)
	b = add(b, " ", a.bucket.name, " ")
	b = append(appendClock(b, at), ' ')
	b = add(b, a.src, " ", a.requester, " ")
	b = appendUpperHex(b, g, 16)
	b = add(b, " ", a.operation, " ")
	whole := a.operation == "REST.GET.BUCKET"
	if whole {
		b = append(b, '-')
	} else {
		b = a.object.appendKey(b, a.bucket)
	}
	b = add(b, ` "`, a.method, " /")
	if whole {
		b = add(b, "?list-type=2&prefix=", a.bucket.prefixes[0])
	} else {
		b = a.object.appendKey(b, a.bucket)
		if a.authorise == "QueryString" {
			b = append(b, "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=900&X-Amz-SignedHeaders=host"...)
		}
	}
	b = add(b, ` HTTP/1.1" `, a.status, " ", a.errorCode, " ")
	b = a.appendSizes(b, whole)
	total := 8 + r.IntN(90) + int(a.object.bytes/80_000)
	b = strconv.AppendInt(append(b, ' '), int64(total), 10)
	b = strconv.AppendInt(append(b, ' '), int64(5+r.IntN(60)), 10)
	b = add(b, ` "-" "`, a.agent, `" - `)
	b = appendHex(b, r, 74)
	b = add(b, "= ", a.signature, " TLS_AES_128_GCM_SHA256 ", a.authorise, " ", a.bucket.name, ".s3.")
	b = add(b, a.bucket.region, ".amazonaws.com TLSv1.3 - - ")
	dst.Raw = append(b, a.bucket.region...)
	dst.log("s3access", at)
}

// appendSizes appends how many bytes were sent, and how many the object has.
func (a *access) appendSizes(b []byte, whole bool) []byte {
	switch {
	case a.operation == "REST.GET.OBJECT" && a.status == "200":
		b = strconv.AppendInt(b, a.object.bytes, 10)
	case a.errorCode != "-":
		b = append(b, "243"...)
	default:
		b = append(b, '-')
	}
	if a.errorCode == "-" && !whole {
		return strconv.AppendInt(append(b, ' '), a.object.bytes, 10)
	}
	return append(b, " -"...)
}

func appendUpperHex(dst []byte, g *Generator, n int) []byte {
	from := len(dst)
	dst = appendHex(dst, g.rng, n)
	for i := from; i < len(dst); i++ {
		if dst[i] >= 'a' {
			dst[i] -= 'a' - 'A'
		}
	}
	return dst
}

// appendClock appends the time as access logs write it: [06/Mar/2026:12:00:00 +0000].
func appendClock(dst []byte, at int64) []byte {
	t := time.Unix(0, at).UTC()
	y, m, d := t.Date()
	h, mi, s := t.Clock()
	dst = append(dst, '[', digit(d/10), digit(d), '/')
	dst = add(dst, m.String()[:3], "/")
	dst = strconv.AppendInt(dst, int64(y), 10)
	return append(dst, ':', digit(h/10), digit(h), ':', digit(mi/10), digit(mi), ':', digit(s/10), digit(s), ' ', '+', '0', '0', '0', '0', ']')
}
