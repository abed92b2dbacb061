package simulate

import (
	"fmt"
	"slices"
	"time"
)

// The measures of a plot, in pixels.
const (
	plotWidth, panelHeight, plotMargin = 900, 130, 60
	panelPitch                         = panelHeight + 30 // from one panel to the next
	bins                               = 300              // along the time
)

// The colours of a plot, as red, green, blue, opacity.
var (
	frameColor    = [4]uint8{0x88, 0x88, 0x88, 0xff}
	valueColor    = [4]uint8{0x00, 0x66, 0xcc, 0xff}
	decisionColor = [4]uint8{0xcc, 0x00, 0x00, 0x66}
)

// drawing is a picture: lines and texts on white.
type drawing struct {
	width, height int
	lines         []line
	labels        []label
}

// line is a line through points.
type line struct {
	points [][2]float64
	color  [4]uint8
	note   string // what it stands for, where a format can say it
}

// label is a text on the line y. It begins at x, or ends there.
type label struct {
	x, y int
	ends bool
	text string
}

// plot draws the load, the instances, the queue and the latency over time, and a line
// for each decision.
func (r Result) plot(load []Phase) drawing {
	length := time.Duration(0)
	for _, p := range load {
		length += p.For
	}
	length = max(length, time.Second)
	panels := r.panels(length)
	bottom := len(panels) * panelPitch
	f := drawing{width: plotWidth + 2*plotMargin, height: bottom + plotMargin}
	for i, p := range panels {
		f.add(p, i*panelPitch+30)
	}
	for _, c := range r.Changes {
		x := plotMargin + plotWidth*c.At.Seconds()/length.Seconds()
		f.lines = append(f.lines, line{
			[][2]float64{{x, 30}, {x, float64(bottom)}},
			decisionColor,
			fmt.Sprintf("%v %s: %s", c.At, c.Rule, c.Reason),
		})
	}
	f.labels = append(f.labels, label{plotMargin, bottom + 20, false, "0 s"}, label{plotMargin + plotWidth, bottom + 20, true, length.String()})
	return f
}

// panel is one diagram: a value for each bin.
type panel struct {
	title  string
	values []float64
}

// add draws a panel at a height.
func (f *drawing) add(p panel, top int) {
	highest := slices.Max(p.values)
	y := func(v float64) float64 { return float64(top) + panelHeight*(1-v/max(highest, 1e-9)) }
	value := make([][2]float64, len(p.values))
	for i, v := range p.values {
		value[i] = [2]float64{plotMargin + float64(i)*plotWidth/(bins-1), y(v)}
	}
	bottom := float64(top + panelHeight)
	frame := [][2]float64{{plotMargin, float64(top)}, {plotMargin, bottom}, {plotMargin + plotWidth, bottom}}
	f.lines = append(f.lines, line{points: frame, color: frameColor}, line{points: value, color: valueColor})
	f.labels = append(f.labels, label{plotMargin, top - 4, false, fmt.Sprintf("%s, up to %.4g", p.title, highest)})
}

// panels returns the diagrams of a time.
func (r Result) panels(length time.Duration) []panel {
	width := length / bins
	load, size := make([]float64, bins), make([]float64, bins)
	queue, latency, ended := make([]float64, bins), make([]float64, bins), make([]float64, bins)
	at := func(t time.Duration) int { return min(bins-1, max(0, int(t/width))) }
	for _, q := range r.Requests {
		load[at(q.At)] += 1 / width.Seconds()
		for i := at(q.At); q.Waited > 0 && i <= at(q.At+q.Waited); i++ {
			from, to := max(q.At, time.Duration(i)*width), min(q.At+q.Waited, time.Duration(i+1)*width)
			queue[i] += max(0, (to-from).Seconds()/width.Seconds())
		}
		if q.Err == nil {
			latency[at(q.At)] += float64(q.Took) / float64(time.Millisecond)
			ended[at(q.At)]++
		}
	}
	for i := range bins {
		latency[i] /= max(1, ended[i])
		for _, s := range r.Sizes {
			if s.At <= time.Duration(i+1)*width {
				size[i] = float64(s.Ready)
			}
		}
	}
	return []panel{
		{"requests per second", load},
		{"ready instances", size},
		{"requests in the queue", queue},
		{"mean latency in ms", latency},
	}
}
