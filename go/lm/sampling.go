package lm

import (
	"math"
	"sort"
	"sync"

	"lmgen.dev/go/internal/vec"
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

// choose draws a word by logits, of which those of words ruled out are -inf, and which it reshapes in place.
func (s Sampling) choose(r *room, logits []float32, random func() float64) Choice {
	if s.Temperature == 0 {
		return Choice{ID: mostLikely(logits), High: 1}
	}
	if s.TopK > 0 && s.TopK < len(logits) {
		keepFrom(logits, kthHighest(logits, s.TopK))
	}
	highest := r.weigh(logits)
	if s.TopP < 1 {
		r.topP(logits, highest, s.TopP)
	}
	if s.MinP > 0 {
		limit := highest + float32(math.Log(s.MinP))
		for i, logit := range logits {
			if logit < limit {
				r.shares[i] = 0
			}
		}
	}
	return r.draw(random())
}

func keepFrom(logits []float32, limit float32) {
	for i, logit := range logits {
		if logit < limit {
			logits[i] = ruledOut
		}
	}
}

// room is what choosing a word needs, kept from word to word: numbers for every softmax row.
type room struct {
	allowed, shares []float32
	near, bins      []int
	nearShares      []float32
}

var rooms = sync.Pool{New: func() any { return &room{} }}

// weigh sets the shares, exp(logit - highest), and returns the highest logit.
func (r *room) weigh(logits []float32) (highest float32) {
	r.shares = sized(r.shares, len(logits))
	highest = vec.Max(logits)
	vec.Exp(r.shares, logits, highest, 1)
	return highest
}

// scaled copies logits, divided by the temperature if there is one.
func (r *room) scaled(logits []float32, temperature float64) []float32 {
	if temperature == 0 {
		temperature = 1
	}
	r.allowed = sized(r.allowed, len(logits))
	vec.Divide(r.allowed, logits, float32(temperature))
	return r.allowed
}

// sized is a slice of so many numbers, of any values; with the memory of one before, if it has room.
func sized(before []float32, size int) []float32 {
	if cap(before) < size {
		return make([]float32, size)
	}
	return before[:size]
}

// topP keeps the shares of the fewest words that reach p of them all (Holtzman et al. 2020), without a sort of all: words
// near the highest are counted into bins by their distance to it, and only the bin in which p is reached is sorted.
func (r *room) topP(logits []float32, highest float32, p float64) {
	const bins = 1024
	wanted, reach := p*sum(r.shares), 0.0
	for _, reach = range []float64{6, 12, 24, math.Inf(1)} {
		r.near = reaching(r.near[:0], logits, highest-float32(reach))
		total := 0.0
		for _, i := range r.near {
			total += float64(r.shares[i])
		}
		if total >= wanted {
			break
		}
	}
	var weights [bins]float64
	r.bins, r.nearShares = r.bins[:0], r.nearShares[:0]
	for _, i := range r.near {
		distance := (highest - logits[i]) * float32(bins/math.Min(reach, 24))
		bin := int(math.Min(float64(distance), bins-1))
		weights[bin] += float64(r.shares[i])
		r.bins, r.nearShares = append(r.bins, bin), append(r.nearShares, r.shares[i])
	}
	edge, reached := 0, weights[0]
	for edge < bins-1 && reached < wanted {
		edge++
		reached += weights[edge]
	}
	r.keep(logits, edge, reached-weights[edge], wanted)
}

// keep leaves the shares of words in the bins before the edge, which have some already, and those of its own that are
// wanted, the most likely first.
func (r *room) keep(logits []float32, edge int, reached, wanted float64) {
	for i := range r.shares {
		r.shares[i] = 0
	}
	var last []int
	for place, i := range r.near {
		if r.bins[place] < edge {
			r.shares[i] = r.nearShares[place]
		} else if r.bins[place] == edge {
			last = append(last, place)
		}
	}
	sort.SliceStable(last, func(a, b int) bool { return logits[r.near[last[a]]] > logits[r.near[last[b]]] })
	for _, place := range last {
		r.shares[r.near[place]] = r.nearShares[place]
		reached += float64(r.nearShares[place])
		if reached >= wanted {
			break
		}
	}
}

// Choice is a word's id, and the draw that chose it: Low <= Draw < High, all in [0, 1].
type Choice struct {
	ID              int
	Draw, Low, High float64
}

// draw lets one uniform number fall among the cumulated shares: by blocks, and within the block that is hit.
func (r *room) draw(uniform float64) Choice {
	const block = 1024
	shares := r.shares
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
	var room [block]float64
	inside := room[:minimum(block, len(shares)-hit*block)]
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
