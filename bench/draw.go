package main

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Sizes of a chart.
const (
	panelWidth  = 11 * vg.Centimeter
	barHeight   = 0.52 * vg.Centimeter
	panelSpare  = 1.5 * vg.Centimeter // a panel's title and borders
	titleHeight = 1.9 * vg.Centimeter
	margin      = 0.5 * vg.Centimeter
	imageDPI    = 144
)

var (
	ink  = color.RGBA{R: 0x22, G: 0x2b, B: 0x36, A: 0xff}
	soft = color.RGBA{R: 0x6b, G: 0x75, B: 0x80, A: 0xff}
	grid = color.RGBA{R: 0xe6, G: 0xe9, B: 0xec, A: 0xff}
)

// colors are the peers': dynlb's stand out.
var colors = map[string]color.Color{
	"dynlb":       color.RGBA{R: 0xd9, G: 0x48, B: 0x0f, A: 0xff},
	"dynlb-std":   color.RGBA{R: 0xf2, G: 0xa8, B: 0x7c, A: 0xff},
	"bare":        color.RGBA{R: 0xad, G: 0xb5, B: 0xbd, A: 0xff},
	"nginx":       color.RGBA{R: 0x37, G: 0x8d, B: 0x5b, A: 0xff},
	"haproxy":     color.RGBA{R: 0x1c, G: 0x6d, B: 0xb5, A: 0xff},
	"haproxy-tcp": color.RGBA{R: 0x8f, G: 0xbf, B: 0xe6, A: 0xff},
	"caddy":       color.RGBA{R: 0x7b, G: 0x62, B: 0xa8, A: 0xff},
}

// size is the chart's.
func (c chart) size() (width, height vg.Length) {
	bars := 0
	for _, p := range c.panels {
		bars = max(bars, len(p.bars))
	}
	columns, rows := c.shape()
	return vg.Length(columns)*panelWidth + 2*margin,
		vg.Length(rows)*(vg.Length(bars)*barHeight+panelSpare) + titleHeight + 2*margin
}

// shape is how many panels stand side by side and one above the other.
func (c chart) shape() (columns, rows int) {
	columns = min(c.columns, len(c.panels))
	return columns, (len(c.panels) + columns - 1) / columns
}

// write draws the chart into folder, as PNG and as SVG.
func (c chart) write(folder string) error {
	width, height := c.size()
	png := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(imageDPI))}
	svg := vgsvg.New(width, height)
	c.draw(draw.New(png))
	c.draw(draw.New(svg))
	var image, vector bytes.Buffer
	if _, err := png.WriteTo(&image); err != nil {
		return err
	}
	if _, err := svg.WriteTo(&vector); err != nil {
		return err
	}
	// Where the font is not there, one like it.
	text := bytes.ReplaceAll(vector.Bytes(), []byte("Liberation Sans;"), []byte("Liberation Sans,Arial,sans-serif;"))
	path := filepath.Join(folder, c.name)
	return errors.Join(os.WriteFile(path+".png", image.Bytes(), 0o644), os.WriteFile(path+".svg", text, 0o644))
}

// draw lays the panels out below the title.
func (c chart) draw(canvas draw.Canvas) {
	canvas.FillPolygon(color.White, []vg.Point{
		canvas.Min, {X: canvas.Max.X, Y: canvas.Min.Y}, canvas.Max, {X: canvas.Min.X, Y: canvas.Max.Y},
	})
	canvas = draw.Crop(canvas, margin, -margin, margin, -margin)
	canvas.FillText(style(17, ink, xfont.WeightBold, draw.XLeft, draw.YTop), vg.Point{X: canvas.Min.X, Y: canvas.Max.Y}, c.title)
	canvas.FillText(style(10, soft, xfont.WeightNormal, draw.XLeft, draw.YTop),
		vg.Point{X: canvas.Min.X, Y: canvas.Max.Y - 0.85*vg.Centimeter}, c.note)

	columns, rows := c.shape()
	tiles := draw.Tiles{Cols: columns, Rows: rows, PadX: 0.4 * vg.Centimeter, PadY: 0.4 * vg.Centimeter}
	body := draw.Crop(canvas, 0, 0, 0, -titleHeight)
	plots := make([][]*plot.Plot, rows)
	for i := range plots {
		plots[i] = make([]*plot.Plot, columns)
	}
	for i, p := range c.panels {
		plots[i/columns][i%columns] = p.plot()
	}
	for row, line := range plot.Align(plots, tiles, body) {
		for column, area := range line {
			if p := plots[row][column]; p != nil {
				p.Draw(area)
			}
		}
	}
}

// plot is the panel with its axes.
func (p panel) plot() *plot.Plot {
	area := plot.New()
	area.Title.Text = p.title
	area.Title.TextStyle = style(11, ink, xfont.WeightBold, draw.XCenter, draw.YTop)
	area.Title.Padding = 0.15 * vg.Centimeter
	var names []string
	for i := range p.bars {
		names = append(names, p.bars[len(p.bars)-1-i].peer) // the first on top
	}
	area.NominalY(names...)
	area.Y.Tick.Label = style(10, ink, xfont.WeightNormal, draw.XRight, -0.6)
	area.Y.LineStyle.Color = soft
	area.Y.Padding = 0
	area.HideX()
	area.Add(barPlotter(p))
	area.X.Min, area.X.Max = 0, p.reach()
	area.Y.Min, area.Y.Max = -0.6, float64(len(p.bars))-0.4
	return area
}

// style is how a text looks.
func style(size vg.Length, c color.Color, weight xfont.Weight, x draw.XAlignment, y draw.YAlignment) draw.TextStyle {
	face := font.From(font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight}, size)
	return draw.TextStyle{Color: c, Font: face, XAlign: x, YAlign: y, Handler: text.Plain{Fonts: font.DefaultCache}}
}

func (b bar) label(format string) string { return fmt.Sprintf(format, b.Median) }
