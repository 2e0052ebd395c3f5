package lm

import (
	"context"
	"math/big"
	"os"
	"strings"
	"sync"
	"testing"
)

// written is what a model writes for a seed.
func written(t *testing.T, model *Model, seed int64) string {
	options := model.Defaults()
	options.Seed, options.MaxWords, options.Samples = big.NewInt(seed), 20, 3
	words := []string{}
	err := model.Generate(context.Background(), [][]string{Tokenize("The cat")}, options, func(event Event) error {
		words = append(words, event.Word)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return strings.Join(words, " ")
}

func TestGoroutinesThatShareAModelWriteWhatEachWritesAlone(t *testing.T) {
	kinds := []Options{{Precision: "float32"}, {Precision: "int8"}}
	if library := os.Getenv("LMGEN_LITERT"); library != "" {
		kinds = append(kinds, Options{Engine: "litert", Library: library})
	}
	if library := os.Getenv("LMGEN_TENSORFLOW"); library != "" {
		kinds = append(kinds, Options{Engine: "tensorflow", Library: library})
	}
	for _, options := range kinds {
		model, err := Open(testFolder(), options)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for seed := int64(0); seed < 8; seed++ {
			alone := written(t, model, seed)
			all.Add(1)
			go func(seed int64) {
				defer all.Done()
				if together := written(t, model, seed); together != alone {
					t.Errorf("seed %d, %v: %q alone, %q among others", seed, options, alone, together)
				}
			}(seed)
		}
		all.Wait()
	}
}
