// Command start measures how long dynlb takes from its exec to the first response of the
// built-in demo, with and without a keeper. It prints a table for bench/README.md.
//
//	go run ./bench/start -dynlb before/dynlb,bin/dynlb
//
// The starts of all binaries alternate, so that what else the machine does weighs on all of
// them. The first start of each is not counted: it reads the binary from the disk.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// forms are the two ways to serve.
var forms = []struct {
	name  string
	flags []string
}{{"keeper", nil}, {"single process", []string{"--no-keeper"}}}

func main() {
	programs := flag.String("dynlb", "bin/dynlb", "the `programs` to measure, with commas between them")
	starts := flag.Int("starts", 20, "starts of each program in each form")
	port := flag.Int("port", 4000, "first of the ports that dynlb uses")
	flag.Parse()
	if err := run(strings.Split(*programs, ","), *starts, *port); err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(1)
	}
}

// run measures all programs, and prints the table.
func run(programs []string, starts, port int) (err error) {
	dir, err := os.MkdirTemp("", "start")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for i, program := range programs {
		if programs[i], err = filepath.Abs(program); err != nil {
			return err
		}
	}
	all := make([][]took, len(programs)*len(forms))
	for round := range starts + 1 {
		for i := range all {
			once := once{program: programs[i/len(forms)], flags: forms[i%len(forms)].flags, dir: dir, port: port}
			t, err := once.measure()
			if err != nil {
				return fmt.Errorf("%s, %s: %w", programs[i/len(forms)], forms[i%len(forms)].name, err)
			}
			if round > 0 {
				all[i] = append(all[i], t)
			}
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintln(out, "| program\t| form\t| listens\t| first response, best\t| p50\t| p90\t| processor time of dynlb |")
	fmt.Fprintln(out, "|---\t|---\t|---\t|---\t|---\t|---\t|--- |")
	for i, of := range all {
		fmt.Fprintf(out, "| %s\t| %s\t| %s\t| %s\t| %s\t| %s\t| %s |\n", filepath.Base(programs[i/len(forms)]), forms[i%len(forms)].name,
			quantile(of, 0.5, took.listens), quantile(of, 0, took.answers), quantile(of, 0.5, took.answers), quantile(of, 0.9, took.answers),
			quantile(of, 0.5, took.processor))
	}
	return out.Flush()
}

// took is how long a start took.
type took struct{ listen, answer, cpu time.Duration }

func (t took) listens() time.Duration   { return t.listen }
func (t took) answers() time.Duration   { return t.answer }
func (t took) processor() time.Duration { return t.cpu }

// quantile returns a quantile of the times of several starts.
func quantile(all []took, q float64, of func(took) time.Duration) string {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b took) int { return int(of(a) - of(b)) })
	return fmt.Sprintf("%.1f ms", float64(of(sorted[int(q*float64(len(sorted)-1)+0.5)]))/float64(time.Millisecond))
}
