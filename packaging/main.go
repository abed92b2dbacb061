// Command packaging makes what dynlb is distributed as, in a folder: packages for npm,
// archives, packages for Debian, Fedora and Alpine, the licenses of others, a list of the
// components, and checksums. The same sources give the same bytes.
//
//	go run ./packaging -version v1.2.3 npm dist
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "packaging:", err)
		os.Exit(1)
	}
}

// A release is what is made, and from what.
type release struct {
	root      string // of the repository
	out       string
	version   string // as a semantic version, without "v"
	tag       string // as `dynlb version` prints it
	platforms []platform
	date      time.Time // of all files
}

// run carries out the steps that are named.
func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("packaging", flag.ContinueOnError)
	tag := flags.String("version", "", "version, such as v1.2.3 (default that of git)")
	out := flags.String("out", "dist", "folder that is written")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64", "systems and processors")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r := &release{out: *out, root: ".", tag: *tag}
	var err error
	if r.date, err = commitDate(ctx); err != nil {
		return err
	}
	if r.version, err = semantic(*tag); err != nil {
		return err
	}
	for name := range strings.SplitSeq(*platforms, ",") {
		p, err := parsePlatform(name)
		if err != nil {
			return err
		}
		r.platforms = append(r.platforms, p)
	}
	steps := map[string]func(context.Context) error{"npm": r.npm, "dist": r.dist}
	if flags.NArg() == 0 {
		return errors.New("name what to make: npm or dist")
	}
	for _, name := range flags.Args() {
		step, ok := steps[name]
		if !ok {
			return fmt.Errorf("%q cannot be made; there are npm and dist", name)
		}
		if err := step(ctx); err != nil {
			return fmt.Errorf("make %s: %w", name, err)
		}
	}
	return nil
}

// commitDate returns the time that all files have: SOURCE_DATE_EPOCH, or that of the commit.
func commitDate(ctx context.Context) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		output, err := command(ctx, ".", nil, "git", "-c", "safe.directory=*", "log", "-1", "--format=%ct")
		if err != nil {
			return time.Time{}, err
		}
		text = strings.TrimSpace(output)
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the date of the sources: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// path returns a path in the repository.
func (r *release) path(elements ...string) string {
	return filepath.Join(append([]string{r.root}, elements...)...)
}
