package main

import (
	"image"
	_ "image/gif" // forms of pictures that are read
	_ "image/jpeg"
	_ "image/png"
	"math"
	"os"

	"lmgen.dev/go/lm"
)

// readPhoto gives a picture's red, green and blue, each 0 to 255, float32 [size, size, 3], whatever its own size.
func readPhoto(path string, size int) ([]float32, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, lm.Errorf(lm.Missing, "cannot read the photograph: %v", err)
	}
	defer file.Close()
	photo, _, err := image.Decode(file)
	if err != nil {
		return nil, lm.Errorf(lm.Integrity, "%s is no JPEG, PNG or GIF: %v", path, err)
	}
	bounds := photo.Bounds()
	pixels := make([]float32, 0, size*size*3)
	for row := 0; row < size; row++ {
		for column := 0; column < size; column++ {
			x := span{bounds.Min.X, bounds.Dx()}.part(column, size)
			y := span{bounds.Min.Y, bounds.Dy()}.part(row, size)
			pixels = append(pixels, mean(photo, image.Rect(x[0], y[0], x[1], y[1]))...)
		}
	}
	return pixels, nil
}

// span is where the rows or columns of a picture begin, and how many there are.
type span struct{ begin, length int }

// part is what one of `count` equal parts covers: one row or column at least.
func (s span) part(number, count int) [2]int {
	first := number * s.length / count
	last := int(math.Ceil(float64((number+1)*s.length) / float64(count)))
	return [2]int{s.begin + first, s.begin + last}
}

// mean is the colour of a rectangle.
func mean(photo image.Image, where image.Rectangle) []float32 {
	var sums [3]float64
	for y := where.Min.Y; y < where.Max.Y; y++ {
		for x := where.Min.X; x < where.Max.X; x++ {
			red, green, blue, _ := photo.At(x, y).RGBA()
			for i, colour := range []uint32{red, green, blue} {
				sums[i] += float64(colour) / 257 // of 65,535
			}
		}
	}
	colours := make([]float32, 3)
	for i, sum := range sums {
		colours[i] = float32(sum / float64(where.Dx()*where.Dy()))
	}
	return colours
}
