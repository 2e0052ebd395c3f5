package numpy

import (
	"math/big"
	"testing"
)

// What numpy.random.default_rng([…]).random() gives, by NumPy 2.
func TestDrawsAreNumPys(t *testing.T) {
	for _, one := range []struct {
		seeds []string
		drawn [3]float64
	}{
		{[]string{"0", "0", "0"}, [3]float64{0.6369616873214543, 0.2697867137638703, 0.04097352393619469}},
		{[]string{"1", "2", "3"}, [3]float64{0.6704722626516632, 0.1110146366693816, 0.5115090823948739}},
		{[]string{"12345678901234567890", "5", "0"}, [3]float64{0.7789609983196608, 0.84628761809672, 0.8574050362594178}},
		{
			[]string{"1361129467683753853853498429727072845831", "1", "31"},
			[3]float64{0.8305158272525501, 0.5631883801921818, 0.027824844909045465},
		},
	} {
		var entropy []uint32
		for _, text := range one.seeds {
			number, _ := new(big.Int).SetString(text, 10)
			entropy = append(entropy, Words(number)...)
		}
		generator := New(entropy)
		for place, want := range one.drawn {
			if got := generator.Float64(); got != want {
				t.Errorf("draw %d of %v is %v, not %v", place, one.seeds, got, want)
			}
		}
	}
}
