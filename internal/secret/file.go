package secret

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

const fileHead = `# Key of Crosswalk. It opens the secrets stored in the database.
# Back it up apart from the database, and let nobody else read it.
# One key a line; the first one seals, the others only open.
`

// OpenKeyFile reads the keys at path, and makes the file with one random key when
// there is none. The file is text with one key per line, 32 bytes in base64; the
// first key seals. Empty lines and lines that begin with # are ignored. It refuses,
// with an Error of CodeInvalid, a file that other users of the machine can read and
// a file without a valid key. Several processes may open the same path at once; they
// get the same key.
func OpenKeyFile(path string) (*Keyring, error) {
	text, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKeyFile(path); err != nil {
			return nil, fmt.Errorf("making the key file: %w", err)
		}
		text, err = readKeyFile(path)
	}
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(text)
	if err != nil {
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "The key file %s is damaged: %v.", path, err).
			WithHint("Restore it from a backup. Without it the stored secrets cannot be opened; if there is no backup, move the file away, start once with --new-key and enter the secrets again.")
	}
	return NewKeyring(keys...)
}

func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the key file: %w", err)
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "The key file %s is not a plain file.", path)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "Other users of this machine can read the key file %s (mode %#o).", path, info.Mode().Perm()).
			WithHint("Run: chmod 600 %s", path)
	case info.Size() > 1<<16:
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "The key file %s is too large to be one.", path)
	}
	text := make([]byte, info.Size())
	n, err := f.Read(text)
	if err != nil && info.Size() > 0 {
		return nil, fmt.Errorf("reading the key file: %w", err)
	}
	return text[:n], nil
}

// makeKeyFile first writes the file next to path and then links it to path, so that
// nobody ever sees half a file and the first of several processes wins.
func makeKeyFile(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".crosswalk-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(fileHead + base64.StdEncoding.EncodeToString(NewKey()) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	switch err := os.Link(f.Name(), path); {
	case err == nil, errors.Is(err, fs.ErrExist):
		return nil
	default: // a file system without hard links
		return os.Rename(f.Name(), path)
	}
}

func parseKeys(text []byte) ([][]byte, error) {
	var keys [][]byte
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return nil, fmt.Errorf("line %d is not base64", n) // the line itself stays out of the message
		}
		if len(key) != keySize {
			return nil, fmt.Errorf("line %d holds %d bytes instead of %d", n, len(key), keySize)
		}
		keys = append(keys, key)
	}
	if err := lines.Err(); err != nil {
		return nil, errors.New("a line is too long")
	}
	if len(keys) == 0 {
		return nil, errors.New("it holds no key")
	}
	return keys, nil
}
