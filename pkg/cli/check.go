package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
)

func (s *shell) checkCommand() *cobra.Command {
	var print, reference bool
	c := &cobra.Command{
		Use: "check", Short: "Check the configuration, the rules it names and the files it points to", Args: cobra.NoArgs,
		Example: `  shrike check --config shrike.yml           say what is wrong, with file, line and column
  shrike check --config shrike.yml --print   the settings in effect, secrets hidden
  shrike check --reference                   every key, its type, default and meaning, as Markdown`,
		RunE: func(*cobra.Command, []string) error {
			if reference {
				_, err := fmt.Fprint(s.out, config.Reference())
				return err
			}
			cfg, err := s.config()
			if err != nil {
				return err
			}
			set, err := app.Rules(cfg)
			if err != nil {
				return &exit{exitUsage, err}
			}
			if err := errors.Join(checkSources(cfg), checkFiles(cfg)); err != nil {
				return &exit{exitUsage, err}
			}
			if print {
				_, err := s.out.Write(cfg.YAML())
				return err
			}
			if len(set.Rules()) == 0 {
				fmt.Fprintln(s.err, "there are no rules, so nothing can alert: a rule is a file <id>.yml in a folder of rules.paths")
			}
			_, err = fmt.Fprintf(s.out, "configuration is good: %s, %s, %s\n",
				counted(len(set.Rules()), "rule"), counted(len(cfg.Sources), "source"), counted(len(cfg.Receivers), "receiver"))
			return err
		},
	}
	c.Flags().BoolVar(&print, "print", false, "print every setting in effect, secrets hidden")
	c.Flags().BoolVar(&reference, "reference", false, "print the reference of all keys")
	return c
}

// checkSources makes sure that the formats that sources name exist, and reads the keys that they point to.
func checkSources(cfg *config.Config) error {
	formats := builtin.Formats()
	var wrong []error
	for _, src := range cfg.Sources {
		if name := src.File.Format; name != "" {
			if _, ok := formats.Spec(name); !ok {
				wrong = append(wrong, fmt.Errorf("source %s: no format is named %q", src.File.Name, name))
			}
		}
		if _, err := digest.ReadKeys(src.File.DigestKeysFile); err != nil {
			wrong = append(wrong, fmt.Errorf("source %s: %w", src.File.Name, err))
		}
	}
	return errors.Join(wrong...)
}

// checkFiles reads what the configuration points to, as the services will: secrets and certificates.
func checkFiles(cfg *config.Config) error {
	type secret struct {
		value config.Secret
		file  string
	}
	secrets := []secret{
		{cfg.Kafka.Password, cfg.Kafka.PasswordFile},
		{cfg.ClickHouse.Password, cfg.ClickHouse.PasswordFile},
		{cfg.ClickHouse.HunterPassword, cfg.ClickHouse.HunterPasswordFile},
		{"", cfg.Listen.TokenFile}, {"", cfg.Listen.IngestTokenFile}, {"", cfg.Listen.MetricsTokenFile},
	}
	clients := []config.ClientTLS{cfg.Kafka.TLS, cfg.ClickHouse.TLS}
	for _, r := range cfg.Receivers {
		if r.Webhook != nil {
			secrets = append(secrets, secret{r.Webhook.URL, r.Webhook.URLFile}, secret{r.Webhook.Secret, r.Webhook.SecretFile})
			clients = append(clients, r.Webhook.TLS)
		}
		if r.Slack != nil {
			secrets = append(secrets, secret{r.Slack.URL, r.Slack.URLFile})
		}
	}
	_, err := cfg.Listen.TLS.Config()
	wrong := []error{err}
	for _, x := range secrets {
		_, err := config.ReadSecret(x.value, x.file)
		wrong = append(wrong, err)
	}
	for _, t := range clients {
		_, err := t.Config()
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}
