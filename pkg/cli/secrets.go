package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/app"
)

func (s *shell) initCommand() *cobra.Command {
	var o app.SecretsOptions
	c := &cobra.Command{
		Use: "init", Short: "Make the secrets of a container deployment", Args: cobra.NoArgs,
		Long: `Make the secrets of a container deployment, mode 0600: passwords, tokens, and ClickHouse's users with the hashes of their
passwords. What is there stays, so it may run at every start.`,
		Example: `  shrike init --secrets /run/shrike --clickhouse-users /etc/clickhouse-users
  shrike init --secrets /run/shrike --clickhouse-users /etc/clickhouse-users --owner 65532 --clickhouse-owner 101`,
		RunE: func(*cobra.Command, []string) error {
			made, err := app.MakeSecrets(o)
			for _, name := range made {
				fmt.Fprintf(s.out, "made %s\n", name)
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.Dir, "secrets", "", "folder for Shrike's secrets")
	f.StringVar(&o.ClickHouseUsers, "clickhouse-users", "", "folder for ClickHouse's users")
	f.IntVar(&o.Owner, "owner", -1, "user id that owns Shrike's secrets")
	f.IntVar(&o.ClickHouseOwner, "clickhouse-owner", -1, "user id that owns ClickHouse's users")
	_ = c.MarkFlagRequired("secrets") // fails only for flags that do not exist
	_ = c.MarkFlagRequired("clickhouse-users")
	return c
}

func (s *shell) tokenCommand() *cobra.Command {
	var ingest bool
	c := &cobra.Command{
		Use: "token", Short: "Print the API's token, or the senders'", Args: cobra.NoArgs,
		Example: `  shrike token
  shrike token --ingest --config shrike.yml`,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := s.config()
			if err != nil {
				return err
			}
			file := cfg.TokenFile()
			if ingest {
				if file = cfg.Listen.IngestTokenFile; file == "" {
					return usage("listen.ingest_token_file is not configured: senders need no token")
				}
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return fmt.Errorf("read token: %w (it is made at the first `shrike run` or `shrike init`)", err)
			}
			fmt.Fprintln(s.out, strings.TrimSpace(string(data)))
			return nil
		},
	}
	c.Flags().BoolVar(&ingest, "ingest", false, "the senders' token")
	return c
}
