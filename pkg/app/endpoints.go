package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Endpoints is where a running Shrike can be reached. `run` writes it to the data folder, mode 0600, so that the other
// commands find the embedded engines; it is removed at a clean stop.
type Endpoints struct {
	Pid                int      `json:"pid"`
	KafkaBrokers       []string `json:"kafka_brokers"`
	ClickHouse         string   `json:"clickhouse"`
	ClickHouseDatabase string   `json:"clickhouse_database"`
	ServiceUser        string   `json:"service_user"`
	ServicePassword    string   `json:"service_password"`
	HunterUser         string   `json:"hunter_user"`
	HunterPassword     string   `json:"hunter_password"`
	APIURL             string   `json:"api_url"`
	IngestURL          string   `json:"ingest_url"`
	MetricsURL         string   `json:"metrics_url"`
	TokenFile          string   `json:"token_file"`
}

func endpointsFile(dataDir string) string { return filepath.Join(dataDir, "run.json") }

// ReadEndpoints returns where the Shrike that runs on dataDir can be reached.
func ReadEndpoints(dataDir string) (*Endpoints, error) {
	data, err := os.ReadFile(endpointsFile(dataDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("nothing runs here: start `shrike run`, or configure kafka.brokers and clickhouse.addresses (data folder %s)", dataDir)
	}
	if err != nil {
		return nil, fmt.Errorf("read endpoints: %w", err)
	}
	var e Endpoints
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("read endpoints from %s: %w", endpointsFile(dataDir), err)
	}
	return &e, nil
}

func (e *Endpoints) write(dataDir string) error {
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("encode endpoints: %w", err)
	}
	return writeSecret(endpointsFile(dataDir), append(data, '\n'))
}

// writeSecret replaces the file at once, readable by its owner only.
func writeSecret(path string, data []byte) error {
	if err := renameio.WriteFile(path, data, 0o600, renameio.WithStaticPermissions(0o600)); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
