// Command image-recognition names what is on a photograph: it runs a LiteRT file by LiteRT's C library, or a released
// TensorFlow graph by TensorFlow's C API.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"

	"lmgen.dev/go/lm"
)

// settings are those of EfficientNet-Lite0, unless others are given.
type settings struct {
	graph, labels, library, input, output string
	size, best                            int
	mean, scale                           float64
}

func main() {
	s := settings{}
	flag.StringVar(&s.graph, "graph", "efficientnet-lite0.tflite", "a LiteRT file (.tflite), or a GraphDef with its weights inside")
	flag.StringVar(&s.labels, "labels", "labels.txt", "a name on each line")
	flag.StringVar(&s.library, "library", "", "libLiteRt.so or libtensorflow_cc.so.2; else that of the Python package")
	flag.StringVar(&s.input, "input", "input", "of a GraphDef: the operation that takes a picture, float32 [1, size, size, 3]")
	flag.StringVar(&s.output, "output", "output", "of a GraphDef: the operation that gives a probability for each name")
	flag.IntVar(&s.size, "size", 224, "rows and columns of pixels that the graph takes")
	flag.Float64Var(&s.mean, "mean", 127, "taken away from each red, green and blue, 0 to 255")
	flag.Float64Var(&s.scale, "scale", 1.0/128, "by which the rest is multiplied")
	flag.IntVar(&s.best, "best", 5, "how many names are printed")
	flag.Parse()
	if err := s.run(flag.Args()); err != nil {
		code, known := 1, (*lm.Error)(nil)
		if errors.As(err, &known) {
			code = int(known.Kind)
		}
		fmt.Fprintln(os.Stderr, "image-recognition:", err)
		os.Exit(code)
	}
}

func (s *settings) run(photos []string) error {
	if len(photos) != 1 || s.size < 1 || s.best < 1 {
		return lm.Errorf(lm.Usage, "give one photograph, and a size and best of 1 or more: image-recognition --help")
	}
	pixels, err := readPhoto(photos[0], s.size)
	if err != nil {
		return err
	}
	for i := range pixels {
		pixels[i] = (pixels[i] - float32(s.mean)) * float32(s.scale)
	}
	names, err := s.names()
	if err != nil {
		return err
	}
	found, err := s.compute(pixels)
	if err != nil {
		return err
	}
	if len(found) != len(names) {
		return lm.Errorf(lm.Integrity, "%s has %d names, the graph gives %d numbers: they do not belong together", s.labels, len(names), len(found))
	}
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return found[order[a]] > found[order[b]] })
	for place := 0; place < len(order) && place < s.best; place++ {
		fmt.Printf("%s\t%.4f\n", names[order[place]], found[order[place]])
	}
	return nil
}

func (s *settings) names() ([]string, error) {
	data, err := os.ReadFile(s.labels)
	if err != nil {
		return nil, lm.Errorf(lm.Missing, "cannot read the names: %v", err)
	}
	return strings.Split(strings.TrimRight(string(data), "\r\n"), "\n"), nil
}
