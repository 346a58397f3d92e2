package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// contents returns the files of the folders, which must all be readable by their owner alone.
func contents(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if mode := info.Mode().Perm(); mode != 0o600 {
				t.Errorf("%s has mode %o, want 600", d.Name(), mode)
			}
			data, err := os.ReadFile(path)
			files[d.Name()] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// Secrets are random, private, and made once: running it again, also after one was lost, changes nothing that is there.
func TestMakeSecrets(t *testing.T) {
	t.Parallel()
	o := SecretsOptions{Dir: t.TempDir(), ClickHouseUsers: t.TempDir(), Owner: -1, ClickHouseOwner: -1}
	made, err := MakeSecrets(o)
	if err != nil || !slices.Equal(made, SecretFiles()) {
		t.Fatalf("made %v, %v; want %v", made, err, SecretFiles())
	}
	first := contents(t, o.Dir, o.ClickHouseUsers)
	if len(first) != len(SecretFiles())+1 {
		t.Errorf("files: got %d, want the secrets and the users", len(first))
	}
	values := map[string]bool{}
	for _, name := range SecretFiles() {
		value := strings.TrimSpace(first[name])
		if len(value) != 64 || values[value] {
			t.Errorf("secret %s: %d characters, repeated %v", name, len(value), values[value])
		}
		values[value] = true
		if strings.Contains(first["shrike.xml"], value) {
			t.Errorf("the users' file holds the secret %s itself, not its hash", name)
		}
	}
	made, err = MakeSecrets(o)
	if err != nil || len(made) != 0 {
		t.Errorf("second time: made %v, %v; want nothing", made, err)
	}
	if diff := cmp.Diff(first, contents(t, o.Dir, o.ClickHouseUsers)); diff != "" {
		t.Errorf("second time (-before +after):\n%s", diff)
	}
	if err := os.Remove(filepath.Join(o.Dir, "token")); err != nil {
		t.Fatal(err)
	}
	if made, err = MakeSecrets(o); err != nil || !slices.Equal(made, []string{"token"}) {
		t.Errorf("one lost: made %v, %v; want that one", made, err)
	}
	again := contents(t, o.Dir, o.ClickHouseUsers)
	if again["token"] == first["token"] {
		t.Error("the lost secret came back the same: it is not random")
	}
	again["token"] = first["token"]
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("one lost (-before +after):\n%s", diff)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	if _, _, err := token(path, false); err == nil {
		t.Error("a configured token file that is missing must be an error")
	}
	value, made, err := token(path, true)
	if err != nil || !made {
		t.Fatalf("first start: made %v, %v", made, err)
	}
	if got := contents(t, dir)["token"]; got != value+"\n" {
		t.Errorf("file holds %q, want the token", got)
	}
	if again, made, err := token(path, true); err != nil || made || again != value {
		t.Errorf("second start: made %v, same %v, %v", made, again == value, err)
	}
	if err := os.WriteFile(path, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := token(path, true); err == nil {
		t.Error("an empty token would let everybody in: want an error")
	}
}

// The endpoints hold passwords, and are gone when nothing runs.
func TestEndpointsFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := Endpoints{Pid: 1, ClickHouse: "127.0.0.1:9000", ServicePassword: "secret"}
	if err := want.write(dir); err != nil {
		t.Fatal(err)
	}
	contents(t, dir)
	got, err := ReadEndpoints(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("read (-written +read):\n%s", diff)
	}
}
