package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/store"
)

// audit asks ClickHouse what became of every record and reports whether each is there once.
func (d *demo) audit(ctx context.Context, at *app.Endpoints, sent int) (whole bool, err error) {
	db, err := store.Open(ctx, store.Config{
		Addrs: []string{at.ClickHouse}, Database: at.ClickHouseDatabase, User: at.ServiceUser, Password: at.ServicePassword,
	}, d.Log)
	if err != nil {
		return false, fmt.Errorf("open ClickHouse client: %w", err)
	}
	defer func() { _ = db.Close() }() // it only read
	rows, err := db.Audit(ctx)
	if err != nil {
		return false, fmt.Errorf("audit: %w", err)
	}
	return d.tell(rows, sent), nil
}

// tell sums the audit up. In a new data folder as many records must be there as were sent, and no dead letter.
func (d *demo) tell(rows []store.AuditRow, sent int) (whole bool) {
	var events, dead int64
	whole = true
	for _, r := range rows {
		if !r.OK() {
			whole = false
			d.screen.line("AUDIT       %s/%d: %d gaps, %d overlaps, %d duplicates in offsets %d to %d", r.Topic, r.Partition, r.Gaps, r.Overlaps, r.Duplicates, r.From, r.To)
		}
		if strings.HasPrefix(r.Topic, "records.") {
			events += r.Aged + r.Events
			dead += r.DeadLetters + r.Expired
		}
	}
	if fresh := d.remove != ""; fresh && (events != int64(sent) || dead > 0) {
		whole = false
		d.screen.line("AUDIT       %d records were sent, %d are stored as events and %d as dead letters", sent, events, dead)
	}
	verdict := "every record is there once"
	if !whole {
		verdict = "not whole"
	}
	d.screen.line("\n%s records stored as events, %d dead letters; audit: %s", number(uint64(events)), dead, verdict)
	return whole
}
