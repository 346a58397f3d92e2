package bus_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/shrike-sec/shrike/pkg/bus"
)

// Every request and the group protocol go through TLS and SASL, and nobody gets in without the password.
func TestAuthentication(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // lends its certificate for 127.0.0.1
	t.Cleanup(web.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(web.Certificate())
	for name, mechanism := range map[string]string{"plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser(mechanism, "shrike", "secret"),
				kfake.TLS(&tls.Config{Certificates: web.TLS.Certificates}))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(cluster.Close)
			ctx := within(t, 30*time.Second)
			cfg := bus.Config{Brokers: cluster.ListenAddrs(), TLS: &tls.Config{RootCAs: trusted}, User: "shrike", Password: "wrong", Mechanism: name}
			stranger, err := bus.New(cfg, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = stranger.Close() })
			if err := stranger.Ping(ctx); err == nil {
				t.Error("ping with a wrong password: got no error")
			}
			cfg.Password = "secret"
			c, err := bus.New(cfg, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			if err := c.EnsureTopics(ctx, []bus.Topic{{Name: "records.api"}}); err != nil {
				t.Fatal(err)
			}
			if err := c.NewProducer(bus.ProducerOptions{}).Send(ctx, bus.Message{Topic: "records.api", Value: []byte("v")}); err != nil {
				t.Fatal(err)
			}
			groupCtx, leave := context.WithCancel(ctx)
			err = c.RunGroup(groupCtx, "store", []string{"records.api"}, func(ctx context.Context, claim *bus.Claim) error {
				defer leave()
				m, err := c.NewReader(claim.Topic, claim.Partition, 0).Read(ctx)
				if err != nil || string(m.Value) != "v" {
					t.Errorf("read: got %q, %v", m.Value, err)
				}
				return claim.Commit(ctx, 1, "")
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := bus.New(bus.Config{Brokers: []string{"127.0.0.1:9"}, Mechanism: "gssapi"}, nil); err == nil {
		t.Error("unknown mechanism: got no error")
	}
}
