package clickhouse

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Version is the engine's version: that of its package, and of the folder in the cache.
const Version = "26.7.3-stable.1"

// LibraryEnv names the environment variable that says where the library is.
const LibraryEnv = "SHRIKE_LIBCHDB"

const libraryName = "libchdb.so"

// ErrNoLibrary is returned when the engine's library is nowhere; it names the command that fetches it.
var ErrNoLibrary = errors.New("the ClickHouse engine (libchdb.so) is not installed: run `make clickhouse`, or name the file in clickhouse.library or " + LibraryEnv)

// Library returns the path of the engine's library: the configured one, else LibraryEnv's, else the newest place of the
// project's .cache folder (in the working directory or above), the user's cache, and the system's library folders. A
// configured path that does not exist is an error, never a reason to look further.
func Library(configured string) (string, error) {
	for _, named := range []string{configured, os.Getenv(LibraryEnv)} {
		if named == "" {
			continue
		}
		if _, err := os.Stat(named); err != nil {
			return "", fmt.Errorf("%w (%w)", ErrNoLibrary, err)
		}
		return named, nil
	}
	for _, path := range libraryPlaces() {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", ErrNoLibrary
}

func libraryPlaces() []string {
	var places []string
	inCache := filepath.Join("clickhouse", Version, libraryName)
	if dir, err := os.Getwd(); err == nil {
		for {
			places = append(places, filepath.Join(dir, ".cache", inCache))
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	if cache, err := os.UserCacheDir(); err == nil {
		places = append(places, filepath.Join(cache, "shrike", inCache))
	}
	for _, dir := range []string{"/usr/local/lib", "/usr/lib", "/usr/lib64"} {
		places = append(places, filepath.Join(dir, libraryName))
	}
	return places
}
