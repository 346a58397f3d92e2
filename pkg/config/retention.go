package config

import "time"

// Retention says how long data is kept: tables by event time, topics by the time a message was written.
type Retention struct {
	API        Duration       `yaml:"api" doc:"Table api."`
	Flow       Duration       `yaml:"flow" doc:"Table flow."`
	HTTP       Duration       `yaml:"http" doc:"Table http."`
	DNS        Duration       `yaml:"dns" doc:"Table dns."`
	Alerts     Duration       `yaml:"alerts" doc:"Table alerts."`
	DeadLetter Duration       `yaml:"dead_letter" doc:"Table dead_letter."`
	Topics     TopicRetention `yaml:"topics" doc:"The Kafka topics. It must outlast the longest outage of a stage, or data is lost."`
}

// TopicRetention says how long Kafka keeps messages.
type TopicRetention struct {
	Records    Duration `yaml:"records" doc:"The topics records.*, each."`
	Signals    Duration `yaml:"signals" doc:"Topic signals; at least as long as the longest window of a rule."`
	Alerts     Duration `yaml:"alerts" doc:"Topic alerts."`
	DeadLetter Duration `yaml:"dead_letter" doc:"Topic dead_letter."`
}

const day = Duration(24 * time.Hour)

func (r *Retention) setDefaults() {
	*r = Retention{
		API: 400 * day, Flow: 90 * day, HTTP: 90 * day, DNS: 90 * day, Alerts: 800 * day, DeadLetter: 30 * day,
		Topics: TopicRetention{Records: 3 * day, Signals: 3 * day, Alerts: 30 * day, DeadLetter: 7 * day},
	}
}

func (r *Retention) validate(c *checker) {
	// Beyond 100 years now - retention leaves the range of DateTime64(9).
	const least, most = day, 36500 * day
	c.duration("retention.api", r.API, least, most)
	c.duration("retention.flow", r.Flow, least, most)
	c.duration("retention.http", r.HTTP, least, most)
	c.duration("retention.dns", r.DNS, least, most)
	c.duration("retention.alerts", r.Alerts, least, most)
	c.duration("retention.dead_letter", r.DeadLetter, least, most)
	const hour = Duration(time.Hour)
	c.duration("retention.topics.records", r.Topics.Records, hour, most)
	c.duration("retention.topics.signals", r.Topics.Signals, hour, most)
	c.duration("retention.topics.alerts", r.Topics.Alerts, hour, most)
	c.duration("retention.topics.dead_letter", r.Topics.DeadLetter, hour, most)
}

// Limits bounds what Shrike takes and uses.
type Limits struct {
	Record     Size     `yaml:"record" doc:"Longest record; a longer one is a dead letter. It must fit into a Kafka message."`
	Body       Size     `yaml:"body" doc:"Longest body of one ingest request as sent; what is compressed may be 16 times that."`
	Disk       float64  `yaml:"disk" doc:"Share of the disk in use from which on ingest answers 429 and an alert says so."`
	Keys       int      `yaml:"keys" doc:"Most groups that one rule tracks in one shard; the stalest go first."`
	State      Size     `yaml:"state" doc:"Most memory for the groups of one shard."`
	HuntTime   Duration `yaml:"hunt_time" doc:"Longest run of one hunt."`
	HuntMemory Size     `yaml:"hunt_memory" doc:"Most memory of one hunt."`
	HuntRows   int      `yaml:"hunt_rows" doc:"Most rows that one hunt returns."`
}

func (l *Limits) setDefaults() {
	*l = Limits{
		Record: 900_000, Body: 64 << 20, Disk: 0.9, Keys: 1_000_000, State: 256 << 20,
		HuntTime: Duration(30 * time.Second), HuntMemory: 1 << 30, HuntRows: 10_000,
	}
}

func (l *Limits) validate(c *checker) {
	c.size("limits.record", l.Record, 1_000, 900_000)
	c.size("limits.body", l.Body, l.Record, 4<<30)
	if !(l.Disk > 0 && l.Disk <= 1) { // also refuses NaN
		c.fail("limits.disk", "must be over 0 and at most 1")
	}
	c.between("limits.keys", l.Keys, 1_000, 1_000_000_000)
	c.size("limits.state", l.State, 1<<20, 1<<40)
	c.duration("limits.hunt_time", l.HuntTime, Duration(time.Second), Duration(time.Hour))
	c.size("limits.hunt_memory", l.HuntMemory, 1<<20, 1<<50)
	c.between("limits.hunt_rows", l.HuntRows, 1, 100_000_000)
}
