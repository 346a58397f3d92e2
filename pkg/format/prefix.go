package format

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
	return false, nil
}
