package format

import "bytes"

// unprefix delivers what stands in a line behind what carried it; done is false when nothing did.
func (s *splitter) unprefix(line []byte) (done bool, err error) {
	if s.depth >= maxEnvelopes {
		return false, nil
	}
	if l, n := runtimeLine(line); l.stream != streamNone {
		o := s.here()
		o.Offset += int64(n)
		return true, s.container(l, o)
	}
	n, headed := cloudWatchLine(line)
	switch {
	case headed && n == len(line): // the message stands on the next lines
		s.stats.Controls++
		return true, nil
	case n == 0 || !s.carried(line, line[n:], headed):
		return false, nil
	}
	o := s.here()
	o.Offset += int64(n)
	return true, s.nested(line[n:], o)
}

// cloudWatchLine returns how much of a line may be what CloudWatch Logs' exports to S3, and the `aws logs tail` of AWS's
// command line, write in front of a message; 0 when nothing. headed says that the log stream is part of it:
//
//	2026-03-01T09:14:07.000Z <message>                          create-export-task
//	2026-03-01T09:14:07 <message>                               tail --format short
//	2026-03-01T09:14:07.123000+00:00 <stream> <message>         tail --format detailed
//	2026-03-01T09:14:07+00:00 <stream> <newline><pretty JSON>   tail --format json
//
// Whoever else writes such times, a message is only what carried says. Exports:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html, tail: awscli/customizations/logs/tail.py.
func cloudWatchLine(line []byte) (n int, headed bool) {
	n, fraction := isoTime(line)
	if n == 0 {
		return 0, false
	}
	switch zone := line[:n-1]; {
	case zone[n-2] == 'Z' && fraction == 3, fraction == 0 && n == len("2026-03-01T09:14:07 "):
		return n, false
	case bytes.HasSuffix(zone, []byte("+00:00")) && (fraction == 0 || fraction == 6):
		if i := bytes.IndexByte(line[n:], ' '); i > 0 {
			return n + i + 1, true
		}
	}
	return 0, false
}

// carried says whether rest, the end of a line, is a record, rather than the whole line: some formats' lines begin with a time,
// and some know what may stand in front of them. Where that is also somebody's name (headed), rsyslog writes the like of it.
func (g *recogniser) carried(line, rest []byte, headed bool) bool {
	if i := skipBlank(rest, 0); i == len(rest) {
		return false
	} else if rest[i] == '{' {
		return true
	}
	less := 0
	if headed {
		less = 1
	}
	if g.hint == "" && g.last >= 0 && g.again(rest) { // as in recognise: objects seldom mix formats
		return g.reg.specs[g.last].Sniff(line)+less <= g.reg.specs[g.last].Sniff(rest)
	}
	if l, _ := runtimeLine(rest); l.stream != streamNone || g.isHeader(rest) {
		return true
	}
	if i, ok := g.reg.byName[g.hint]; ok && g.reg.specs[i].Sniff != nil {
		own := g.reg.specs[i].Sniff(line)
		return own == 0 || own+less <= g.reg.specs[i].Sniff(rest)
	}
	_, whole := g.reg.sniff(line, -1, nil)
	_, inner := g.reg.sniff(rest, -1, nil)
	return inner > 0 && inner >= whole+less || g.headed >= 0 && whole == 0
}
