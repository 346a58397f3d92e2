package config

// Listen says where the servers listen. What listens on other than loopback addresses asks for its token.
type Listen struct {
	Address          Address   `yaml:"address" doc:"The API and the console. They ask for the token in token_file wherever they listen."`
	IngestAddress    Address   `yaml:"ingest_address" doc:"HTTP ingest, POST /v1/logs/{format}."`
	MetricsAddress   Address   `yaml:"metrics_address" doc:"Metrics and health of every role: /metrics /healthz /readyz."`
	TokenFile        string    `yaml:"token_file" doc:"File that holds the API's token. Empty: data_dir/token, which is made at first start."`
	IngestTokenFile  string    `yaml:"ingest_token_file" doc:"File that holds the tokens of senders, one a line. Required unless ingest_address is a loopback address."`
	MetricsTokenFile string    `yaml:"metrics_token_file" doc:"File that holds the token for /metrics. Required unless metrics_address is a loopback address; health needs none."`
	Hosts            []string  `yaml:"hosts" doc:"Names besides localhost by which a loopback address may be called, for a proxy on this machine. Others are refused: a foreign page could make its name point here."`
	TLS              ServerTLS `yaml:"tls" doc:"TLS of all three."`
}

func (l *Listen) setDefaults() {
	l.Address, l.IngestAddress, l.MetricsAddress = "127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:9090"
}

func (l *Listen) validate(c *checker) {
	for _, a := range []struct {
		key  string
		addr Address
	}{{"address", l.Address}, {"ingest_address", l.IngestAddress}, {"metrics_address", l.MetricsAddress}} {
		if a.addr == "" {
			c.fail("listen."+a.key, "must not be empty")
		}
	}
	if !l.IngestAddress.Loopback() && l.IngestTokenFile == "" {
		c.fail("listen.ingest_address", "is not a loopback address: senders need a token, set ingest_token_file")
	}
	if !l.MetricsAddress.Loopback() && l.MetricsTokenFile == "" {
		c.fail("listen.metrics_address", "is not a loopback address: set metrics_token_file")
	}
	l.TLS.validate(c, "listen.tls")
	c.differ("listen.ingest_address", l.IngestAddress, "address", l.Address)
	c.differ("listen.metrics_address", l.MetricsAddress, "address", l.Address)
	c.differ("listen.metrics_address", l.MetricsAddress, "ingest_address", l.IngestAddress)
}
