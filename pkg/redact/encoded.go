package redact

// maxPercent is how often a letter may be encoded again: by proxies, by CloudFront, by S3.
const maxPercent = 4

// encodedName is a name with letters that are percent-encoded and need not be, %70assword: whoever reads a query decodes its
// names first.
type encodedName struct {
	start, end int
	how        reach
}

// nextEncoded returns the next name at or behind from, whosever it is; ok is false when there is none. It stops at nothing but
// percent signs with a letter of names behind them, of which there are few.
func (r *Rules) nextEncoded(b []byte, from int) (n encodedName, ok bool) {
	for i := indexFrom(b, '%', from); i >= 0; i = indexFrom(b, '%', i+1) {
		if c, size := percent(b, i); size == 0 || !isWord(c) {
			continue
		}
		var room [3 * maxName]byte
		name := room[:0]
		n.start = encodedStart(b, i)
		for n.end = n.start; n.end < len(b) && len(name) < len(room); {
			c, size := b[n.end], 1
			if c == '%' {
				c, size = percent(b, n.end)
			}
			if size == 0 || !isWord(c) {
				break
			}
			name = append(name, c)
			n.end += size
		}
		n.how = r.of(name)
		return n, true
	}
	return n, false
}

// isEncoded reports whether there is an encoded name of a secret.
func (r *Rules) isEncoded(b []byte) bool {
	for n, ok := r.nextEncoded(b, 0); ok; n, ok = r.nextEncoded(b, n.end) {
		if n.how != none {
			return true
		}
	}
	return false
}

// encodedStart returns where the name begins whose first encoded letter is at i. An escaped byte before it is not part of it.
func encodedStart(b []byte, i int) int {
	start := i
	for start > 0 && i-start < maxName && isWord(b[start-1]) {
		start--
	}
	switch size := 0; {
	case start == 0:
	case b[start-1] == '%':
		if _, size = percent(b, start-1); size > 0 {
			return min(start-1+size, i)
		}
	case b[start-1] == '\\' && i-start >= 3 && b[start] == 'x':
		return start + 3
	}
	return start
}

// percent returns the byte that is encoded at i, where a percent sign is, and how long that is written; size is 0 where it is
// nothing but a percent sign.
func percent(b []byte, i int) (c byte, size int) {
	at := i + 1
	for n := 0; n < maxPercent && at+4 <= len(b) && b[at] == '2' && b[at+1] == '5'; n++ {
		at += 2
	}
	if at+2 > len(b) {
		return 0, 0
	}
	high, low := hexValue(b[at]), hexValue(b[at+1])
	if high > 15 || low > 15 {
		return 0, 0
	}
	return high<<4 | low, at + 2 - i
}

func hexValue(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}
