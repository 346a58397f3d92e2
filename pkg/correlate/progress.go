package correlate

// Progress is how far an engine has come: what a restart needs beside the frames, so that what was decided once (a bucket of
// a baseline closed, a silence told) is neither decided again nor with another outcome.
type Progress struct {
	Offset    int64 `json:"offset"`    // first signals offset that was not applied
	From      int64 `json:"from"`      // first offset to apply again; at most Offset
	Watermark int64 `json:"watermark"` // Unix nanoseconds, MinInt64: unknown
	Clock     int64 `json:"clock"`     // likewise, where all origins are idle
	Alerts    int64 `json:"alerts"`    // likewise, for rules over alerts
	Next      Mark  `json:"next"`      // what Watermark will be

	Slowest *Slowest `json:"slowest,omitempty"` // what holds Watermark, as in Stats: for people to read
}

// Mark is a watermark as it was at a time by the clock, both in Unix nanoseconds.
type Mark struct {
	Watermark int64 `json:"watermark"`
	At        int64 `json:"at"`
}

// Progress returns how far the engine has come when all frames below offset were applied. While it still replays, that is
// what Resume was given.
func (g *Engine) Progress(offset int64) Progress {
	if g.replays {
		return g.progress
	}
	p := Progress{Offset: offset, From: offset, Watermark: g.origins.watermark, Clock: g.origins.clock, Alerts: g.origins.alerts, Next: g.origins.next}
	p.Slowest, _ = g.origins.stragglers()
	for _, k := range g.order {
		if s, ok := k.kind.(settler); ok {
			if from, some := s.needs(); some {
				p.From = min(p.From, from)
			}
		}
	}
	return p
}

// Resume is called before all else on an engine that goes on where another, or a run before, had come: frames below p.Offset
// only rebuild state.
func (g *Engine) Resume(p Progress) {
	g.replays, g.progress = true, p
	for _, k := range g.order {
		if s, ok := k.kind.(settler); ok {
			s.resume(g.resumedAt(k))
		}
	}
}

// resumedAt is how far time had come for a rule where the replay ends.
func (g *Engine) resumedAt(k *slot) times {
	t := times{watermark: g.progress.Watermark, clock: g.progress.Clock}
	if k.rule.OverAlerts() {
		t.watermark = g.progress.Alerts
	}
	return t
}

// caughtUp ends the replay. Time is where it had been: a replay that begins in the middle may not have met the frame that took
// it on, nor heard of the origin that held it back. What is decided by it was decided before, so nothing comes of it but that
// what is late is known for late.
func (g *Engine) caughtUp(out *Result) {
	g.replays = false
	g.origins.resume(g.progress)
	g.decide(out)
}
