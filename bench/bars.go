package main

import (
	"image/color"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// barPlotter draws a panel's bars: horizontal, the first on top, with whiskers
// and values. gonum's own bar chart has neither.
type barPlotter panel

// reach is how far a panel's axis goes: a stray whisker may be cut off, so that
// the bars stay long enough to compare, and the values have room.
func (p panel) reach() float64 {
	longest, farthest := 0.0, 0.0
	for _, b := range p.bars {
		longest, farthest = max(longest, b.Median), max(farthest, b.Max)
	}
	if longest <= 0 {
		return 1
	}
	return labelRoom * min(farthest, 1.5*longest)
}

// labelRoom is how much longer an axis is than what it shows.
const labelRoom = 1.22

// Plot implements plot.Plotter.
func (p barPlotter) Plot(c draw.Canvas, area *plot.Plot) {
	x, y := area.Transforms(&c)
	for share := 0.25; share <= 1; share += 0.25 {
		c.StrokeLine2(draw.LineStyle{Color: grid, Width: 0.7}, x(share*area.X.Max), c.Min.Y, x(share*area.X.Max), c.Max.Y)
	}
	edge := area.X.Max / labelRoom
	for i, b := range p.bars {
		middle := y(float64(len(p.bars) - 1 - i))
		half := 0.36 * barHeight
		fill, ok := colors[b.peer]
		if !ok {
			fill = soft
		}
		left, right := x(0), x(max(b.Median, 0))
		c.FillPolygon(fill, []vg.Point{
			{X: left, Y: middle - half}, {X: right, Y: middle - half}, {X: right, Y: middle + half}, {X: left, Y: middle + half},
		})
		end := max(right, x(min(b.Max, edge)))
		whisker(c, x(max(b.Min, 0)), end, middle)
		c.FillText(style(9, ink, weightOf(b.peer), draw.XLeft, -0.4),
			vg.Point{X: end + 0.12*vg.Centimeter, Y: middle}, b.label(p.format))
	}
}

// whisker goes from one value to another, with a small bar at either end.
func whisker(c draw.Canvas, from, to, y vg.Length) {
	if to-from < vg.Points(1) {
		return
	}
	line := draw.LineStyle{Color: color.RGBA{R: ink.R, G: ink.G, B: ink.B, A: 0xff}, Width: 0.8}
	const half = 0.11 * vg.Centimeter
	c.StrokeLine2(line, from, y, to, y)
	c.StrokeLine2(line, from, y-half, from, y+half)
	c.StrokeLine2(line, to, y-half, to, y+half)
}

func weightOf(peer string) xfont.Weight {
	if peer == "dynlb" {
		return xfont.WeightBold
	}
	return xfont.WeightNormal
}
