package lm

import (
	"math"
	"math/rand"
	"sort"
	"testing"
)

// drawn are logits of words, and a few that are ruled out.
func drawn(random *rand.Rand, count int) []float32 {
	logits := make([]float32, count)
	for i := range logits {
		logits[i] = float32(random.NormFloat64() * 4)
	}
	for i := 0; i < count/10; i++ {
		logits[random.Intn(count)] = ruledOut
	}
	return logits
}

// plain are the shares that a sampling leaves, by a sort of all.
func plain(s Sampling, logits []float32) []float64 {
	order, shares := make([]int, len(logits)), make([]float64, len(logits))
	highest := float64(logits[mostLikely(logits)])
	total := 0.0
	for i, logit := range logits {
		order[i], shares[i] = i, math.Exp(float64(logit)-highest)
	}
	sort.SliceStable(order, func(a, b int) bool { return logits[order[a]] > logits[order[b]] })
	if s.TopK > 0 && s.TopK < len(order) {
		for _, i := range order[s.TopK:] {
			if logits[i] < logits[order[s.TopK-1]] {
				shares[i] = 0
			}
		}
	}
	for _, share := range shares {
		total += share
	}
	reached := 0.0
	for _, i := range order {
		if s.TopP < 1 && reached >= s.TopP*total || shares[i] < s.MinP {
			shares[i] = 0
		}
		reached += shares[i]
	}
	return shares
}

func TestSamplersKeepTheWordsThatASortKeeps(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for _, s := range []Sampling{
		{1, 0, 1, 0}, {1, 0, 0.9, 0}, {1, 0, 0.05, 0}, {1, 0, 0.9999, 0}, {1, 40, 1, 0}, {1, 1, 1, 0}, {1, 0, 1, 0.02}, {1, 300, 0.8, 0.01},
	} {
		for _, count := range []int{1, 40, 1000, 5003} {
			logits, r := drawn(random, count), &room{}
			logits[0] = 1
			want := plain(s, logits)
			s.choose(r, append([]float32(nil), logits...), random.Float64)
			for i, share := range r.shares {
				if math.Abs(float64(share)-want[i]) > 1e-6 {
					t.Fatalf("%+v of %d words: the share of %d is %v, not %v", s, count, i, share, want[i])
				}
			}
		}
	}
}

func TestADrawFallsWithinTheIntervalOfItsWord(t *testing.T) {
	random := rand.New(rand.NewSource(2))
	r, logits := &room{}, drawn(random, 3001)
	counts, total := make([]float64, len(logits)), 0.0
	r.weigh(logits)
	for _, share := range r.shares {
		total += float64(share)
	}
	for i := 0; i < 5000; i++ {
		uniform := random.Float64()
		choice := r.draw(uniform)
		width := float64(r.shares[choice.ID]) / total
		if !(choice.Low <= uniform && uniform < choice.High) || math.Abs(choice.High-choice.Low-width) > 1e-12 {
			t.Fatalf("%v has drawn %+v, whose width should be %v", uniform, choice, width)
		}
		counts[choice.ID]++
	}
	for _, uniform := range []float64{0, 1 - 1.0/(1<<53)} {
		if choice := r.draw(uniform); r.shares[choice.ID] == 0 {
			t.Errorf("%v has drawn a word that is ruled out", uniform)
		}
	}
}

func TestOfEqualWordsTheFirstIsTheMostLikelyAndAllStayInTopK(t *testing.T) {
	logits := []float32{1, 3, 3, 2, 3}
	if choice := (Sampling{TopP: 1}).choose(&room{}, logits, nil); choice != (Choice{ID: 1, High: 1}) {
		t.Errorf("%+v", choice)
	}
	r := &room{}
	Sampling{Temperature: 1, TopK: 2, TopP: 1}.choose(r, logits, func() float64 { return 0.9 })
	for i, kept := range []float32{0, 1, 1, 0, 1} {
		if r.shares[i] != kept {
			t.Errorf("the shares are %v", r.shares)
		}
	}
}

func TestChoosingTakesTheSameMemoryAgain(t *testing.T) {
	random := rand.New(rand.NewSource(3))
	r, logits := &room{}, drawn(random, 5000)
	sampling := Sampling{Temperature: 0.7, TopP: 0.95}
	allocated := testing.AllocsPerRun(20, func() { sampling.choose(r, r.scaled(logits, 0.7), random.Float64) })
	if allocated > 10 { // of a few bytes
		t.Errorf("%v times", allocated)
	}
}

func TestSettingsOutOfRangeAreRefused(t *testing.T) {
	for _, s := range []Sampling{
		{-1, 0, 1, 0}, {math.NaN(), 0, 1, 0}, {1e7, 0, 1, 0}, {1, -1, 1, 0}, {1, 0, 0, 0}, {1, 0, 1.1, 0}, {1, 0, 1, 1}, {1, 0, 1, -0.1},
	} {
		if err, known := s.Check().(*Error); !known || err == nil || err.Kind != Usage {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
