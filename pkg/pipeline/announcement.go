package pipeline

import (
	"fmt"
	"strconv"
	"strings"
)

// Announcement is what a commit of Ranges remembers beside the offset.
//
// As text it is "<epoch> pending <from>-<to> <version>" while the range may or may not be done, and "<epoch> done"
// when everything before the offset is.
type Announcement struct {
	Epoch    uint64
	Pending  bool
	From, To int64  // of the pending range; From is the committed offset
	Version  string // who announced it
}

// String returns the announcement as it is committed.
func (a Announcement) String() string {
	if !a.Pending {
		return fmt.Sprintf("%d done", a.Epoch)
	}
	return fmt.Sprintf("%d pending %d-%d %s", a.Epoch, a.From, a.To, a.Version)
}

// ParseAnnouncement is the inverse of String; ok is false for what Ranges has not committed.
func ParseAnnouncement(metadata string) (a Announcement, ok bool) {
	epoch, rest, _ := strings.Cut(metadata, " ")
	var err error
	if a.Epoch, err = strconv.ParseUint(epoch, 10, 64); err != nil {
		return Announcement{}, false
	}
	if rest == "done" {
		return a, true
	}
	state, rest, _ := strings.Cut(rest, " ")
	span, version, _ := strings.Cut(rest, " ")
	from, to, _ := strings.Cut(span, "-")
	a.From, err = strconv.ParseInt(from, 10, 64)
	if err != nil || state != "pending" {
		return Announcement{}, false
	}
	a.To, err = strconv.ParseInt(to, 10, 64)
	if err != nil || a.From < 0 || a.To <= a.From {
		return Announcement{}, false
	}
	a.Pending, a.Version = true, version
	return a, true
}
