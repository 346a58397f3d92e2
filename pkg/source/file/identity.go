package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/zeebo/xxh3"

	"github.com/shrike-sec/shrike/pkg/format"
)

// fileID is a file's place on disk. A deleted file's may be given to a new one, so the hash of the head goes with it.
type fileID struct {
	Dev uint64 `json:"dev"`
	Ino uint64 `json:"ino"`
}

func idOf(info fs.FileInfo) (fileID, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}, errors.New("the system does not say which file it is")
	}
	return fileID{Dev: uint64(st.Dev), Ino: st.Ino}, nil //nolint:unconvert // Dev is an int32 on some systems
}

// headSize is how much of a file's beginning tells it from others.
const headSize = 1024

// head hashes the first n bytes of f, fewer if it is shorter.
func head(f io.ReaderAt, n int) (hash uint64, length int, err error) {
	buf := make([]byte, n)
	length, err = f.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, fmt.Errorf("read head: %w", err)
	}
	return xxh3.Hash(buf[:length]), length, nil
}

// sameFile reports whether f still begins as it did when the position was taken.
func (pos *position) sameFile(f io.ReaderAt) (bool, error) {
	hash, n, err := head(f, pos.HeadLen)
	return n == pos.HeadLen && hash == pos.Head, err
}

// learn takes the head of a file that is new, or that was shorter than headSize when it was looked at last.
func (pos *position) learn(f io.ReaderAt) (err error) {
	if pos.HeadLen < headSize {
		pos.Head, pos.HeadLen, err = head(f, headSize)
	}
	return err
}

// isPacked reports whether the file is no text: gzip, zstd, Parquet, an archive.
func isPacked(f *os.File) bool {
	var b [format.PackedHead]byte
	n, _ := f.ReadAt(b[:], 0)
	return format.Packed(b[:n])
}
