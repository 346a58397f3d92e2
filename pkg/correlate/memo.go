package correlate

import (
	"encoding/json"
	"fmt"

	"github.com/shrike-sec/shrike/pkg/match"
)

// Memo is a row of first_seen memory: a group has (or had, in one stretch of time) a value. Rows of the same RuleHash, Key
// and Value merge: smallest Offset, smallest FirstTime, largest LastTime and Moved; whatever the order and number of writes, the
// answer to "is it new at offset o" stays the same.
type Memo struct {
	RuleHash  string
	Key       string // values of group_by as a JSON list
	Value     string // of a rule that forgets: value@step, step being the eighth of Forget since 1970
	Offset    int64  // smallest signals offset that wrote it
	FirstTime int64  // event times, Unix nanoseconds
	LastTime  int64
	Moved     int64 // largest signals offset that moved FirstTime back; 0: none
}

// Shard returns the shard that owns the row. A row whose Key cannot be read belongs to none: -1.
func (m *Memo) Shard(shards int) int {
	key, err := m.key()
	if err != nil {
		return -1
	}
	return match.Shard(m.RuleHash, key, shards)
}

func (m *Memo) key() ([]string, error) {
	key, err := readKey(m.Key)
	if err != nil {
		return nil, fmt.Errorf("read key of first_seen row: %w", err)
	}
	return key, nil
}

func memoKey(key []string) string {
	if key == nil {
		key = []string{}
	}
	b, err := json.Marshal(key)
	if err != nil {
		panic("BUG: encode texts: " + err.Error())
	}
	return string(b)
}
