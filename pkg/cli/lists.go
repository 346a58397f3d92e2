package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/rule/awsranges"
)

func (s *shell) listsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "lists", Short: "Refresh the lists that rules name",
		Example: `  shrike lists aws-ranges --to my-rules/lists/ip-ranges.json`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_ = c.Help()
			return usage("say which: aws-ranges")
		},
	}
	c.AddCommand(s.rangesCommand())
	return c
}

func (s *shell) rangesCommand() *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use: "aws-ranges", Short: "Fetch the address ranges that AWS publishes", Args: cobra.NoArgs,
		Long: `Fetch the address ranges that AWS publishes, check them, and put them at once in the place of those that are there. What
is not that file, or is older than what is there, replaces nothing.

Rules reach them by a list, a file beside it (lists/aws-ec2.yml):

  id: aws-ec2
  title: Addresses of EC2
  aws_ranges: { file: ip-ranges.json, services: [EC2] }    # regions: [eu-central-1], too

and a condition such as inList(src_ip, "aws-ec2").`,
		Example: `  shrike lists aws-ranges --to my-rules/lists/ip-ranges.json
  shrike lists aws-ranges --from Downloads/ip-ranges.json --to my-rules/lists/ip-ranges.json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			return s.refreshRanges(ctx, http.DefaultClient, from, to)
		},
	}
	c.Flags().StringVar(&from, "from", awsranges.URL, "file or https URL to read")
	c.Flags().StringVar(&to, "to", "lists/ip-ranges.json", "file to replace")
	return c
}

func (s *shell) refreshRanges(ctx context.Context, client *http.Client, from, to string) error {
	if strings.Contains(from, "://") && !strings.HasPrefix(from, "https://") { // anybody on the way could write the list
		return usage("--from takes a file or an https URL, not %q", from)
	}
	text, err := readRanges(ctx, client, from)
	if err != nil {
		return &exit{exitInput, err}
	}
	file, err := awsranges.Parse(text)
	if err != nil {
		return &exit{exitInput, fmt.Errorf("%s: %w", from, err)}
	}
	if err := notOlder(file, to); err != nil {
		return err
	}
	if err := renameio.WriteFile(to, text, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	_, err = fmt.Fprintf(s.out, "%s: %d networks of %d services in %d regions, published %s\n", to, len(file.Of(nil, nil)),
		len(file.Services()), len(file.Regions()), published(file))
	return err
}

func published(f *awsranges.File) string { return time.Unix(f.SyncToken, 0).UTC().Format(time.RFC3339) }

// notOlder keeps an old copy from taking the place of a newer edition. What is there and cannot be read is no edition.
func notOlder(file *awsranges.File, to string) error {
	text, err := os.ReadFile(to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", to, err)
	}
	if there, err := awsranges.Parse(text); err == nil && there.SyncToken > file.SyncToken {
		return fmt.Errorf("%s is newer (published %s, this one %s): it stays; to go back, remove it first", to, published(there), published(file))
	}
	return nil
}

// readRanges reads a file, or what an https URL gives.
func readRanges(ctx context.Context, client *http.Client, from string) ([]byte, error) {
	if strings.HasPrefix(from, "https://") {
		return fetch(ctx, client, from)
	}
	f, err := os.Open(from)
	if err != nil {
		return nil, fmt.Errorf("read ranges: %w", err)
	}
	defer f.Close()
	return readBounded(f, from)
}

func fetch(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	strict := *client
	strict.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if r.URL.Scheme != "https" || len(via) > 5 {
			return fmt.Errorf("redirected to %s", r.URL.Redacted())
		}
		return nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch ranges: %w", err)
	}
	response, err := strict.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch ranges: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch ranges: %s answers %s", url, response.Status)
	}
	return readBounded(response.Body, url)
}

func readBounded(r io.Reader, from string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, awsranges.MaxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", from, err)
	case len(text) > awsranges.MaxFile:
		return nil, fmt.Errorf("read %s: it is larger than %d bytes", from, awsranges.MaxFile)
	}
	return text, nil
}
