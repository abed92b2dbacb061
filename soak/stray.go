package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// strayBytes are what the stand-in sends after a response that has no content. A
// proxy that takes them for the response to its next request gives that client a
// response without its id.
const strayBytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nPOISONED\n"

// strayWithin bounds the time between a response and the stray bytes after it.
const strayWithin = 5 * time.Millisecond

// serveStray runs the stand-in for servers that send content with responses to
// HEAD and with 204 and 304, on a port of 127.0.0.1. It returns only an error.
func serveStray(port string) error {
	name := filepath.Join(os.Getenv("SOAK_LEDGER"), fmt.Sprintf("%s-%d", port, os.Getpid()))
	ledger, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	defer ledger.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	for {
		c, err := listener.Accept()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go func() { // ends with the connection
			defer c.Close()
			in := bufio.NewReader(c)
			for answerStray(in, c, ledger) == nil {
			}
		}()
	}
}

// answerStray reads one request and answers it.
func answerStray(in *bufio.Reader, out, ledger io.Writer) error {
	request, err := http.ReadRequest(in)
	if err != nil {
		return err
	}
	content, err := io.ReadAll(request.Body)
	if err != nil {
		return err
	}
	query := request.URL.Query()
	id := filepath.Base(request.URL.Path)
	status, body := http.StatusOK, "ok"
	switch {
	case strings.HasPrefix(request.URL.Path, "/item/"):
		size, _ := strconv.Atoi(query.Get("size"))
		body = pattern(id, size)
		wait, _ := strconv.Atoi(query.Get("ms"))
		time.Sleep(time.Duration(wait) * time.Millisecond)
		if n, err := strconv.Atoi(query.Get("status")); err == nil {
			status = n
		}
	case strings.HasPrefix(request.URL.Path, "/order/"):
		if body = "ordered " + id; string(content) != pattern(id, len(content)) || len(content) == 0 {
			status, body = http.StatusBadRequest, notMyBody
		} else if _, err := fmt.Fprintf(ledger, "%s %d\n", id, os.Getpid()); err != nil {
			return err
		}
	}
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\nX-Soak-Id: %s\r\nContent-Length: %d\r\n\r\n", status, http.StatusText(status), id, len(body))
	if status == http.StatusNoContent {
		head = fmt.Sprintf("HTTP/1.1 204 No Content\r\nX-Soak-Id: %s\r\n\r\n", id)
	}
	if request.Method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified {
		_, err = io.WriteString(out, head+body)
		return err
	}
	if _, err := io.WriteString(out, head); err != nil {
		return err
	}
	time.Sleep(rand.N(strayWithin))
	_, err = io.WriteString(out, strayBytes)
	return err
}
