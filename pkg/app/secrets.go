package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
)

// SecretsOptions says where the secrets of a container deployment go and who reads them.
type SecretsOptions struct {
	Dir             string // secrets for Shrike's own containers
	ClickHouseUsers string // users.d folder of the ClickHouse container
	Owner           int    // user id of Shrike's containers; -1 leaves files to whoever runs this
	ClickHouseOwner int    // user id of the ClickHouse container; -1 likewise
}

// SecretFiles lists the secrets that MakeSecrets writes to Dir.
func SecretFiles() []string {
	return []string{"clickhouse_password", "hunter_password", "token", "ingest_token", "metrics_token"}
}

// MakeSecrets writes random secrets, mode 0600, and ClickHouse's users with the hashes of their passwords. What is there
// stays: it may be run at every start. It returns the names of the secrets it made.
func MakeSecrets(o SecretsOptions) (made []string, err error) {
	values := make(map[string]string)
	for _, name := range SecretFiles() {
		path := filepath.Join(o.Dir, name)
		value, isNew, err := token(path, true)
		if err != nil {
			return made, err
		}
		if isNew {
			made = append(made, name)
		}
		if err := give(path, o.Owner); err != nil {
			return made, err
		}
		values[name] = value
	}
	if err := give(o.Dir, o.Owner); err != nil {
		return made, err
	}
	users := filepath.Join(o.ClickHouseUsers, "shrike.xml")
	if _, err := os.Stat(users); errors.Is(err, fs.ErrNotExist) {
		xml := clickhouse.Users(clickhouse.Options{}, values["clickhouse_password"], values["hunter_password"])
		if err := writeSecret(users, xml); err != nil {
			return made, err
		}
	}
	if err := give(users, o.ClickHouseOwner); err != nil {
		return made, err
	}
	return made, give(o.ClickHouseUsers, o.ClickHouseOwner)
}

func give(path string, owner int) error {
	if owner < 0 {
		return nil
	}
	if err := os.Chown(path, owner, owner); err != nil {
		return fmt.Errorf("give %s to user %d: %w", path, owner, err)
	}
	return nil
}
