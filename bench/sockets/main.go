// Command sockets compares instances on Unix sockets with instances on ports: the
// processor time that dynlb and the app take for a request, with Bun and Node as apps.
// It prints a table for bench/README.md.
//
// Rounds of both kinds alternate, and a row has the median of the ratios of two
// neighbours, so that what else the machine does weighs on both.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

// apps are the programs that are measured. %s is where each listens.
var apps = []app{
	{name: "Bun", command: "bun", file: "app.js", text: `const body = "x".repeat(64);
Bun.serve({ ...(process.env.DYNLB_SOCKET ? { unix: process.env.DYNLB_SOCKET } : { port: process.env.PORT, hostname: "127.0.0.1" }), fetch: () => new Response(body) });`},
	{name: "Node", command: "node", file: "app.mjs", text: `import { createServer } from "node:http";
const body = "x".repeat(64), server = createServer((request, response) => response.end(body));
process.env.DYNLB_SOCKET ? server.listen(process.env.DYNLB_SOCKET) : server.listen(process.env.PORT, "127.0.0.1");`},
}

type app struct{ name, command, file, text string }

func main() {
	rounds := flag.Int("rounds", 9, "pairs of rounds for each `number`")
	length := flag.Duration("length", time.Second, "`time` of a round")
	program := flag.String("dynlb", "bin/dynlb", "the `program` to measure")
	flag.Parse()
	if err := run(*program, *rounds, *length); err != nil {
		fmt.Fprintln(os.Stderr, "sockets:", err)
		os.Exit(1)
	}
}

// run measures all apps, and prints the table.
func run(program string, rounds int, length time.Duration) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintln(out, "| app\t| connections\t| dynlb, port\t| dynlb, socket\t| ratio\t| app, port\t| app, socket\t| ratio |")
	fmt.Fprintln(out, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|--- |")
	for _, a := range apps {
		for _, connections := range []int{8, 64} {
			row, err := measure(program, a, connections, rounds, length)
			if err != nil {
				return fmt.Errorf("measure %s: %w", a.name, err)
			}
			fmt.Fprintf(out, "| %s\t| %d\t| %s\t|\n", a.name, connections, row)
		}
	}
	return out.Flush()
}

// measure returns the row of an app.
func measure(program string, a app, connections, rounds int, length time.Duration) (row string, err error) {
	dir, err := os.MkdirTemp("", "sockets")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.WriteFile(filepath.Join(dir, a.file), []byte(a.text), 0o600); err != nil {
		return "", err
	}
	var kinds [2]*balancer // on a port, on a socket
	defer func() {
		for _, b := range kinds {
			if b != nil {
				b.stop()
			}
		}
	}()
	for i := range kinds {
		if kinds[i], err = start(program, dir, a, i == 1); err != nil {
			return "", err
		}
	}
	var costs [2][]cost
	for round := range rounds + 1 {
		for _, i := range []int{round % 2, 1 - round%2} {
			c, err := kinds[i].load(connections, length)
			if err != nil {
				return "", err
			}
			if round > 0 { // the first one warms up
				costs[i] = append(costs[i], c)
			}
		}
	}
	return compare(costs, func(c cost) float64 { return c.balancer }) + "\t| " +
		compare(costs, func(c cost) float64 { return c.app }), nil
}

// compare returns the medians of a cost in microseconds, and that of the ratios with
// their quartiles.
func compare(costs [2][]cost, of func(cost) float64) string {
	var port, socket, ratios []float64
	for i := range costs[0] {
		p, s := of(costs[0][i]), of(costs[1][i])
		port, socket, ratios = append(port, p), append(socket, s), append(ratios, s/p)
	}
	return fmt.Sprintf("%.1f us\t| %.1f us\t| **%.2f** [%.2f-%.2f]",
		quantile(port, 0.5), quantile(socket, 0.5), quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75))
}

// quantile returns a quantile of values.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}
