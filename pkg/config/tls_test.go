package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// certificate writes a self-signed certificate for 127.0.0.1 and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestTLSOfBothSides(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	server, err := (&ServerTLS{CertFile: cert, KeyFile: key}).Config()
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }() // ends with Close below
	t.Cleanup(func() { _ = s.Close() })

	get := func(c ClientTLS) error {
		conf, err := c.Config()
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: conf}}
		resp, err := client.Get("https://" + l.Addr().String())
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	if err := get(ClientTLS{Enabled: true, CAFile: cert, CertFile: cert, KeyFile: key}); err != nil {
		t.Errorf("with the authority: %v", err)
	}
	if err := get(ClientTLS{Enabled: true}); err == nil {
		t.Error("a certificate of an unknown authority was trusted")
	}
}

func TestTLSFilesThatAreWrong(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	for name, conf := range map[string]interface{ Config() (*tls.Config, error) }{
		"missing authority": &ClientTLS{Enabled: true, CAFile: cert + "x"}, "key as authority": &ClientTLS{Enabled: true, CAFile: key},
		"key as certificate": &ServerTLS{CertFile: key, KeyFile: key}, "missing key": &ClientTLS{Enabled: true, CertFile: cert, KeyFile: key + "x"},
	} {
		if _, err := conf.Config(); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
	for name, conf := range map[string]interface{ Config() (*tls.Config, error) }{"client": &ClientTLS{}, "server": &ServerTLS{}} {
		if got, err := conf.Config(); got != nil || err != nil {
			t.Errorf("%s without TLS: %v, %v", name, got, err)
		}
	}
}
