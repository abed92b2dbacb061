// Command topshot turns the screen of a terminal into an SVG picture: text with the escape
// sequences of colours on standard input, as tmux has it of a real run:
//
//	tmux capture-pane -pe | go run ./internal/top/topshot > docs/images/top.svg
package main

import (
	"fmt"
	"html"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// The size of a cell, and the space around the screen, in pixels.
const (
	cellWidth  = 8.4
	cellHeight = 17.0
	margin     = 14.0
)

// colours are those of the palette that the screen uses, and of text and background.
var colours = map[int]string{1: "#ff7b72", 2: "#56d364", 3: "#e3b341", 4: "#79c0ff", 5: "#d2a8ff", 6: "#39c5cf", 7: "#d6dde6"}

const (
	foreground = "#d6dde6"
	background = "#0d1117"
)

// style is how text looks.
type style struct {
	bold, faint, reverse bool
	colour               int // of the palette; 0: that of text
}

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		_, err = os.Stdout.WriteString(picture(strings.Split(strings.TrimRight(string(text), "\n"), "\n")))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "topshot: %v\n", err)
		os.Exit(1)
	}
}

// picture returns the SVG of some lines.
func picture(lines []string) string {
	columns := 0
	for _, line := range lines {
		columns = max(columns, ansi.StringWidth(line))
	}
	width, height := float64(columns)*cellWidth+2*margin, float64(len(lines))*cellHeight+2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", background)
	var s style
	for row, line := range lines {
		at := 0
		for line != "" {
			sequence, rest, escaped := cutEscape(line)
			if escaped {
				s = s.apply(sequence)
				line = rest
				continue
			}
			end := strings.IndexByte(line, '\x1b')
			if end < 0 {
				end = len(line)
			}
			writeRun(&b, line[:end], s, row, at)
			at += ansi.StringWidth(line[:end])
			line = line[end:]
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// cutEscape cuts a sequence of colours (SGR) off the beginning of a line, and reports
// whether there is one. Others are cut off as well, without a sequence.
func cutEscape(line string) (sequence, rest string, ok bool) {
	if !strings.HasPrefix(line, "\x1b") {
		return "", line, false
	}
	body, found := strings.CutPrefix(line, "\x1b[")
	end := strings.IndexFunc(body, func(c rune) bool { return c >= '@' && c <= '~' })
	if !found || end < 0 {
		return "", line[1:], true
	}
	if body[end] == 'm' {
		sequence = body[:end]
		if sequence == "" {
			sequence = "0"
		}
	}
	return sequence, body[end+1:], true
}

// apply returns a style after a sequence of numbers (ECMA-48 SGR).
func (s style) apply(sequence string) style {
	for part := range strings.SplitSeq(sequence, ";") {
		n, err := strconv.Atoi(part)
		switch {
		case err != nil:
		case n == 0:
			s = style{}
		case n == 1:
			s.bold = true
		case n == 2:
			s.faint = true
		case n == 7:
			s.reverse = true
		case n == 22:
			s.bold, s.faint = false, false
		case n == 27:
			s.reverse = false
		case n >= 31 && n <= 37:
			s.colour = n - 30
		case n == 39:
			s.colour = 0
		}
	}
	return s
}

// writeRun writes text of one style, which begins in a column of a row.
func writeRun(b *strings.Builder, text string, s style, row, column int) {
	x, y := margin+float64(column)*cellWidth, margin+float64(row)*cellHeight
	width := float64(ansi.StringWidth(text)) * cellWidth
	fill := foreground
	if c, ok := colours[s.colour]; ok {
		fill = c
	}
	if s.reverse {
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, width, cellHeight, fill)
		fill = background
	}
	if strings.TrimSpace(text) == "" {
		return
	}
	attributes := ""
	if s.bold {
		attributes += ` font-weight="bold"`
	}
	if s.faint {
		attributes += ` opacity="0.65"`
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" textLength="%.1f" lengthAdjust="spacingAndGlyphs" fill="%s"%s xml:space="preserve">%s</text>`+"\n",
		x, y+cellHeight-4.5, width, fill, attributes, html.EscapeString(text))
}
