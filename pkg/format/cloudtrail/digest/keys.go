package digest

import (
	"bytes"
	"crypto"
	"crypto/md5" // CloudTrail names keys so; it proves nothing
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Keys are the public keys that digests may be signed with. The zero value has none: signatures are not looked at.
type Keys struct {
	all    []*rsa.PublicKey
	byName map[string]*rsa.PublicKey // by fingerprint
}

// ReadKeys reads the public keys in a file, for which see ParseKeys; path "" has none.
func ReadKeys(path string) (Keys, error) {
	if path == "" {
		return Keys{}, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Keys{}, fmt.Errorf("read digest keys: %w", err)
	}
	k, err := ParseKeys(text)
	if err != nil {
		return Keys{}, fmt.Errorf("read digest keys %s: %w", path, err)
	}
	return k, nil
}

// ParseKeys reads public keys: the answer of `aws cloudtrail list-public-keys`, PEM blocks, or base64 or plain DER,
// each in PKCS #1 as CloudTrail has them or in PKIX.
func ParseKeys(in []byte) (Keys, error) {
	k := Keys{byName: map[string]*rsa.PublicKey{}}
	in = bytes.TrimSpace(in)
	if len(in) > 0 && in[0] == '{' {
		return k, k.list(in)
	}
	for rest, some := in, false; ; some = true {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if some {
				return k, nil
			}
			break
		}
		if err := k.add(block.Bytes); err != nil {
			return Keys{}, err
		}
	}
	if der, err := base64.StdEncoding.DecodeString(string(in)); err == nil {
		in = der
	}
	return k, k.add(in)
}

func (k *Keys) list(in []byte) error {
	var answer struct {
		PublicKeyList []struct{ Value, Fingerprint string }
	}
	if err := json.Unmarshal(in, &answer); err != nil {
		return fmt.Errorf("parse public keys: %w", err)
	}
	if len(answer.PublicKeyList) == 0 {
		return errors.New("parse public keys: PublicKeyList is missing or empty")
	}
	for _, p := range answer.PublicKeyList {
		der, err := base64.StdEncoding.DecodeString(p.Value)
		if err != nil {
			return fmt.Errorf("parse public key %s: %w", p.Fingerprint, err)
		}
		if err := k.add(der); err != nil {
			return err
		}
		k.byName[strings.ToLower(p.Fingerprint)] = k.all[len(k.all)-1]
	}
	return nil
}

func (k *Keys) add(der []byte) error {
	key, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		other, err2 := x509.ParsePKIXPublicKey(der)
		var ok bool
		if key, ok = other.(*rsa.PublicKey); err2 != nil || !ok {
			return fmt.Errorf("parse public key: no RSA key in PEM, base64 or DER: %w", err)
		}
	}
	name := md5.Sum(der)
	k.byName[hex.EncodeToString(name[:])] = key
	k.all = append(k.all, key)
	return nil
}

// of returns the keys to try for a fingerprint: that key, or all when none has the name.
func (k *Keys) of(fingerprint string) []*rsa.PublicKey {
	if key := k.byName[strings.ToLower(fingerprint)]; key != nil {
		return []*rsa.PublicKey{key}
	}
	return k.all
}

// verify reports whether the signature of the text is of one of the keys.
func (k *Keys) verify(fingerprint string, text []byte, signature string) bool {
	sign, err := hex.DecodeString(signature)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(text)
	for _, key := range k.of(fingerprint) {
		if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sign) == nil {
			return true
		}
	}
	return false
}
