// Command servers measures what HTTP servers do that matters to a proxy in front of
// them, and writes the table of docs/servers.md.
//
//	make servers [SERVERSFLAGS='-only "Bun,Node http"']
//
// It installs the servers, from npm in a temporary folder and from Debian's packages
// where some are missing (which needs root), runs each with a small app, and talks to
// it over raw connections. Then it runs dynlb with two instances of the server, and
// counts the requests that are lost while clients pause as long as the server keeps
// idle connections, and while dynlb restarts and scales. It takes about ten minutes,
// and needs Linux. Without -only it exits 1 when a server could not be measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// atOnce is how many servers are measured at the same time. They wait for most of
// it: for idle connections to be closed.
const atOnce = 8

func main() {
	if len(os.Args) == 3 && os.Args[1] == "nethttp" { // the Go server of the table
		fmt.Fprintln(os.Stderr, "servers:", serveGo(os.Args[2]))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	dynlb := flag.String("dynlb", "bin/dynlb", "the dynlb binary")
	only := flag.String("only", "", "names of servers, separated by commas; their rows go to standard output and the page stays as it is")
	page := flag.String("page", "docs/servers.md", "the page that gets the table")
	flag.Parse()
	if err := run(ctx, *dynlb, *only, *page); err != nil {
		fmt.Fprintln(os.Stderr, "servers:", err)
		os.Exit(1)
	}
}

// run measures the servers and writes the table.
func run(ctx context.Context, dynlb, only, page string) error {
	chosen := list
	if only != "" {
		names := strings.Split(only, ",")
		chosen = slices.DeleteFunc(slices.Clone(list), func(s server) bool { return !slices.Contains(names, s.name) })
		if len(chosen) != len(names) {
			return fmt.Errorf("choose servers: %d of %q exist", len(chosen), names)
		}
	}
	dynlb, err := filepath.Abs(dynlb)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dynlb-servers-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // nothing but packages is left
	if err := install(ctx, dir, chosen); err != nil {
		return err
	}
	results := measureAll(ctx, dir, dynlb, chosen)
	var failures []error
	for i, r := range results {
		if r.err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", chosen[i].name, r.err))
		}
	}
	if only != "" {
		fmt.Fprint(os.Stdout, table(chosen, results))
	} else if err := rewrite(page, table(chosen, results)); err != nil {
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// measureAll measures the servers, atOnce of them at the same time.
func measureAll(ctx context.Context, dir, dynlb string, chosen []server) []result {
	results := make([]result, len(chosen))
	places := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, s := range chosen {
		all.Go(func() { // ends with its measurements
			places <- struct{}{}
			defer func() { <-places }()
			began := time.Now()
			results[i] = measure(ctx, place{dir: dir, dynlb: dynlb, basePort: 11000 + 20*i}, s)
			fmt.Fprintf(os.Stderr, "%s: %v, error: %v\n", s.name, time.Since(began).Round(time.Second), results[i].err)
		})
	}
	all.Wait()
	return results
}

// serveGo is the Go server of the table: net/http with its defaults. It returns only
// an error.
func serveGo(port string) error {
	server := http.Server{Addr: net.JoinHostPort("127.0.0.1", port), Handler: http.HandlerFunc(answer), ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

// goVersion is the version of the Go server.
func goVersion() string { return strings.TrimPrefix(runtime.Version(), "go") }
