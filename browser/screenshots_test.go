package browser_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var updateScreenshots = flag.Bool("update-screenshots", false, "write the pictures of docs/images anew")

// The pictures of the page in the docs: the top of it, with a busy pool, in light and dark.
func TestPageScreenshots(t *testing.T) {
	s := record(t)
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			b := open(t, "about:blank")
			b.do(chromedp.EmulateViewport(1160, 1000))
			b.media("prefers-color-scheme", scheme)
			call(b, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "UTC"})
			s.replay(b)
			size := eval[image.Point](b, `(({right, bottom}) => ({X: Math.ceil(right) + 16, Y: Math.ceil(bottom) + 14}))(
				document.querySelector("#pools section").getBoundingClientRect())`)
			savePicture(t, "page-"+scheme+".png", b.picture(size))
		})
	}
}

// replay shows the sample in the page, second by second, up to the last.
func (s sample) replay(b *tab) {
	b.t.Helper()
	seen := make(chan struct{})
	b.visit(serve(b.t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		second, err := strconv.Atoi(r.FormValue("second"))
		switch {
		case r.FormValue("format") != "json":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, s.page)
		case err == nil:
			fmt.Fprint(w, s.polls[second])
		default: // the page's own poll, which waits until the page has been shown the past
			<-seen
			fmt.Fprint(w, s.polls[len(s.polls)-1])
		}
	})))
	eval[bool](b, fmt.Sprintf(`(async () => {
		for (let i = 0; i < %d; i++) show(await (await fetch("?format=json&second=" + i)).json());
		return true;
	})()`, len(s.polls)-1))
	close(seen)
	b.live()
}

// picture is a PNG of the upper left corner of the tab.
func (b *tab) picture(size image.Point) []byte {
	b.t.Helper()
	return call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Clip: &page.Viewport{Width: float64(size.X), Height: float64(size.Y), Scale: 1},
	}).Data
}

// mostBytes is what a picture in the docs may have.
const mostBytes = 150_000

// savePicture checks a picture of a page, and with -update-screenshots it writes it.
func savePicture(t *testing.T, name string, encoded []byte) {
	t.Helper()
	picture, colours := checkPicture(t, name, encoded)
	var small bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&small, paletted(picture, colours)); err != nil {
		t.Fatal(err)
	}
	saveFile(t, name, small.Bytes())
}

// checkPicture tells a picture from an empty one.
func checkPicture(t *testing.T, name string, encoded []byte) (image.Image, []colourCount) {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	size, colours := picture.Bounds().Size(), countColours(picture)
	if size.X < 600 || size.Y < 400 {
		t.Errorf("%s: have %v pixels, want 600 times 400 at least", name, size)
	}
	if drawn := 1 - float64(colours[0].points)/float64(size.X*size.Y); drawn < 0.05 {
		t.Errorf("%s: have %.1f%% of its points drawn upon, want 5%% at least", name, drawn*100)
	}
	return picture, colours
}

func saveFile(t *testing.T, name string, content []byte) {
	t.Helper()
	if len(content) > mostBytes {
		t.Errorf("%s: have %d bytes, want %d at most", name, len(content), mostBytes)
	}
	if *updateScreenshots {
		if err := os.WriteFile(filepath.Join("..", "docs", "images", name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

type colourCount struct {
	color.RGBA
	points int
}

// countColours lists the colours of a picture, the commonest first.
func countColours(picture image.Image) []colourCount {
	bounds, points := picture.Bounds(), map[color.RGBA]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			points[color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)]++
		}
	}
	var list []colourCount
	for c, n := range points {
		list = append(list, colourCount{c, n})
	}
	slices.SortFunc(list, func(a, b colourCount) int {
		return cmp.Or(b.points-a.points, int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	return list
}

// paletted has at most 256 colours, and for each other one the nearest of them. A page has few colours beside the edges
// of its letters, so that nobody sees a difference, and the file is a third as large.
func paletted(picture image.Image, colours []colourCount) image.Image {
	kept := apart(colours, 0)
	for distance := 1; len(kept) > 256; distance++ {
		kept = apart(colours, distance)
	}
	nearest := map[color.RGBA]uint8{}
	for _, c := range colours {
		nearest[c.RGBA] = uint8(kept.Index(c.RGBA))
	}
	bounds := picture.Bounds()
	small := image.NewPaletted(bounds, kept)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			small.SetColorIndex(x, y, nearest[color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)])
		}
	}
	return small
}

// apart leaves out each colour that is too near to a commoner one.
func apart(colours []colourCount, distance int) (kept color.Palette) {
	near := func(a, b uint8) bool { return max(a, b)-min(a, b) <= uint8(distance) }
	for _, c := range colours {
		if !slices.ContainsFunc(kept, func(k color.Color) bool {
			have := k.(color.RGBA)
			return near(have.R, c.R) && near(have.G, c.G) && near(have.B, c.B)
		}) {
			kept = append(kept, c.RGBA)
		}
	}
	return kept
}
