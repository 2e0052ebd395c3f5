// Package numpy draws the numbers that NumPy's default_rng draws: SeedSequence (O'Neill 2015, "Developing a seed_seq
// alternative") and PCG64 (O'Neill 2014, PCG XSL RR 128/64).
package numpy

import (
	"math/big"
	"math/bits"
)

const poolSize = 4

// Words are the 32-bit words that SeedSequence makes of a number that is not negative: the lowest first, at least one.
func Words(number *big.Int) []uint32 {
	words := []uint32{}
	rest, low := new(big.Int).Set(number), new(big.Int)
	mask := big.NewInt(1<<32 - 1)
	for rest.Sign() > 0 {
		words = append(words, uint32(low.And(rest, mask).Uint64()))
		rest.Rsh(rest, 32)
	}
	if len(words) == 0 {
		words = append(words, 0)
	}
	return words
}

// hasher mixes words; its constant moves on with every word.
type hasher struct{ constant, factor uint32 }

func (h *hasher) hash(value uint32) uint32 {
	value ^= h.constant
	h.constant *= h.factor
	value *= h.constant
	return value ^ value>>16
}

func mix(x, y uint32) uint32 {
	value := x*0xca01f9dd - y*0x4973f715
	return value ^ value>>16
}

// pool is SeedSequence's mixed entropy.
func pool(entropy []uint32) [poolSize]uint32 {
	var mixed [poolSize]uint32
	h := hasher{0x43b0d7e5, 0x931e8875}
	for i := range mixed {
		var word uint32
		if i < len(entropy) {
			word = entropy[i]
		}
		mixed[i] = h.hash(word)
	}
	for from := range mixed {
		for to := range mixed {
			if from != to {
				mixed[to] = mix(mixed[to], h.hash(mixed[from]))
			}
		}
	}
	for i := poolSize; i < len(entropy); i++ {
		for to := range mixed {
			mixed[to] = mix(mixed[to], h.hash(entropy[i]))
		}
	}
	return mixed
}

// Generator is a default_rng.
type Generator struct{ high, low, stepHigh, stepLow uint64 }

// New is default_rng(numbers): the entropy is that of all numbers, one after the other.
func New(entropy []uint32) *Generator {
	mixed, h := pool(entropy), hasher{0x8b51f9dd, 0x58f38ded}
	var state [4]uint64
	for i := range state {
		low := h.hash(mixed[2*i%poolSize])
		state[i] = uint64(low) | uint64(h.hash(mixed[(2*i+1)%poolSize]))<<32
	}
	g := &Generator{stepHigh: state[2]<<1 | state[3]>>63, stepLow: state[3]<<1 | 1}
	g.step()
	var carry uint64
	g.low, carry = bits.Add64(g.low, state[1], 0)
	g.high, _ = bits.Add64(g.high, state[0], carry)
	g.step()
	return g
}

// step is state = state * multiplier + step, in 128 bits.
func (g *Generator) step() {
	const factorHigh, factorLow = 2549297995355413924, 4865540595714422341
	high, low := bits.Mul64(g.low, factorLow)
	high += g.high*factorLow + g.low*factorHigh
	var carry uint64
	g.low, carry = bits.Add64(low, g.stepLow, 0)
	g.high, _ = bits.Add64(high, g.stepHigh, carry)
}

// Float64 is Generator.random(): 0 <= number < 1.
func (g *Generator) Float64() float64 {
	g.step()
	value := bits.RotateLeft64(g.high^g.low, -int(g.high>>58))
	return float64(value>>11) / (1 << 53)
}
