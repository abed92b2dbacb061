package segment

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// disk is one with little room. It writes as much as fits, as a file system does.
type disk struct {
	mu    sync.Mutex
	dir   string
	room  int64
	stuck bool // Truncate fails
}

type diskFile struct {
	*os.File
	disk *disk
}

func (d *disk) create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return diskFile{f, d}, err
}

func (f diskFile) Write(p []byte) (int, error) {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return 0, err
	}
	free := d.room
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			free -= info.Size()
		}
	}
	if free >= int64(len(p)) {
		return f.File.Write(p)
	}
	n, err := f.File.Write(p[:max(0, free)])
	return n, errors.Join(err, syscall.ENOSPC)
}

func (f diskFile) Truncate(size int64) error {
	if f.disk.stuck {
		return syscall.EIO
	}
	return f.File.Truncate(size)
}

// TestFullDisk: on a full disk the oldest records make room for new ones, and if that is
// not enough, records are dropped until there is room. What is kept stays whole.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, stuck := range []bool{false, true} {
		t.Run(fmt.Sprintf("truncate fails %v", stuck), func(t *testing.T) {
			t.Parallel()
			d := &disk{dir: t.TempDir(), room: 1 << 20, stuck: stuck}
			o := Options{Dir: d.dir, MaxBytes: 4 << 20, create: d.create} // files of 256 KiB
			l := open(t, o)
			text := strings.Repeat("x", 1000)
			for i := range 3000 {
				add(t, l, epoch, fmt.Sprintf("%04d%s", i, text))
			}
			consecutive(t, l, "2999")

			d.mu.Lock()
			d.room = 0 // another program takes it all
			d.mu.Unlock()
			dropped := 0
			for range 10 {
				if err := l.Append(epoch, []byte("lost")); errors.Is(err, ErrDropped) {
					dropped++
				}
			}
			if dropped != 10 {
				t.Errorf("%d records of 10 were dropped on a disk without room", dropped)
			}
			d.mu.Lock()
			d.room = 1 << 20
			d.mu.Unlock()
			for i := range 100 {
				add(t, l, epoch, fmt.Sprintf("%04d%s", 3000+i, text))
			}
			consecutive(t, l, "3099")
			_ = l.Close()
			l = open(t, o)
			consecutive(t, l, "3099")
		})
	}
}

// consecutive checks that the records have consecutive numbers up to the last one.
func consecutive(t *testing.T, l *Log, last string) {
	t.Helper()
	all := texts(t, l)
	if len(all) < 50 {
		t.Fatalf("%d records are left", len(all))
	}
	if got := all[len(all)-1][:4]; got != last {
		t.Errorf("the last record is %s, want %s", got, last)
	}
	for i := range all[1:] {
		if a, b := number(t, all[i]), number(t, all[i+1]); b != a+1 {
			t.Fatalf("record %d follows record %d", b, a)
		}
	}
}

func number(t *testing.T, text string) (n int) {
	t.Helper()
	if _, err := fmt.Sscanf(text, "%d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}
