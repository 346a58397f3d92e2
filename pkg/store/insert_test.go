package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

// plain returns an event of the class at the offset, a function of the offset alone.
func plain(class event.Class, r Range, offset int64, at time.Time) *event.Event {
	e := &event.Event{}
	e.Reset(class, &record.Record{Raw: []byte(strings.Repeat(fmt.Sprintf("record %d of %s; ", offset, r.Topic), 20))})
	e.Position = record.Position{Epoch: r.Epoch, Topic: r.Topic, Partition: r.Partition, Offset: offset}
	e.UID = event.UID{byte(offset >> 16), byte(offset >> 8), byte(offset)}
	// Three days in one range: three parts, stored one by one.
	e.SetUnixNano(event.EventTime, at.Add(-time.Duration(offset%3)*24*time.Hour).UnixNano())
	e.SetUnixNano(event.ReceivedTime, at.UnixNano())
	e.SetText(event.Source, "test")
	e.SetText(event.AccountID, fmt.Sprint(offset%7))
	return e
}

// mixed fills a batch so that every kind of outcome is in it: events of two classes, dead letters, controls, a hole.
func mixed(r Range, at time.Time) *Batch {
	b := NewBatch(r)
	for o := r.From; o < r.To; o++ {
		switch o % 10 {
		case 7:
			b.DeadLetter(&record.DeadLetter{Record: record.Record{Raw: []byte("?"), Received: at, Origin: record.Origin{Source: "test"}}, Reason: record.ReasonSyntax}, o)
		case 8:
			b.Control(o)
		case 9:
			b.Hole(o, o+1)
		case 3:
			b.Event(plain(event.HTTP, r, o, at))
		default:
			e := plain(event.API, r, o, at)
			b.Event(e)
			if o%10 == 4 { // two events of one record
				e.Idx = 1
				b.Event(e)
			}
		}
	}
	return b
}

// rows returns how often each (offset, idx) of the topic is stored, over all tables.
func rowCounts(t testing.TB, server *clickhouse.Server, database, topic string) map[string]string {
	t.Helper()
	var parts []string
	for _, table := range rowTables() {
		parts = append(parts, fmt.Sprintf("SELECT '%s' AS t, `offset` AS o, idx FROM %s.%s WHERE topic = '%s'", table, database, table, topic))
	}
	got, err := clickhousetest.Query(server, "SELECT concat(t, ' ', toString(o), ' ', toString(idx)) AS k, count() FROM ("+strings.Join(parts, " UNION ALL ")+") GROUP BY k FORMAT TSV")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]string{}
	for line := range strings.SplitSeq(got, "\n") {
		if k, n, ok := strings.Cut(line, "\t"); ok {
			counts[k] = n
		}
	}
	return counts
}

func wantRows(r Range) map[string]bool {
	want := map[string]bool{}
	for o := r.From; o < r.To; o++ {
		switch o % 10 {
		case 7:
			want[fmt.Sprintf("dead_letter %d 0", o)] = true
		case 8, 9:
		case 3:
			want[fmt.Sprintf("http %d 0", o)] = true
		case 4:
			want[fmt.Sprintf("api %d 1", o)] = true
			fallthrough
		default:
			want[fmt.Sprintf("api %d 0", o)] = true
		}
	}
	return want
}

// checkOnce fails unless exactly the rows of the range are stored, each once.
func checkOnce(t testing.TB, counts map[string]string, want map[string]bool) {
	t.Helper()
	missing, extra, twice := 0, 0, 0
	for k := range want {
		if counts[k] == "" {
			missing++
		}
	}
	for k, n := range counts {
		if !want[k] {
			extra++
		}
		if n != "1" {
			twice++
		}
	}
	if missing+extra+twice > 0 {
		t.Errorf("of %d rows %d are missing, %d are there more than once, %d do not belong there", len(want), missing, twice, extra)
	}
}

func TestSameRangeTwiceIsStoredOnce(t *testing.T) {
	t.Parallel()
	s, d := migrated(t)
	now := time.Now()
	r := Range{Epoch: 7, Topic: "records.api", Partition: 1, From: 100, To: 400}
	for _, verify := range []bool{false, false, true, true} {
		if err := s.Insert(t.Context(), mixed(r, now), verify); err != nil {
			t.Fatal(err)
		}
		checkOnce(t, rowCounts(t, d.Server, d.Name, r.Topic), wantRows(r))
	}
	if n := one(t, d, "SELECT count() FROM "+d.Name+".coverage"); n != "1" {
		t.Errorf("got %s coverage rows, want 1", n)
	}
	// One block: a part a table and day, whatever the settings that squash or split by default.
	if n := one(t, d, "SELECT count() FROM system.parts WHERE database='"+d.Name+"' AND table='api' AND level=0 AND active"); n != "3" {
		t.Errorf("got %s parts, want one a day: 3", n)
	}
	other := r
	other.Epoch++ // a recreated topic does not meet the old tokens
	if err := s.Insert(t.Context(), mixed(other, now), false); err != nil {
		t.Fatal(err)
	}
	if n := one(t, d, "SELECT uniqExact(epoch) FROM "+d.Name+".api"); n != "2" {
		t.Errorf("got %s epochs, want 2", n)
	}
}

// What crashes between the token's log and the part leave behind: a token that is known and rows that are not there.
func TestKnownTokenWithoutRows(t *testing.T) {
	t.Parallel()
	s, d := migrated(t)
	now := time.Now()
	r := Range{Epoch: 7, Topic: "records.api", Partition: 1, From: 100, To: 400}
	if err := s.Insert(t.Context(), mixed(r, now), false); err != nil {
		t.Fatal(err)
	}
	for _, lose := range []string{
		"ALTER TABLE api DROP PARTITION " + now.UTC().Format("20060102"), // a part of the range
		"TRUNCATE TABLE api", // all of it
		"TRUNCATE TABLE api", // and what mending brought, so r1 is known too
		"ALTER TABLE coverage DELETE WHERE 1 SETTINGS mutations_sync = 1",
	} {
		if err := s.exec(t.Context(), lose); err != nil {
			t.Fatal(err)
		}
		if err := s.Insert(t.Context(), mixed(r, now), true); err != nil {
			t.Fatal(err)
		}
		checkOnce(t, rowCounts(t, d.Server, d.Name, r.Topic), wantRows(r))
		if n := one(t, d, "SELECT count() FROM "+d.Name+".coverage"); n != "1" {
			t.Errorf("after %s: got %s coverage rows, want 1", lose, n)
		}
	}
}

// A range that a parser of another version stored in part is completed by offset: what it made of a record stays.
func TestOtherParsersRangeIsNotStoredAgain(t *testing.T) {
	t.Parallel()
	s, d := migrated(t)
	now := time.Now()
	r := Range{Epoch: 1, Topic: "records.api", From: 0, To: 20}
	old := NewBatch(r)
	for o := range int64(10) { // it died between its tables: offsets from 10 are not stored
		old.Event(plain(event.API, r, o, now))
	}
	old.place()
	if err := s.send(t.Context(), r, &old.classes[event.API].block, nil, r.token()); err != nil {
		t.Fatal(err)
	}
	b := NewBatch(r)
	for o := range int64(20) { // this one reads even offsets as http
		class := event.API
		if o%2 == 0 {
			class = event.HTTP
		}
		b.Event(plain(class, r, o, now))
	}
	if err := s.Insert(t.Context(), b, true); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for o := range 20 {
		if o%2 == 0 && o >= 10 {
			want[fmt.Sprintf("http %d 0", o)] = true
		} else {
			want[fmt.Sprintf("api %d 0", o)] = true
		}
	}
	checkOnce(t, rowCounts(t, d.Server, d.Name, r.Topic), want)
}

// The engine dies by SIGKILL somewhere in an insert, at least 20 times; Insert goes on by itself and in the end every row
// is there exactly once.
func TestKilledEngine(t *testing.T) {
	t.Parallel()
	clickhousetest.Need(t)
	o := clickhousetest.Options(t.TempDir())
	o.TCPPort, o.HTTPPort = clickhousetest.Port(t), clickhousetest.Port(t)
	server, err := clickhouse.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { server.Close() }()
	s, err := Open(t.Context(), Config{Addrs: []string{server.Addr()}, Database: "shrike", User: clickhouse.ServiceUser, Password: server.Password()}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Migrate(t.Context(), MigrateOptions{Retention: retention()}); err != nil {
		t.Fatal(err)
	}
	const kills, size = 22, 600
	now := time.Now()
	random := rand.New(rand.NewPCG(1, uint64(now.UnixNano())))
	want := map[string]bool{}
	all := Range{Epoch: 3, Topic: "records.api", Partition: 0}
	var from int64
	var took time.Duration // about what an insert takes that nobody disturbs
	for killed := 0; killed < kills; from += size {
		r := all
		r.From, r.To = from, from+size
		for k := range wantRows(r) {
			want[k] = true
		}
		b := mixed(r, now)
		done := make(chan error, 1)
		begun := time.Now()
		go func() { done <- s.Insert(t.Context(), b, false) }()
		if took == 0 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			took = time.Since(begun)
			continue
		}
		for range 1 + random.IntN(2) { // the second kill meets the mending
			select {
			case err := <-done:
				done <- err
				took = took * 3 / 4 // the kill came too late
			case <-time.After(time.Duration(random.Int64N(int64(took) + 1))):
				killed++
			}
			_ = syscall.Kill(server.Pid(), syscall.SIGKILL)
			<-server.Done()
			if server, err = clickhouse.Start(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills in %d ranges", kills, from/size)
	checkOnce(t, rowCounts(t, server, "shrike", all.Topic), want)
	if got, _ := clickhousetest.Query(server, "SELECT count(), sum(to_offset - from_offset) FROM shrike.coverage"); got != fmt.Sprintf("%d\t%d", from/size, from) {
		t.Errorf("coverage: got %q rows and offsets, want %d and %d", got, from/size, from)
	}
}

// An insert whose client is gone goes on; mending waits for it before it looks what is missing.
func TestMendWaitsForInsertsThatStillRun(t *testing.T) {
	t.Parallel()
	s, d := migrated(t)
	now := time.Now()
	r := Range{Epoch: 1, Topic: "records.api", From: 0, To: 40}
	b := NewBatch(r)
	want := map[string]bool{}
	for o := range r.To {
		b.Event(plain(event.API, r, o, now))
		want[fmt.Sprintf("api %d 0", o)] = true
	}
	ctx := driver.Context(t.Context(), driver.WithQueryID(queryID(r)))
	slow := make(chan error, 1)
	go func() {
		slow <- s.exec(ctx, "INSERT INTO api (epoch, topic, `partition`, `offset`, event_time) SELECT 1, 'records.api', 0, number, now() FROM numbers(40) "+
			"WHERE NOT sleepEachRow(0.05) SETTINGS max_block_size = 10")
	}()
	for tick := time.Tick(5 * time.Millisecond); one(t, d, "SELECT count() FROM system.processes WHERE startsWith(query_id, '"+r.token()+"#')") == "0"; <-tick {
		if len(slow) > 0 { // on a busy machine it may have ended before anybody saw it: there is nothing to wait for
			break
		}
	}
	if err := s.Insert(t.Context(), b, true); err != nil {
		t.Fatal(err)
	}
	if err := <-slow; err != nil {
		t.Fatal(err)
	}
	checkOnce(t, rowCounts(t, d.Server, d.Name, r.Topic), want)
}

func TestRangeOverManyDays(t *testing.T) {
	t.Parallel()
	s, d := migrated(t)
	now := time.Now()
	r := Range{Epoch: 1, Topic: "records.api", From: 0, To: 150}
	b := NewBatch(r)
	for o := range r.To {
		e := plain(event.API, r, o, now)
		e.SetUnixNano(event.EventTime, now.Add(-time.Duration(o)*24*time.Hour).UnixNano())
		b.Event(e)
	}
	insert(t, s, b) // ClickHouse refuses more than 100 by default
	if n := one(t, d, "SELECT count() FROM "+d.Name+".api"); n != "150" {
		t.Errorf("got %s rows, want 150", n)
	}
}

// A server that accepts rows and never has them: an error that says so, not silence and not for ever.
func TestRowsThatNeverAppear(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	r := Range{Epoch: 1, Topic: "records.api", From: 0, To: 1}
	b := NewBatch(r)
	b.Event(plain(event.API, r, 0, time.Now()))
	b.place()
	blind := func(context.Context, Range) (stored, error) { return stored{}, nil }
	if err := s.mend(t.Context(), r, b.blocks(), blind); err == nil || !strings.Contains(err.Error(), "does not have them") {
		t.Errorf("got %v, want an error that says what happens", err)
	}
}

// A parser reuses the memory that an event's texts lie in as soon as the batch has the event.
func TestBatchCopiesWhatItKeeps(t *testing.T) {
	t.Parallel()
	var buffers [][]byte
	alias := func(s string) string {
		b := []byte(s)
		buffers = append(buffers, b)
		return unsafe.String(&b[0], len(b))
	}
	r := Range{Topic: "records.api", To: 1}
	e := plain(event.API, r, 0, time.Now())
	e.SetText(event.ActorARN, alias("arn:aws:iam::1:root"))
	e.AddList(event.Resources, alias("arn:aws:s3:::b"))
	e.SetObject(event.Request, event.Object{Raw: alias(`{"bucketName":"b"}`)})
	e.AddUnmapped(alias("key"), alias("value"))
	e.Record.Raw = []byte("raw")
	b := NewBatch(r)
	b.Event(e)
	clear(e.Record.Raw)
	for _, buf := range buffers {
		clear(buf)
	}
	var got []string
	for _, c := range b.classes[event.API].used() {
		switch c := c.(type) {
		case *texts:
			got = append(got, c.list[0])
		case *values[string]:
			got = append(got, c.list[0])
		case *lists:
			got = append(got, c.list[0]...)
		case *maps:
			got = append(got, c.list[0][0].Key, c.list[0][0].Value)
		}
	}
	want := []string{"0", "test", "arn:aws:iam::1:root", "arn:aws:s3:::b", `{"bucketName":"b"}`, e.UID.String(), "raw", "key", "value"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInsertEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Addrs: []string{"127.0.0.1:1"}, Database: "shrike"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := s.Insert(ctx, mixed(Range{Topic: "records.api", To: 10}, time.Now()), false); ctx.Err() == nil || err == nil {
		t.Errorf("got %v before the context ended", err)
	}
}
