package simulate

import (
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"time"
)

// The measures of a plot, in pixels.
const (
	plotWidth, panelHeight, plotMargin = 900, 130, 60
	bins                               = 300 // along the time
)

// Plot writes an SVG with the load, the instances, the queue and the latency over time.
// A line marks each decision, and its reason is the tooltip.
func (r Result) Plot(w io.Writer, load []Phase) error {
	length := time.Duration(0)
	for _, p := range load {
		length += p.For
	}
	length = max(length, time.Second)
	var b strings.Builder
	panels := r.panels(length)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n",
		plotWidth+2*plotMargin, len(panels)*(panelHeight+30)+plotMargin)
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	for i, p := range panels {
		p.draw(&b, i*(panelHeight+30)+30)
	}
	bottom := len(panels) * (panelHeight + 30)
	for _, c := range r.Changes {
		x := plotMargin + plotWidth*c.At.Seconds()/length.Seconds()
		fmt.Fprintf(&b, `<path d="M%.1f 30V%d" stroke="#c00" stroke-opacity=".4"><title>%s</title></path>`+"\n",
			x, bottom, html.EscapeString(fmt.Sprintf("%v %s: %s", c.At, c.Rule, c.Reason)))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d">0 s</text><text x="%d" y="%d" text-anchor="end">%v</text>`+"\n</svg>\n",
		plotMargin, bottom+20, plotMargin+plotWidth, bottom+20, length)
	_, err := io.WriteString(w, b.String())
	return err
}

// panel is one diagram: a value for each bin.
type panel struct {
	title  string
	values []float64
}

// draw writes the panel at a height.
func (p panel) draw(b *strings.Builder, top int) {
	highest := slices.Max(p.values)
	fmt.Fprintf(b, `<text x="%d" y="%d">%s, up to %.4g</text><path d="M%d %dv%dh%d" fill="none" stroke="#888"/><path d="`,
		plotMargin, top-4, p.title, highest, plotMargin, top, panelHeight, plotWidth)
	for i, v := range p.values {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(b, "%s%.1f %.1f", command, plotMargin+float64(i)*plotWidth/(bins-1),
			float64(top)+panelHeight*(1-v/max(highest, 1e-9)))
	}
	b.WriteString(`" fill="none" stroke="#06c"/>` + "\n")
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
