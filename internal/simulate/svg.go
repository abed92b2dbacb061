package simulate

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// PlotSVG writes an SVG with the load, the instances, the queue and the latency over
// time. A line marks each decision, and its reason is the tooltip.
func (r Result) PlotSVG(w io.Writer, load []Phase) error {
	f := r.plot(load)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n",
		f.width, f.height)
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	for _, l := range f.lines {
		l.svg(&b)
	}
	for _, l := range f.labels {
		anchor := ""
		if l.ends {
			anchor = ` text-anchor="end"`
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d"%s>%s</text>`+"\n", l.x, l.y, anchor, html.EscapeString(l.text))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// svg writes the line.
func (l line) svg(b *strings.Builder) {
	b.WriteString(`<path d="`)
	command := "M"
	for _, p := range l.points {
		fmt.Fprintf(b, "%s%.1f %.1f", command, p[0], p[1])
		command = "L"
	}
	fmt.Fprintf(b, `" fill="none" stroke="#%02x%02x%02x" stroke-opacity="%.1f">`, l.color[0], l.color[1], l.color[2], float64(l.color[3])/0xff)
	if l.note != "" {
		fmt.Fprintf(b, "<title>%s</title>", html.EscapeString(l.note))
	}
	b.WriteString("</path>\n")
}
