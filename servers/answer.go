package main

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// answer is the app that runs on every server, here for net/http: hello for a GET,
// after waitFor at /wait; for a POST the number of bytes of its content.
func answer(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/wait" {
		time.Sleep(waitFor)
	}
	if r.Method != http.MethodPost {
		_, _ = io.WriteString(w, hello) // it fails only if the client is gone
		return
	}
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintln(w, n)
}

// hello is the content of a response to GET.
const hello = "hello\n"

// waitFor is how long the app works at /wait.
const waitFor = 2 * time.Second
