package lm

import (
	"math"
	"sort"

	"lmgen.dev/go/internal/vec"
)

var ruledOut = float32(math.Inf(-1))

// mostLikely is the place of the highest logit; of equals the first.
func mostLikely(logits []float32) int {
	highest := vec.Max(logits)
	for i, logit := range logits {
		if logit == highest {
			return i
		}
	}
	return 0
}

// reaching adds the places of logits that reach a limit: most groups of them have none.
func reaching(places []int, logits []float32, limit float32) []int {
	const group = 64
	for first := 0; first < len(logits); first += group {
		part := logits[first:minimum(first+group, len(logits))]
		if vec.Max(part) < limit {
			continue
		}
		for i, logit := range part {
			if logit >= limit {
				places = append(places, first+i)
			}
		}
	}
	return places
}

// sum adds in float64, in four lanes.
func sum(numbers []float32) float64 {
	var a, b, c, d float64
	i := 0
	for ; i+4 <= len(numbers); i += 4 {
		a += float64(numbers[i])
		b += float64(numbers[i+1])
		c += float64(numbers[i+2])
		d += float64(numbers[i+3])
	}
	for ; i < len(numbers); i++ {
		a += float64(numbers[i])
	}
	return (a + b) + (c + d)
}

// LogTotal is the natural logarithm of the sum of exp(logit): what a softmax takes away from each logit.
func LogTotal(logits []float32) float64 {
	r := rooms.Get().(*room)
	defer rooms.Put(r)
	return r.logTotal(logits)
}

func (r *room) logTotal(logits []float32) float64 {
	highest := r.weigh(logits)
	return float64(highest) + math.Log(sum(r.shares))
}

// totalAndEntropy gives LogTotal, and the entropy of the softmax in nats, from the same exponentials.
func totalAndEntropy(logits []float32) (logTotal, entropy float64) {
	r := rooms.Get().(*room)
	defer rooms.Put(r)
	highest, total, moment := r.weigh(logits), 0.0, 0.0
	for i, share := range r.shares {
		if share > 0 {
			total += float64(share)
			moment += float64(share) * float64(logits[i]-highest)
		}
	}
	return float64(highest) + math.Log(total), math.Log(total) - moment/total
}

// Probabilities are the softmax of logits, in float64.
func Probabilities(logits []float32) []float64 {
	highest, shares, total := float64(vec.Max(logits)), make([]float64, len(logits)), 0.0
	for i, logit := range logits {
		shares[i] = math.Exp(float64(logit) - highest)
		total += shares[i]
	}
	for i := range shares {
		shares[i] /= total
	}
	return shares
}

// kthHighest gives the value of the k-th highest logit, by a sort of what reaches the k-th highest maximum of
// groups of logits: at least k of them do.
func kthHighest(logits []float32, k int) float32 {
	const group = 64
	if count := len(logits) / group; count >= k {
		maxima := make([]float32, count)
		for i := range maxima {
			maxima[i] = vec.Max(logits[i*group:][:group])
		}
		bound := kthHighest(maxima, k)
		near := make([]float32, 0, 4*k)
		for _, place := range reaching(nil, logits, bound) {
			near = append(near, logits[place])
		}
		logits = near
	} else {
		logits = append([]float32(nil), logits...)
	}
	sort.Slice(logits, func(i, j int) bool { return logits[i] > logits[j] })
	return logits[k-1]
}
