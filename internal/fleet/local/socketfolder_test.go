package local

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/dynlb/dynlb/internal/fleet/probe"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestStaleSockets: what a killed dynlb left behind is removed, and nothing else is.
func TestStaleSockets(t *testing.T) {
	t.Parallel()
	runtime := t.TempDir()
	used, err := makeSocketFolder(runtime, nil)
	if err != nil {
		t.Fatal(err)
	}
	stale, err := makeSocketFolder(runtime, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stale.socket(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = stale.lock.Close() // as the kernel does when dynlb is killed
	other := filepath.Join(runtime, "other")
	link := filepath.Join(runtime, socketFolderName+"link")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	removeStaleSockets(runtime)
	for path, want := range map[string]bool{used.path: true, stale.path: false, other: true, link: true} {
		if _, err := os.Lstat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", path, err, want)
		}
	}
	if err := used.remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(used.path); !os.IsNotExist(err) {
		t.Errorf("folder after its removal: %v", err)
	}
}

// TestProbeSocket: a health check goes through the socket, and says when there is none.
func TestProbeSocket(t *testing.T) {
	t.Parallel()
	folder, err := makeSocketFolder(os.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.remove() })
	at := registry.Endpoint{Network: "unix", Address: folder.socket()}
	if err := probe.HTTP(t.Context(), at, "/"); err == nil || err.Error() != "the instance has not made the socket "+folder.socket() {
		t.Errorf("probe without a socket: %v", err)
	}
	l, err := net.Listen("unix", folder.socket())
	if err != nil {
		t.Fatal(err)
	}
	go answer(l, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") // ends with its connection
	if err := probe.HTTP(t.Context(), at, "/"); err != nil {
		t.Errorf("probe: %v", err)
	}
	_ = l.Close()
}

// answer answers one connection with a text.
func answer(l net.Listener, text string) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	_, _ = conn.Read(make([]byte, 4096))
	_, _ = conn.Write([]byte(text))
	_ = conn.Close()
}
