package config

// Receiver is one place where alerts go: exactly one member is set.
type Receiver struct {
	Webhook *Webhook `yaml:"webhook" doc:"The alert's JSON, signed, to a URL."`
	Slack   *Slack   `yaml:"slack" doc:"A message to a Slack-format webhook."`
}

// Webhook posts the alert's JSON.
type Webhook struct {
	Name       string    `yaml:"name" doc:"Name of the receiver, as in metrics; a new name is a new consumer group, which starts with new alerts."`
	URL        Secret    `yaml:"url" doc:"Where to post: http or https."`
	URLFile    string    `yaml:"url_file" doc:"File that holds the URL."`
	Secret     Secret    `yaml:"secret" doc:"Key of the signature in the header Shrike-Signature; better in secret_file."`
	SecretFile string    `yaml:"secret_file" doc:"File that holds the key."`
	Severity   string    `yaml:"severity" doc:"The least severity that is sent: info, low, medium, high or critical."`
	TLS        ClientTLS `yaml:"tls" doc:"TLS to the receiver, other than with the system's authorities."`
}

func (w *Webhook) setDefaults() { w.Severity = "low" }

// Slack posts to a Slack-format incoming webhook.
type Slack struct {
	Name     string `yaml:"name" doc:"Name of the receiver, as in metrics; a new name is a new consumer group, which starts with new alerts."`
	URL      Secret `yaml:"url" doc:"The incoming webhook's URL, which is a secret; better in url_file."`
	URLFile  string `yaml:"url_file" doc:"File that holds the URL."`
	Severity string `yaml:"severity" doc:"The least severity that is sent: info, low, medium, high or critical."`
}

func (s *Slack) setDefaults() { s.Severity = "low" }

// Severities lists what severity may be, lowest first.
func severities() []string { return []string{"info", "low", "medium", "high", "critical"} }

func validateReceivers(c *checker, receivers []Receiver) {
	seen := map[string]bool{}
	for i, r := range receivers {
		at := item("receivers", i)
		switch {
		case r.Webhook != nil && r.Slack != nil:
			c.fail(at, "has two kinds; write two receivers")
		case r.Webhook != nil:
			w := r.Webhook
			at += ".webhook"
			c.name(at+".name", w.Name, seen)
			c.url(at+".url", w.URL, w.URLFile)
			c.secret(at+".secret", w.Secret, w.SecretFile)
			c.oneOf(at+".severity", w.Severity, severities()...)
			w.TLS.validate(c, at+".tls")
		case r.Slack != nil:
			at += ".slack"
			c.name(at+".name", r.Slack.Name, seen)
			c.url(at+".url", r.Slack.URL, r.Slack.URLFile)
			c.oneOf(at+".severity", r.Slack.Severity, severities()...)
		default:
			c.fail(at, "must name a kind of receiver: webhook or slack")
		}
	}
}
