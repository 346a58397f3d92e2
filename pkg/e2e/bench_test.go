package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/app"
)

// BenchmarkWholeWay measures HTTP in → Kafka → store and detect → ClickHouse and alerts out, engines embedded, on all
// formats mixed as a company has them: records a second from the first post to the last row, per operation one day.
func BenchmarkWholeWay(b *testing.B) {
	const n = 200_000
	for b.Loop() {
		b.StopTimer()
		r := newReceiver(b)
		cfg := parse(b, fmt.Sprintf(`
data_dir: %s
listen: { address: "127.0.0.1:0", ingest_address: "127.0.0.1:0", metrics_address: "127.0.0.1:0" }
receivers: [ { webhook: { name: bench, url: "%s", secret: "%s" } } ]
`, b.TempDir(), r.URL, webhookSecret))
		a, stop := run(b, cfg, app.AllRoles())
		w := newWorkload(b, 3, n)
		s := open(b, a)
		b.StartTimer()
		began := time.Now()
		bodies := make(chan body)
		var senders sync.WaitGroup
		for range 4 { // one alone waits for Kafka most of its time
			senders.Go(func() {
				for body := range bodies {
					post(b, a.Endpoints().IngestURL, body)
				}
			})
		}
		for _, body := range w.bodies {
			bodies <- body
		}
		close(bodies)
		senders.Wait()
		taken := time.Since(began)
		until(b, 5*time.Minute, "every record stored", func() (bool, string) { return accounted(b, s, w.records) })
		stored := time.Since(began)
		b.StopTimer()
		b.ReportMetric(float64(w.records)/taken.Seconds(), "records-taken/s")
		b.ReportMetric(float64(w.records)/stored.Seconds(), "records-stored/s")
		stop()
		b.StartTimer()
	}
}

// BenchmarkAlertLatency measures one record's way from HTTP ingest (its post begins) to the webhook that receives its
// alert, everything else idle; per operation one alert.
func BenchmarkAlertLatency(b *testing.B) {
	r := newReceiver(b)
	cfg := parse(b, fmt.Sprintf(`
data_dir: %s
listen: { address: "127.0.0.1:0", ingest_address: "127.0.0.1:0", metrics_address: "127.0.0.1:0" }
receivers: [ { webhook: { name: bench, url: "%s", secret: "%s" } } ]
`, b.TempDir(), r.URL, webhookSecret))
	a := start(b, cfg, app.AllRoles())
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		account := fmt.Sprintf("%012d", 480_000_000_000+len(took))
		post(b, a.Endpoints().IngestURL, rootSignIn(account, began))
		for !r.heardOf(account) {
			r.wait(b, 10*time.Second)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99-ms")
}

// rootSignIn is one console sign-in of an account's root user, the shortest way to an alert.
func rootSignIn(account string, at time.Time) body {
	raw := fmt.Sprintf(`{"eventVersion":"1.11","eventTime":"%s","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin",`+
		`"awsRegion":"us-east-1","sourceIPAddress":"203.0.113.44","userAgent":"Mozilla/5.0","eventID":"bench-%s","eventType":"AwsConsoleSignIn",`+
		`"userIdentity":{"type":"Root","principalId":"%s","arn":"arn:aws:iam::%s:root","accountId":"%s"},"recipientAccountId":"%s",`+
		`"responseElements":{"ConsoleLogin":"Success"},"additionalEventData":{"MFAUsed":"Yes"}}`+"\n",
		at.UTC().Format(time.RFC3339), account, account, account, account, account)
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	_, _ = z.Write([]byte(raw))
	_ = z.Close()
	return body{format: "cloudtrail", gz: gz.Bytes(), n: 1}
}
