package lm

import (
	"context"
	"math/big"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
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

// libraries are the engines that are here beside plain Go's.
func libraries() (found []Options) {
	if library := os.Getenv("LMGEN_LITERT"); library != "" {
		found = append(found, Options{Engine: "litert", Library: library})
	}
	if library := os.Getenv("LMGEN_TENSORFLOW"); library != "" {
		found = append(found, Options{Engine: "tensorflow", Library: library})
	}
	return found
}

func TestGoroutinesThatShareAModelWriteWhatEachWritesAlone(t *testing.T) {
	for _, options := range append(libraries(), Options{Precision: "float32"}, Options{Precision: "int8"}) {
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

func TestAModelCanBeClosedWhileGoroutinesUseIt(t *testing.T) {
	for _, options := range libraries() {
		model, err := Open(testFolder(), options)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for reader := 0; reader < 4; reader++ {
			all.Add(1)
			go func() {
				defer all.Done()
				for {
					state, err := model.Read(Tokenize("The cat"))
					if err == nil {
						_, err = model.Logits([]State{state})
					}
					if err != nil {
						if !strings.Contains(err.Error(), "the model was closed") {
							t.Errorf("%v: %v", options, err)
						}
						return
					}
				}
			}()
		}
		time.Sleep(20 * time.Millisecond)
		model.Close()
		all.Wait()
		model.Close()
	}
}

// resident is how much memory the process has, in MB.
func resident(t *testing.T) float64 {
	data, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(data))
	if err != nil || len(fields) < 2 {
		t.Skip("the system does not say how much memory a process has")
	}
	pages, _ := strconv.Atoi(fields[1])
	return float64(pages) * float64(os.Getpagesize()) / 1e6
}

// TestClosedModelsGiveTheirMemoryBack: eight models that stay open take 270 MB more than one with LiteRT, 460 with
// TensorFlow; what is left of closed ones, some 50, is what C's allocator keeps for its threads.
func TestClosedModelsGiveTheirMemoryBack(t *testing.T) {
	const most = 140
	for _, options := range libraries() {
		var before float64
		for round := 0; round <= 8; round++ {
			if round == 1 { // the first one starts the library too
				before = resident(t)
			}
			model, err := Open("../../models/mini", options)
			if err != nil {
				t.Fatal(err)
			}
			written(t, model, 1)
			model.Close()
			debug.FreeOSMemory()
		}
		if left := resident(t) - before; left > most {
			t.Errorf("%v: eight closed models have left %.0f MB", options, left)
		}
	}
}
