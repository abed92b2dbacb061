package simulate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxLoad bounds the requests of a load, so that a slip does not fill the memory.
const maxLoad = 20_000_000

// ParseRates returns the load that "25x10s,140x40s" stands for: 25 requests per second
// for 10 s, then 140 for 40 s.
func ParseRates(text string) ([]Phase, error) {
	var load []Phase
	for part := range strings.SplitSeq(text, ",") {
		rate, length, _ := strings.Cut(strings.TrimSpace(part), "x")
		r, rateErr := strconv.ParseFloat(rate, 64)
		d, lengthErr := time.ParseDuration(length)
		if rateErr != nil || lengthErr != nil || !(r >= 0) || d <= 0 {
			return nil, fmt.Errorf("%q is not a rate and a duration, such as 25x10s", part)
		}
		load = append(load, Phase{Rate: r, For: d})
	}
	return load, checkLoad(load)
}

// checkLoad returns an error if a load has too many requests.
func checkLoad(load []Phase) error {
	requests := 0.0
	for _, p := range load {
		requests += p.Rate * p.For.Seconds()
	}
	if !(requests <= maxLoad) {
		return fmt.Errorf("the load has more than %d requests", maxLoad)
	}
	return nil
}

// Second is one second of a recorded load.
type Second struct {
	Arrivals uint64        // requests that arrived
	InFlight int           // requests in flight at its end
	Service  time.Duration // mean response time; 0 if there was no response
}

// header is the first line of a recorded load.
const header = "# dynlb load: per second arrivals, in flight, mean service time in ms"

// WriteHeader writes the first line of a recorded load.
func WriteHeader(w io.Writer) error {
	_, err := fmt.Fprintln(w, header)
	return err
}

// Write writes the line of s.
func (s Second) Write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%d %d %.1f\n", s.Arrivals, s.InFlight, float64(s.Service)/float64(time.Millisecond))
	return err
}

// ReadLoad reads a recorded load. It returns the phases, one for each second, and the
// mean service time; 0 if the load has none.
func ReadLoad(r io.Reader) (load []Phase, service time.Duration, err error) {
	lines := bufio.NewScanner(r)
	milliseconds, weight := 0.0, 0.0
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		var arrivals uint64
		var inFlight int
		var ms float64
		if _, err := fmt.Sscanf(line, "%d %d %g", &arrivals, &inFlight, &ms); err != nil || !(ms >= 0) {
			return nil, 0, fmt.Errorf("line %d: %q is not arrivals, in flight and service time in ms", n, line)
		}
		load = append(load, Phase{Rate: float64(arrivals), For: time.Second})
		if ms > 0 {
			milliseconds += ms * float64(arrivals)
			weight += float64(arrivals)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, 0, err
	}
	if len(load) == 0 {
		return nil, 0, errors.New("the load has no line")
	}
	if weight > 0 {
		service = time.Duration(milliseconds / weight * float64(time.Millisecond))
	}
	return load, service, checkLoad(load)
}
