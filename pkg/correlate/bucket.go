package correlate

import (
	"encoding/json"

	"github.com/shrike-sec/shrike/pkg/match"
)

// Bucket is a row of a baseline's memory: what the matches of one group came to in one bucket. It is written once, when the
// bucket is closed; of several rows for one bucket, which only a change of what is in Kafka can bring about, the one of the
// smallest Offset holds.
type Bucket struct {
	RuleHash  string
	Key       string // values of group_by as a JSON list
	Time      int64  // beginning of the bucket, Unix nanoseconds
	Value     float64
	Count     uint64 // matches
	FirstTime int64  // event times of the first and the last match, Unix nanoseconds
	LastTime  int64
	Severity  string // highest of the matches
	Fired     bool
	Usual     float64 // of a bucket that fired: what it was held against, a mean or a quantile, …
	Deviation float64 // … and the deviation; 0 with a quantile
	Offset    int64   // signals offset of the frame that closed it
}

// Shard returns the shard that owns the row. A row whose Key cannot be read belongs to none: -1.
func (b *Bucket) Shard(shards int) int {
	key, err := readKey(b.Key)
	if err != nil {
		return -1
	}
	return match.Shard(b.RuleHash, key, shards)
}

// readKey is the inverse of memoKey.
func readKey(text string) ([]string, error) {
	var key []string
	err := json.Unmarshal([]byte(text), &key)
	return key, err
}
