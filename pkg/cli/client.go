package cli

import (
	"crypto/tls"
	"net"
	"net/http"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/config"
)

// metricsURL is where a Shrike of this configuration on this machine serves health. Of port 0 the data folder knows which one it
// became.
func metricsURL(cfg *config.Config) string {
	if _, port, _ := net.SplitHostPort(string(cfg.Listen.MetricsAddress)); port == "0" {
		if e, err := app.ReadEndpoints(cfg.DataDir); err == nil {
			return e.MetricsURL
		}
	}
	return localURL(cfg, cfg.Listen.MetricsAddress)
}

// localURL is the URL of a server of ours on this machine: one that listens on all addresses is asked on loopback.
func localURL(cfg *config.Config, a config.Address) string {
	host, port, err := net.SplitHostPort(string(a))
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http://"
	if cfg.Listen.TLS.CertFile != "" {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, port)
}

// localClient calls our own servers on this machine. Their certificate names the machine to others, not as loopback,
// and no secret travels on health checks: the certificate is not verified.
func localClient() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}}}
}
