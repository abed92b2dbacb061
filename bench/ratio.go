package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// A reference is what others are divided by: in each round, the best of its
// peers in that round.
type reference struct {
	name  string
	title string // as the tables show it
	peers []string
}

// references are all there are. The first is what dynlb is held to.
var references = []reference{
	{"best", "best of nginx, HAProxy", []string{"nginx", "haproxy"}},
	{"haproxy-tcp", "HAProxy TCP", []string{"haproxy-tcp"}},
}

// figures are the values of one figure, by peer and round.
type figures map[string]map[int]float64

func figuresOf(workload string, samples []sample, value func(sample) float64) figures {
	f := figures{}
	for _, s := range samples {
		if s.Workload == workload {
			f.add(s.Peer, s.Round, value(s))
		}
	}
	return f
}

func (f figures) add(peer string, round int, value float64) {
	if f[peer] == nil {
		f[peer] = map[int]float64{}
	}
	f[peer][round] = value
}

// has reports whether all peers of ref took part: the best of fewer is another
// reference.
func (f figures) has(ref reference) bool {
	return !slices.ContainsFunc(ref.peers, func(peer string) bool { return len(f[peer]) == 0 })
}

func (f figures) spread(peer string) spread {
	return spreadOf(slices.Collect(maps.Values(f[peer])), func(v float64) float64 { return v })
}

// What is best.
var (
	smallest = slices.Min[[]float64]
	greatest = slices.Max[[]float64]
)

// ratio divides the peer's values by the best of ref's, round by round.
func (f figures) ratio(peer string, ref reference, best func([]float64) float64) spread {
	return spreadOf(slices.Collect(maps.Keys(f[peer])), func(round int) float64 {
		var base []float64
		for _, name := range ref.peers {
			v, ok := f[name][round]
			if !ok {
				return math.NaN()
			}
			base = append(base, v)
		}
		return f[peer][round] / best(base)
	})
}

// A spread is the median, minimum and maximum of one figure over the rounds.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spreadOf sums up one figure of the samples. A figure that does not exist, as
// a division by nothing, is left out; without any, the spread is zero.
func spreadOf[T any](samples []T, figure func(T) float64) spread {
	var values []float64
	for _, s := range samples {
		if v := figure(s); !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, math.Round(v*1000)/1000) // more is noise
		}
	}
	if len(values) == 0 {
		return spread{}
	}
	slices.Sort(values)
	return spread{Median: median(values), Min: values[0], Max: values[len(values)-1]}
}

// median of sorted values, at least one.
func median(sorted []float64) float64 {
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// String shows a ratio; a dash when there is none.
func (s spread) String() string {
	if s == (spread{}) {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max)
}
