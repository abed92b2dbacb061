package simulate

import (
	"image"
	"image/color"
	imagedraw "image/draw"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// PlotPNG writes the picture of [Result.PlotSVG] as a PNG, which has no tooltips.
// Its font is of pixels: one with outlines and its reader are 600 KB.
func (r Result) PlotPNG(w io.Writer, load []Phase) error {
	f := r.plot(load)
	picture := image.NewRGBA(image.Rect(0, 0, f.width, f.height))
	imagedraw.Draw(picture, picture.Bounds(), image.White, image.Point{}, imagedraw.Src)
	for _, l := range f.lines {
		l.paint(picture)
	}
	for _, l := range f.labels {
		d := font.Drawer{Dst: picture, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(l.x, l.y)}
		if l.ends {
			d.Dot.X -= d.MeasureString(l.text)
		}
		d.DrawString(l.text)
	}
	return png.Encode(w, picture)
}

// paint draws the line, one pixel wide: a rectangle along each part. A whole number is
// the middle of a pixel.
func (l line) paint(on *image.RGBA) {
	size := on.Bounds().Size()
	shape := vector.NewRasterizer(size.X, size.Y)
	for i := range len(l.points) - 1 {
		from, to := l.points[i], l.points[i+1]
		dx, dy := to[0]-from[0], to[1]-from[1]
		half := 2 * math.Hypot(dx, dy)
		if half == 0 {
			continue
		}
		acrossX, acrossY := -dy/half, dx/half
		at := func(p [2]float64, side float64) (x, y float32) {
			return float32(p[0] + .5 + side*acrossX), float32(p[1] + .5 + side*acrossY)
		}
		shape.MoveTo(at(from, 1))
		shape.LineTo(at(to, 1))
		shape.LineTo(at(to, -1))
		shape.LineTo(at(from, -1))
		shape.ClosePath()
	}
	c := color.NRGBA{l.color[0], l.color[1], l.color[2], l.color[3]}
	shape.Draw(on, on.Bounds(), image.NewUniform(c), image.Point{})
}
