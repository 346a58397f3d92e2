package config

// Kafka says which Kafka to use.
type Kafka struct {
	Brokers           []Address `yaml:"brokers" doc:"Addresses to start from, host:port. None: an embedded broker that keeps its data in data_dir."`
	Partitions        int       `yaml:"partitions" doc:"Partitions of each records topic that is created."`
	SignalsPartitions int       `yaml:"signals_partitions" doc:"Partitions of the topic signals, one correlating goroutine each. It cannot be changed once the topic exists."`
	Replication       int       `yaml:"replication" doc:"Replicas of each topic that is created."`
	Mechanism         string    `yaml:"mechanism" doc:"How to sign in: plain, scram-sha-256 or scram-sha-512. Empty: not at all."`
	User              string    `yaml:"user" doc:"User to sign in as."`
	Password          Secret    `yaml:"password" doc:"Its password; better in password_file."`
	PasswordFile      string    `yaml:"password_file" doc:"File that holds the password."`
	TLS               ClientTLS `yaml:"tls" doc:"TLS to the brokers."`
}

func (k *Kafka) setDefaults() { k.Partitions, k.SignalsPartitions, k.Replication = 2, 4, 1 }

// Embedded reports whether the broker runs inside this process.
func (k *Kafka) Embedded() bool { return len(k.Brokers) == 0 }

func (k *Kafka) validate(c *checker) {
	c.between("kafka.partitions", k.Partitions, 1, 1024)
	c.between("kafka.signals_partitions", k.SignalsPartitions, 1, 1024)
	c.between("kafka.replication", k.Replication, 1, 15)
	c.oneOf("kafka.mechanism", k.Mechanism, "", "plain", "scram-sha-256", "scram-sha-512")
	c.secret("kafka.password", k.Password, k.PasswordFile)
	k.TLS.validate(c, "kafka.tls")
	for i, b := range k.Brokers {
		c.dialled(item("kafka.brokers", i), b)
	}
	signsIn := k.User != "" || k.Password != "" || k.PasswordFile != ""
	switch {
	case k.Mechanism != "" && k.User == "":
		c.fail("kafka.mechanism", "needs user and password_file")
	case k.Mechanism == "" && signsIn:
		c.fail("kafka.user", "needs mechanism: plain, scram-sha-256 or scram-sha-512")
	}
	if k.Embedded() && (signsIn || k.Mechanism != "" || k.TLS.Enabled) {
		c.fail("kafka", "user, password, mechanism and tls are of use only with brokers")
	}
}

// ClickHouse says which ClickHouse to use.
type ClickHouse struct {
	Addresses          []Address `yaml:"addresses" doc:"Addresses of the native protocol, host:port. None: an embedded engine that keeps its data in data_dir."`
	Database           string    `yaml:"database" doc:"Database of all tables."`
	User               string    `yaml:"user" doc:"User that writes; the embedded engine makes its own."`
	Password           Secret    `yaml:"password" doc:"Its password; better in password_file."`
	PasswordFile       string    `yaml:"password_file" doc:"File that holds the password."`
	HunterUser         string    `yaml:"hunter_user" doc:"User that runs hunts, needed with addresses. It must not be able to write: a profile with readonly = 1."`
	HunterPassword     Secret    `yaml:"hunter_password" doc:"Its password; better in hunter_password_file."`
	HunterPasswordFile string    `yaml:"hunter_password_file" doc:"File that holds the hunter's password."`
	Compression        bool      `yaml:"compression" doc:"Compress what is sent (LZ4). Of use only across a network: on one machine it halves the throughput."`
	TLS                ClientTLS `yaml:"tls" doc:"TLS to ClickHouse."`
	Library            string    `yaml:"library" doc:"Path of libchdb.so for the embedded engine. Empty: SHRIKE_LIBCHDB, the cache folder, the system's library path."`
	Memory             Size      `yaml:"memory" doc:"Most memory that the embedded engine uses."`
}

func (h *ClickHouse) setDefaults() { h.Database, h.Memory = "shrike", 2<<30 }

// Embedded reports whether the engine is a child of this process.
func (h *ClickHouse) Embedded() bool { return len(h.Addresses) == 0 }

func (h *ClickHouse) validate(c *checker) {
	c.identifier("clickhouse.database", h.Database)
	c.secret("clickhouse.password", h.Password, h.PasswordFile)
	c.secret("clickhouse.hunter_password", h.HunterPassword, h.HunterPasswordFile)
	h.TLS.validate(c, "clickhouse.tls")
	c.size("clickhouse.memory", h.Memory, 256<<20, 1<<50)
	for i, a := range h.Addresses {
		c.dialled(item("clickhouse.addresses", i), a)
	}
	if h.Embedded() {
		if h.User != "" || h.HunterUser != "" || h.TLS.Enabled {
			c.fail("clickhouse", "user, hunter_user and tls are of use only with addresses")
		}
	} else {
		if h.Library != "" {
			c.fail("clickhouse.library", "is of use only without addresses")
		}
		if h.HunterUser == "" { // else hunts would run as a user who may more
			c.fail("clickhouse.hunter_user", "is needed with addresses: a user whose profile has readonly = 1")
		}
	}
	if h.User == "" && (h.Password != "" || h.PasswordFile != "") {
		c.fail("clickhouse.user", "a password needs a user")
	}
	if h.Embedded() && (h.HunterPassword != "" || h.HunterPasswordFile != "") {
		c.fail("clickhouse.hunter_user", "a password needs a user")
	}
}
