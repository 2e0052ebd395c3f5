package lm

import "math"

// Scoring says how texts are scored.
type Scoring struct {
	// Prefix holds words that are read before each text that starts afresh, and are not scored.
	Prefix []string
	// AllRows lets softmax rows that belong to no word take their share of the distribution.
	AllRows bool
	// UnknownAsMark reads words outside the vocabulary as `<UNK>`, not by their characters.
	UnknownAsMark bool
	// Rank and Entropy are measured if they are wanted.
	Rank, Entropy bool
}

// Sentence is words to score, and the end after them.
type Sentence struct {
	Words []string
	// Fresh empties the state before it; else it is that after the sentence before.
	Fresh bool
	// Carried keeps the state over a `</S>` among the words; else it is emptied there too.
	Carried bool
}

// Token is a word of a sentence, or its `</S>`, and its score.
type Token struct {
	Word string
	// OOV says that it is outside the vocabulary: its score is that of `<UNK>`.
	OOV bool
	// LogProb is the natural logarithm of its probability, Entropy that of the distribution it comes from, in nats.
	LogProb, Entropy float64
	// Rank is 1 for the most likely word.
	Rank int
}

// Score scores sentences, those that start afresh side by side, and passes on the tokens of each in order.
func (m *Model) Score(sentences []Sentence, options Scoring, emit func(number int, tokens []Token) error) error {
	for first := 0; first < len(sentences); {
		last := first
		for runs := 0; last < len(sentences); last++ {
			if sentences[last].Fresh || last == 0 {
				if runs++; runs > sideBySide && last > first {
					break
				}
			}
		}
		found, err := m.scoreGroup(sentences[first:last], options)
		if err != nil {
			return err
		}
		for i, tokens := range found {
			if err := emit(first+i, tokens); err != nil {
				return err
			}
		}
		first = last
	}
	return nil
}

// run is a sentence that starts afresh, with those that continue it: what is read, and what is looked for after each.
type run struct {
	inputs  []string
	emptied []bool // whether the state is emptied before the input
	targets []*Token
}

func (m *Model) scoreGroup(sentences []Sentence, options Scoring) ([][]Token, error) {
	found := make([][]Token, len(sentences))
	var runs []*run
	start, first, err := m.scoringStart(options)
	if err != nil {
		return nil, err
	}
	for i, sentence := range sentences {
		words := append(append([]string(nil), sentence.Words...), SentenceEnd)
		for _, word := range words {
			found[i] = append(found[i], Token{Word: word, OOV: !m.Vocabulary.Has(word)})
		}
		begin := SentenceStart
		if sentence.Fresh || i == 0 {
			runs = append(runs, &run{})
			begin = first
		}
		r := runs[len(runs)-1]
		for place := range words {
			input, emptied := begin, false
			if place > 0 {
				input = m.input(words[place-1], options)
			}
			if input == SentenceEnd {
				input, emptied = SentenceStart, !sentence.Carried
			}
			r.inputs, r.emptied = append(r.inputs, input), append(r.emptied, emptied)
			r.targets = append(r.targets, &found[i][place])
		}
	}
	return found, m.measure(runs, start, options)
}

func (m *Model) input(word string, options Scoring) string {
	if options.UnknownAsMark && !m.Vocabulary.Has(word) {
		return Unknown
	}
	return word
}

// scoringStart is the memory before the last word that comes ahead of a text, and that word.
func (m *Model) scoringStart(options Scoring) (State, string, error) {
	if len(options.Prefix) == 0 {
		return m.Start(), SentenceStart, nil
	}
	var words []string
	for _, word := range options.Prefix {
		words = append(words, m.input(word, options))
	}
	last := len(words) - 1
	state, err := m.Read(words[:last])
	if words[last] == SentenceEnd {
		if !m.Manifest.Carries() {
			state = m.Start()
		}
		return state, SentenceStart, err
	}
	return state, words[last], err
}

// measure reads runs side by side and fills their targets.
func (m *Model) measure(runs []*run, start State, options Scoring) error {
	states := make([]State, len(runs))
	for i := range states {
		states[i] = start
	}
	for place := 0; ; place++ {
		var live []int
		var before []State
		var words []Characters
		for i, r := range runs {
			if place >= len(r.inputs) {
				continue
			}
			state := states[i]
			if r.emptied[place] {
				state = m.Start()
			}
			live, before, words = append(live, i), append(before, state), append(words, m.Vocabulary.Spell(r.inputs[place]))
		}
		if live == nil {
			return nil
		}
		after, err := m.Advance(before, words)
		if err != nil {
			return err
		}
		logits, err := m.Logits(after)
		if err != nil {
			return err
		}
		parallel(0, len(live), 1, func(begin, end int) {
			for row := begin; row < end; row++ {
				states[live[row]] = after[row]
				m.fill(runs[live[row]].targets[place], logits[row], options)
			}
		})
	}
}

// fill measures one token by the logits that predict it.
func (m *Model) fill(token *Token, logits []float32, options Scoring) {
	words := logits[:m.Vocabulary.Size()]
	aimed, shown := words[m.Vocabulary.ID(token.Word)], words
	if options.AllRows {
		shown = logits
	}
	var total float64
	if options.Entropy {
		total, token.Entropy = totalAndEntropy(shown)
	} else {
		total, token.Entropy = LogTotal(shown), math.NaN()
	}
	token.LogProb = float64(aimed) - total
	if options.Rank {
		token.Rank = 1
		for _, logit := range words {
			if logit > aimed {
				token.Rank++
			}
		}
	}
}
