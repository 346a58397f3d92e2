package app

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// token reads the token in the file; when there is no such file and make is set, it makes a token and writes it there,
// mode 0600.
func token(path string, make bool) (value string, made bool, err error) {
	data, err := os.ReadFile(path)
	switch {
	case err == nil:
		value = strings.TrimSpace(string(data))
		if value == "" {
			return "", false, fmt.Errorf("read token: %s is empty", path)
		}
		return value, false, nil
	case !errors.Is(err, fs.ErrNotExist) || !make:
		return "", false, fmt.Errorf("read token: %w", err)
	}
	value = newSecret()
	return value, true, writeSecret(path, []byte(value+"\n"))
}

// newSecret returns 256 random bits as text. crypto/rand never fails on the systems Go supports.
func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
