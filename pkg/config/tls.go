package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// ClientTLS is TLS to a server.
type ClientTLS struct {
	Enabled  bool   `yaml:"enabled" doc:"Use TLS."`
	CAFile   string `yaml:"ca_file" doc:"PEM file of the authorities to trust. Empty: the system's."`
	CertFile string `yaml:"cert_file" doc:"PEM file of the client's own certificate."`
	KeyFile  string `yaml:"key_file" doc:"PEM file of its key."`
}

func (t *ClientTLS) validate(c *checker, at string) {
	if !t.Enabled && (t.CAFile != "" || t.CertFile != "" || t.KeyFile != "") {
		c.fail(at, "has files but not enabled: true")
	}
	c.pair(at, t.CertFile, t.KeyFile)
}

// Config reads the files; nil when TLS is not enabled.
func (t *ClientTLS) Config() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read certificate authorities: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read certificate authorities: no certificate in %s", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("load client certificate: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// ServerTLS is TLS of a server of ours.
type ServerTLS struct {
	CertFile string `yaml:"cert_file" doc:"PEM file of the certificate and its chain. Empty: no TLS."`
	KeyFile  string `yaml:"key_file" doc:"PEM file of its key."`
}

func (t *ServerTLS) validate(c *checker, at string) { c.pair(at, t.CertFile, t.KeyFile) }

// Config reads the files; nil when there are none.
func (t *ServerTLS) Config() (*tls.Config, error) {
	if t.CertFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("load server certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
}
