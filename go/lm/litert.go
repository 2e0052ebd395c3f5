package lm

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"lmgen.dev/go/internal/litert"
)

// converted is the Engine on a model's converted files, by LiteRT.
type converted struct {
	embed, memory *litert.Function
	softmax       []*litert.Function
	cells, rows   int

	lock    sync.Mutex
	vectors map[Characters][]float32
}

// openConverted loads a model's converted files of the precision `fast`.
func openConverted(folder *Folder, options Options) (Engine, error) {
	if options.Precision != "" && options.Precision != "fast" {
		return nil, Errorf(Usage, "the engine litert computes in the precision fast, not in %q", options.Precision)
	}
	if err := OpenLiteRT(options.Library); err != nil {
		return nil, err
	}
	files, err := folder.conversion(options.Home, "leave out --engine litert")
	if err != nil {
		return nil, err
	}
	if files == nil {
		return nil, Errorf(Missing, "%s has no converted files: make them with `lmgen convert %s`", folder.Name, folder.Name)
	}
	threads := options.Threads
	if threads == 0 {
		threads = runtime.NumCPU()
	}
	functions := make([]*litert.Function, len(files.list))
	err = files.each(0, func(number int) (err error) {
		functions[number], err = files.load(files.list[number], threads)
		return err
	})
	if err == nil && !fit(functions) {
		err = Errorf(Integrity, "%s is damaged: %s", files.path, files.advice)
	}
	if err != nil {
		closeAll(functions)
		return nil, err
	}
	return together(functions), nil
}

// fit says whether functions take and give what the parts of a model do.
func fit(functions []*litert.Function) bool {
	embed, memory := functions[0], functions[1]
	fine := len(embed.Inputs) == 1 && embed.Inputs[0].Width == wordLength && len(embed.Outputs) == 1
	fine = fine && len(memory.Inputs) > 1 && len(memory.Outputs) == len(memory.Inputs)-1
	for _, part := range functions[2:] {
		fine = fine && len(part.Inputs) == 1 && len(part.Outputs) == 1 && part.Inputs[0].Width == embed.Outputs[0].Width
	}
	return fine
}

// OpenLiteRT loads the library given, or else that which Options.Library stands for. Open does so itself.
func OpenLiteRT(path string) error {
	if !litert.Built {
		return Errorf(Unsupported, "this program was built without LiteRT: build it with `go build -tags litert`, with cgo")
	}
	if path == "" {
		path = litert.Find()
	}
	if path == "" {
		return Errorf(Unsupported, "LiteRT's library is not here: pip install ai-edge-litert, or name its libLiteRt.so with --library")
	}
	if _, err := os.Stat(path); err != nil {
		return Errorf(Missing, "there is no library %s", path)
	}
	if version := litert.VersionOf(path); version != "" && !strings.HasPrefix(version, litert.Version+".") {
		return Errorf(
			Unsupported, "%s is LiteRT %s, this program knows %s: pip install 'ai-edge-litert==%s.*'", path, version, litert.Version, litert.Version,
		)
	}
	if err := litert.Open(path); err != nil {
		return Errorf(Unsupported, "%s is no library of LiteRT %s: %v", path, litert.Version, err)
	}
	return nil
}

// load compiles a file that is as it was made.
func (c *conversion) load(file convertedFile, threads int) (*litert.Function, error) {
	if _, err := c.read(file); err != nil {
		return nil, err
	}
	path := filepath.Join(c.path, file.name)
	if _, err := os.Stat(path); err != nil {
		return nil, Errorf(Unsupported, "LiteRT reads converted files from the disk alone")
	}
	made, err := litert.Load(path, threads)
	if err != nil {
		return nil, Errorf(Integrity, "%s cannot be used: %v; %s", path, err, c.advice)
	}
	return made, nil
}

// together makes the engine of its functions.
func together(functions []*litert.Function) *converted {
	c := &converted{embed: functions[0], memory: functions[1], softmax: functions[2:], vectors: map[Characters][]float32{}}
	for _, input := range c.memory.Inputs {
		if input.Name == "state_0" {
			c.cells = input.Width - c.embed.Outputs[0].Width
		}
	}
	for _, part := range c.softmax {
		c.rows += part.Outputs[0].Width
	}
	return c
}

func (c *converted) Close() { closeAll(append([]*litert.Function{c.embed, c.memory}, c.softmax...)) }

// closeAll closes the functions that there are.
func closeAll(functions []*litert.Function) {
	for _, function := range functions {
		if function != nil {
			function.Close()
		}
	}
}

func (c *converted) Rows() int { return c.rows }

func (c *converted) Start() State {
	state := make(State, len(c.memory.Inputs)-1)
	for layer := range state {
		state[layer] = make([]float32, c.cells+c.embed.Outputs[0].Width)
	}
	return state
}

func (c *converted) Advance(states []State, words []Characters) ([]State, error) {
	vectors, err := c.spell(words)
	if err != nil {
		return nil, err
	}
	inputs := make([][][]float32, len(c.memory.Inputs))
	for place, input := range c.memory.Inputs {
		if input.Name == "x" {
			inputs[place] = vectors
			continue
		}
		for _, state := range states {
			inputs[place] = append(inputs[place], state[layerOf(input.Name)])
		}
	}
	after, outputs := make([]State, len(states)), make([][][]float32, len(c.memory.Outputs))
	for i := range after {
		after[i] = c.Start()
	}
	for place, output := range c.memory.Outputs {
		for _, state := range after {
			outputs[place] = append(outputs[place], state[layerOf(output.Name)])
		}
	}
	if err := c.memory.Run(outputs, inputs...); err != nil {
		return nil, Errorf(Failure, "%v", err)
	}
	return after, nil
}

// layerOf gives N of `state_N`.
func layerOf(name string) int {
	layer, _ := strconv.Atoi(strings.TrimPrefix(name, "state_"))
	return layer
}

func (c *converted) Logits(states []State) ([][]float32, error) {
	hidden, logits := make([][]float32, len(states)), make([][]float32, len(states))
	for i, state := range states {
		hidden[i], logits[i] = state[len(state)-1][c.cells:], make([]float32, c.rows)
	}
	begin, rows := 0, make([][]float32, len(states))
	for _, part := range c.softmax {
		end := begin + part.Outputs[0].Width
		for i := range rows {
			rows[i] = logits[i][begin:end]
		}
		if err := part.Run([][][]float32{rows}, hidden); err != nil {
			return nil, Errorf(Failure, "%v", err)
		}
		begin = end
	}
	return logits, nil
}

// spell gives words' vectors, each of which is computed once and kept while there are not too many.
func (c *converted) spell(words []Characters) ([][]float32, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	vectors := make([][]float32, len(words))
	for i, word := range words {
		if c.vectors[word] == nil {
			characters := make([]int32, len(word))
			for place, character := range word {
				characters[place] = int32(character)
			}
			vector := make([]float32, c.embed.Outputs[0].Width)
			if err := c.embed.RunWords([][]float32{vector}, [][]int32{characters}); err != nil {
				return nil, Errorf(Failure, "%v", err)
			}
			if len(c.vectors) >= cachedWords {
				c.vectors = map[Characters][]float32{}
			}
			c.vectors[word] = vector
		}
		vectors[i] = c.vectors[word]
	}
	return vectors, nil
}
