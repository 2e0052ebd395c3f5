package lm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"lmgen.dev/go/internal/litert"
	"lmgen.dev/go/internal/toml"
)

const (
	convertedVersion     = 5 // of converted files, as converted.toml names it
	samples, sampleBytes = 16, 4096
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
	if err := openLibrary(options.Library); err != nil {
		return nil, err
	}
	place, files, err := findConverted(folder, options.Home)
	if err != nil {
		return nil, err
	}
	threads := options.Threads
	if threads == 0 {
		threads = runtime.NumCPU()
	}
	functions, failed := make([]*litert.Function, len(files)), make([]error, len(files))
	parallel(0, len(files), 1, func(begin, end int) {
		for ; begin < end; begin++ {
			functions[begin], failed[begin] = loadConverted(filepath.Join(place, files[begin].name), files[begin], threads)
		}
	})
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	if !fit(functions) {
		return nil, damagedConverted(place)
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

// openLibrary loads LiteRT: the library given, or that of the Python package.
func openLibrary(path string) error {
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

// convertedFile is what converted.toml says of a file.
type convertedFile struct {
	name, checksum string
}

// findConverted gives the folder of files that belong to the checkpoint: beside it, or in lmgen's cache.
func findConverted(folder *Folder, home string) (string, []convertedFile, error) {
	mark, err := folder.fingerprint()
	if err != nil {
		return "", nil, err
	}
	for _, place := range []string{
		filepath.Join(folder.Name, "litert-fast"), filepath.Join(home, "converted", mark[:16]+"-fast"),
	} {
		path := filepath.Join(place, "converted.toml")
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		facts, err := toml.Parse(string(data))
		if err != nil {
			return "", nil, damagedConverted(path)
		}
		if facts["version"] != int64(convertedVersion) || facts["fingerprint"] != mark {
			continue
		}
		files, fine := listed(facts)
		if !fine {
			return "", nil, damagedConverted(path)
		}
		return place, files, nil
	}
	return "", nil, Errorf(Missing, "%s has no converted files: make them with `lmgen convert %s`", folder.Name, folder.Name)
}

// listed are the files of converted.toml: vectors, memory, then the parts of the softmax.
func listed(facts toml.Table) (files []convertedFile, fine bool) {
	known, _ := facts["files"].(toml.Table)
	names := []string{"vectors.tflite", "memory.tflite"}
	for part := 0; part == 0 || known[names[len(names)-1]] != nil; part++ {
		names = append(names, fmt.Sprintf("softmax-%d.tflite", part))
	}
	if known[names[len(names)-1]] == nil && len(names) > 3 {
		names = names[:len(names)-1]
	}
	for _, name := range names {
		file, _ := known[name].(toml.Table)
		checksum, there := file["sha256"].(string)
		if !there {
			return nil, false
		}
		files = append(files, convertedFile{name, checksum})
	}
	return files, true
}

func loadConverted(path string, file convertedFile, threads int) (*litert.Function, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, Errorf(Integrity, "cannot read %s (%s): make it again with `lmgen convert`", path, reason(err))
	}
	if digest("sha256", data) != file.checksum {
		return nil, damagedConverted(path)
	}
	made, err := litert.Load(path, threads)
	if err != nil {
		return nil, Errorf(Integrity, "%s cannot be used: %v; make it again with `lmgen convert`", path, err)
	}
	return made, nil
}

func damagedConverted(path string) error {
	return Errorf(Integrity, "%s is damaged: make it again with `lmgen convert`, or leave out --engine litert", path)
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

// fingerprint is what converted files call the checkpoint they were made of: a digest of the names, sizes and samples
// of its files.
func (f *Folder) fingerprint() (string, error) {
	sum := sha256.New()
	for _, name := range checkpointFiles() {
		file, err := f.files.Open(name)
		if err != nil {
			return "", Errorf(Missing, "cannot read %s: %s", f.Path(name), reason(err))
		}
		defer file.Close()
		info, err := file.Stat()
		at, seekable := file.(io.ReaderAt)
		if err != nil || !seekable {
			return "", Errorf(Unsupported, "converted files are read from the disk alone")
		}
		fmt.Fprintf(sum, "%s %d\n", name, info.Size())
		room, last := make([]byte, sampleBytes), info.Size()-sampleBytes
		if last < 0 {
			last = 0
		}
		for number := int64(0); number < samples; number++ {
			read, _ := at.ReadAt(room, last*number/(samples-1))
			sum.Write(room[:read])
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
