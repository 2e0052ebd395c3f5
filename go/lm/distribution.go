package lm

import (
	"math"
	"sort"
	"strings"
)

// NextWord is a word that may come next.
type NextWord struct {
	Word string
	// Rank is 1 for the most likely word; Cumulative is the probability of all words up to it.
	Rank             int
	Prob, Cumulative float64
	// LogProb is the natural logarithm of Prob.
	LogProb float64
	// OOV says that it is outside the vocabulary: rank and probability are those of `<UNK>`.
	OOV bool
}

// Distribution is that of the next word: every word of the vocabulary has its probability.
type Distribution struct {
	// Probs are the words' by id; Wordless is that of the softmax rows without a word, before they are left out.
	Probs    []float64
	Wordless float64
	// Entropy is in nats.
	Entropy    float64
	vocabulary *Vocabulary
	order      []int
	ranked     []NextWord // by id
}

// NewDistribution makes it of one text's logits. Renormalised, words' probabilities sum to 1.
func NewDistribution(logits []float32, vocabulary *Vocabulary, renormalize bool) *Distribution {
	shares, words := Probabilities(logits), vocabulary.Size()
	d := &Distribution{Probs: shares[:words], vocabulary: vocabulary}
	inWords := 0.0
	for _, share := range d.Probs {
		inWords += share
	}
	for _, share := range shares[words:] {
		d.Wordless += share
	}
	if renormalize {
		for id := range d.Probs {
			d.Probs[id] /= inWords
		}
		shares = d.Probs
	}
	for _, share := range shares {
		if share > 0 {
			d.Entropy -= share * math.Log(share)
		}
	}
	d.rank()
	return d
}

// rank sorts all words, the most likely first; of equal ones the first of the vocabulary comes first.
func (d *Distribution) rank() {
	d.order, d.ranked = make([]int, len(d.Probs)), make([]NextWord, len(d.Probs))
	for id := range d.order {
		d.order[id] = id
	}
	sort.SliceStable(d.order, func(i, j int) bool { return d.Probs[d.order[i]] > d.Probs[d.order[j]] })
	cumulative := 0.0
	for place, id := range d.order {
		cumulative += d.Probs[id]
		d.ranked[id] = NextWord{
			Word: d.vocabulary.Word(id), Rank: place + 1, Prob: d.Probs[id], Cumulative: cumulative, LogProb: math.Log(d.Probs[id]),
		}
	}
}

// Best lists the most likely words that begin with some letters, the most likely first; all of them for a negative count.
func (d *Distribution) Best(count int, startsWith string) []NextWord {
	var found []NextWord
	for _, id := range d.order {
		if len(found) == count {
			break
		}
		if strings.HasPrefix(d.ranked[id].Word, startsWith) {
			found = append(found, d.ranked[id])
		}
	}
	return found
}

// Of lists given words, in their order.
func (d *Distribution) Of(words []string) []NextWord {
	found := make([]NextWord, len(words))
	for i, word := range words {
		found[i] = d.ranked[d.vocabulary.ID(word)]
		found[i].Word, found[i].OOV = word, !d.vocabulary.Has(word)
	}
	return found
}
