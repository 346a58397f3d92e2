package clickhouse_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
)

// BenchmarkInsert is what the relay costs: blocks of 20,000 rows of 1 kB, which a table that keeps nothing takes, over the
// relay and past it.
func BenchmarkInsert(b *testing.B) {
	clickhousetest.Need(b)
	s := start(b, clickhousetest.Options(b.TempDir()))
	query(b, s, "CREATE TABLE sink (n UInt64, raw String) ENGINE = Null")
	rng := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // text to send
	raw := make([]string, 20_000)
	numbers := make([]uint64, len(raw))
	for i := range raw {
		var text strings.Builder
		for text.Len() < 1000 {
			text.WriteByte(byte('a' + rng.IntN(16)))
		}
		raw[i], numbers[i] = text.String(), uint64(i)
	}
	for _, way := range []struct{ name, addr string }{{"relayed", s.Addr()}, {"direct", s.Direct()}} {
		b.Run(way.name, func(b *testing.B) {
			conn, err := driver.Open(&driver.Options{
				Addr: []string{way.addr}, Auth: driver.Auth{Username: clickhouse.ServiceUser, Password: s.Password()},
				Compression: &driver.Compression{Method: driver.CompressionLZ4},
			})
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			b.SetBytes(int64(len(raw) * 1008))
			for b.Loop() {
				batch, err := conn.PrepareBatch(b.Context(), "INSERT INTO sink")
				if err != nil {
					b.Fatal(err)
				}
				if err := batch.Column(0).Append(numbers); err != nil {
					b.Fatal(err)
				}
				if err := batch.Column(1).Append(raw); err != nil {
					b.Fatal(err)
				}
				if err := batch.Send(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
