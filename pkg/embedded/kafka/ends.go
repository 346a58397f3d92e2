package kafka

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// kfake learns a partition's end from its segments alone. Once retention has deleted the last one, the next
// start numbers from 0, and a consumer that has committed 1,000 silently skips the first 1,000 new messages.
// So the ends are written down before each retention pass, and at start an emptied partition gets a segment
// with one control batch, which consumers skip, at its last offset.

const endsFile = "shrike-ends.json"

// ends is the first free offset by topic id (a topic made anew has another id) and partition.
type ends map[string]map[int32]int64

// storedTopics is what this file needs of kfake's topics.json.
type storedTopics struct {
	Topics []struct {
		Name       string
		ID         json.RawMessage
		Partitions int32
	}
}

func readTopics(dir string) (storedTopics, error) {
	var t storedTopics
	err := readJSON(filepath.Join(dir, "topics.json"), &t)
	return t, err
}

// recordEnds writes down where every partition ends now.
func recordEnds(dir string, c *kfake.Cluster) error {
	topics, err := readTopics(dir)
	if err != nil {
		return err
	}
	all := ends{}
	for _, t := range topics.Topics {
		byPartition := map[int32]int64{}
		for _, p := range c.PartitionInfos(t.Name) {
			if p.HighWatermark > 0 {
				byPartition[p.Partition] = p.HighWatermark
			}
		}
		all[string(t.ID)] = byPartition
	}
	return writeJSON(filepath.Join(dir, endsFile), all)
}

// restoreEnds gives partitions without segments, but with a recorded end, their anchor. It must run before
// kfake opens the folder.
func restoreEnds(dir string) error {
	var all ends
	if err := readJSON(filepath.Join(dir, endsFile), &all); err != nil {
		return err
	}
	topics, err := readTopics(dir)
	if err != nil {
		return err
	}
	for _, t := range topics.Topics {
		for p, end := range all[string(t.ID)] {
			if p >= t.Partitions {
				continue
			}
			if err := anchor(partitionDir(dir, t.Name, p), end); err != nil {
				return err
			}
		}
	}
	return nil
}

func partitionDir(dir, topic string, partition int32) string {
	return filepath.Join(dir, "partitions", fmt.Sprintf("%s-%d", url.PathEscape(topic), partition))
}

// anchor writes the control batch at end-1, unless the partition has a segment.
func anchor(dir string, end int64) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".dat") {
			return nil
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, fmt.Sprintf("%d.dat", end-1)), controlBatch(end-1))
}

// controlBatch is one commit marker of nobody's transaction. It is dated now, so that it lives as long as a
// message written now would.
func controlBatch(offset int64) []byte {
	rec := kmsg.Record{Key: []byte{0, 0, 0, 1}, Value: make([]byte, 6)}
	rec.Length = int32(len(rec.AppendTo(nil)) - 1) // a length below 64 takes one byte
	now := time.Now().UnixMilli()
	b := kmsg.RecordBatch{
		FirstOffset: offset, Magic: 2, Attributes: 0x0030, // transactional and control
		FirstTimestamp: now, MaxTimestamp: now,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		NumRecords: 1, Records: rec.AppendTo(nil),
	}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// readJSON leaves v alone when there is no such file.
func readJSON(path string, v any) error {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeFile(path, raw)
}

// writeFile replaces the file at once: a kill leaves the old or the new one.
func writeFile(path string, raw []byte) error { return renameio.WriteFile(path, raw, 0o600) }
