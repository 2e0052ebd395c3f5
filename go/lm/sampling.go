package lm

import (
	"math"
	"sort"
)

// Sampling says how the next word is chosen. Samplers work in the order of the fields.
type Sampling struct {
	// Temperature divides the logits; 0 always takes the most likely word, 1 leaves the model's distribution.
	Temperature float64
	// TopK keeps the k most likely words; of equals at the limit, all stay. 0 keeps all.
	TopK int
	// TopP keeps the fewest most likely words that together reach this probability. 1 keeps all.
	TopP float64
	// MinP keeps words at least so many times as likely as the most likely. 0 keeps all.
	MinP float64
}

// Check says what is out of range.
func (s Sampling) Check() error {
	const most = 1e6
	switch {
	case !(s.Temperature == 0 || s.Temperature >= 1/most && s.Temperature <= most):
		return Errorf(Usage, "temperature must be 0, or from 1e-06 to 1e+06, not %v", s.Temperature)
	case s.TopK < 0:
		return Errorf(Usage, "top-k must be 0 or more, not %d", s.TopK)
	case !(s.TopP > 0 && s.TopP <= 1):
		return Errorf(Usage, "top-p must be above 0 and at most 1, not %v", s.TopP)
	case !(s.MinP >= 0 && s.MinP < 1):
		return Errorf(Usage, "min-p must be 0 or more and below 1, not %v", s.MinP)
	}
	return nil
}

// apply reshapes logits, in place; those of words ruled out become -inf.
func (s Sampling) apply(logits []float32) {
	if s.Temperature != 0 && s.Temperature != 1 {
		for i := range logits {
			logits[i] /= float32(s.Temperature)
		}
	}
	if s.TopK > 0 && s.TopK < len(logits) {
		keepFrom(logits, kthHighest(logits, s.TopK))
	}
	if s.TopP < 1 {
		topP(logits, s.TopP)
	}
	if s.MinP > 0 {
		keepFrom(logits, logits[mostLikely(logits)]+float32(math.Log(s.MinP)))
	}
}

func keepFrom(logits []float32, limit float32) {
	for i, logit := range logits {
		if logit < limit {
			logits[i] = ruledOut
		}
	}
}

// topP keeps the fewest words whose probabilities reach p (Holtzman et al. 2020), without a sort of all: words near the
// highest are counted into bins by their distance to it, and only the bin in which p is reached is sorted.
func topP(logits []float32, p float64) {
	const bins = 1024
	highest, shares := exponentials(logits)
	wanted := p * sum(shares)
	var near []int
	reach := 0.0
	for _, reach = range []float64{6, 12, 24, math.Inf(1)} {
		near = near[:0]
		total := 0.0
		for i, logit := range logits {
			if logit >= highest-float32(reach) {
				near = append(near, i)
				total += float64(shares[i])
			}
		}
		if total >= wanted {
			break
		}
	}
	binOf, weights := make([]int, len(near)), make([]float64, bins)
	for place, i := range near {
		distance := (highest - logits[i]) * float32(bins/math.Min(reach, 24))
		binOf[place] = int(math.Min(float64(distance), bins-1))
		weights[binOf[place]] += float64(shares[i])
	}
	edge, reached := 0, weights[0]
	for edge < bins-1 && reached < wanted {
		edge++
		reached += weights[edge]
	}
	keep(logits, near, binOf, edge, cut{shares, wanted, reached - weights[edge]})
}

// cut is where words stop being kept: the shares, how much of them is wanted, and how much the bins before have.
type cut struct {
	shares         []float32
	wanted, before float64
}

// keep rules out all but the words in bins before the edge, and those of its own that are needed, the most likely first.
func keep(logits []float32, near, binOf []int, edge int, c cut) {
	kept := make([]float32, len(logits))
	for i := range kept {
		kept[i] = ruledOut
	}
	var last []int
	for place, i := range near {
		if binOf[place] < edge {
			kept[i] = logits[i]
		} else if binOf[place] == edge {
			last = append(last, i)
		}
	}
	sort.SliceStable(last, func(a, b int) bool { return logits[last[a]] > logits[last[b]] })
	reached := c.before
	for _, i := range last {
		kept[i] = logits[i]
		reached += float64(c.shares[i])
		if reached >= c.wanted {
			break
		}
	}
	copy(logits, kept)
}

// Choice is a word's id, and the draw that chose it: Low <= Draw < High, all in [0, 1].
type Choice struct {
	ID              int
	Draw, Low, High float64
}

// draw lets one uniform number fall among the cumulated shares: by blocks, and within the block that is hit.
func draw(logits []float32, uniform float64) Choice {
	const block = 1024
	_, shares := exponentials(logits)
	sums := make([]float64, (len(shares)+block-1)/block)
	total := 0.0
	for i := range sums {
		total += sum(shares[i*block : minimum((i+1)*block, len(shares))])
		sums[i] = total
	}
	hit := fall(sums, uniform*total)
	before := 0.0
	if hit > 0 {
		before = sums[hit-1]
	}
	inside := make([]float64, minimum(block, len(shares)-hit*block))
	reached := before
	for i := range inside {
		reached += float64(shares[hit*block+i])
		inside[i] = reached
	}
	place := fall(inside, uniform*total)
	low := before
	if place > 0 {
		low = inside[place-1]
	}
	return Choice{hit*block + place, uniform, low / total, inside[place] / total}
}

// fall is where a point falls: the first place whose sum is above it or, rounding apart, that has the last sum.
func fall(cumulated []float64, point float64) int {
	last := cumulated[len(cumulated)-1]
	return sort.Search(len(cumulated), func(i int) bool { return cumulated[i] > point || cumulated[i] >= last })
}
