package lm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lmgen.dev/go/internal/graphdef"
	"lmgen.dev/go/internal/tensorflow"
)

// The release's names: of what is fed, of what is fetched, and of what runs before.
const (
	charactersNode, hiddenNode, logitsNode = "char_inputs_in", "feature_soft", "BiasAdd"
	patternNode, restoreNode, emptyNode    = "save/Const", "save/restore_all", "states_init"
)

// session is the Engine on a model's own graph, by TensorFlow, as the program of 2016 ran it. Memories alone are fed and
// fetched and not left in the graph, so that it can have more than one text.
type session struct {
	graph             *tensorflow.Session
	memories, updated []string // the operations that give a layer's memory, and its new one
	empty             State
	hidden, rows      int
}

// openSession imports a model's graph and lets it restore the checkpoint.
func openSession(folder *Folder, options Options) (Engine, error) {
	if options.Precision != "" && options.Precision != "float32" {
		return nil, Errorf(Usage, "the engine tensorflow computes in float32, not in %q", options.Precision)
	}
	if err := folder.needCheckpoint(); err != nil {
		return nil, err
	}
	if err := OpenTensorFlow(options.Library); err != nil {
		return nil, err
	}
	if _, err := os.Stat(folder.Path(folder.Graph)); err != nil {
		return nil, Errorf(Unsupported, "TensorFlow reads checkpoints from the disk alone")
	}
	s, err := importGraph(folder, options.Threads)
	if err != nil {
		return nil, err
	}
	pattern := filepath.Join(escaped(folder.Name), "ckpt-*")
	if err := s.graph.Do(restoreNode, patternNode, pattern); err != nil {
		s.Close()
		return nil, Errorf(Integrity, "TensorFlow cannot restore the checkpoint of %s: %v; replace it with a good copy", folder.Name, err)
	}
	if err := s.try(); err != nil {
		s.Close()
		return nil, unusable(folder, err)
	}
	return s, nil
}

// OpenTensorFlow loads the library given, or else that which Options.Library stands for. Open does so itself.
func OpenTensorFlow(path string) error {
	if !tensorflow.Built {
		return Errorf(Unsupported, "this program was built without TensorFlow: build it with `go build -tags tensorflow`, with cgo")
	}
	if path == "" {
		path = tensorflow.Find()
	}
	if path == "" {
		return Errorf(Unsupported, "TensorFlow's library is not here: pip install tensorflow, or name its libtensorflow_cc.so.2 with --library")
	}
	if _, err := os.Stat(path); err != nil {
		return Errorf(Missing, "there is no library %s", path)
	}
	version, err := tensorflow.Open(path)
	if err != nil {
		return Errorf(Unsupported, "%s is no library of TensorFlow: %v", path, err)
	}
	if !strings.HasPrefix(version, tensorflow.Major) {
		return Errorf(Unsupported, "%s is TensorFlow %s, this program knows 2: pip install 'tensorflow<3'", path, version)
	}
	return nil
}

// importGraph starts a session on a model's graph, with as many layers as it has.
func importGraph(folder *Folder, threads int) (*session, error) {
	text, err := folder.read(folder.Graph)
	if err != nil {
		return nil, err
	}
	graph, err := graphdef.Binary(text)
	if err != nil {
		return nil, unusable(folder, err)
	}
	needed := []string{charactersNode, hiddenNode, logitsNode, patternNode, restoreNode, emptyNode, memoryNode(0), updatedNode(0)}
	s := &session{}
	if s.graph, err = tensorflow.Import(graph, threads, needed); err != nil {
		return nil, unusable(folder, err)
	}
	for layer := 0; s.graph.Has(memoryNode(layer)) && s.graph.Has(updatedNode(layer)); layer++ {
		s.memories, s.updated = append(s.memories, memoryNode(layer)), append(s.updated, updatedNode(layer))
	}
	return s, nil
}

func memoryNode(layer int) string {
	if layer == 0 {
		return "Variable/read"
	}
	return fmt.Sprintf("Variable_%d/read", layer)
}

func updatedNode(layer int) string { return fmt.Sprintf("lstm/lstm_%d/concat_2", layer) }

func unusable(folder *Folder, err error) error {
	return Errorf(Integrity, "TensorFlow cannot use %s: %v; replace it with a good copy", folder.Path(folder.Graph), err)
}

// escaped is a folder's name in a pattern of files.
func escaped(folder string) string {
	return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, `\`, `\\`).Replace(folder)
}

// try empties the memories and reads a word: TensorFlow sees only then what is wrong with some graphs.
func (s *session) try() error {
	if err := s.graph.Do(emptyNode, "", ""); err != nil {
		return err
	}
	empty, err := s.graph.Run(nil, s.memories...)
	if err != nil {
		return err
	}
	for _, memory := range empty {
		s.empty = append(s.empty, memory.Numbers)
	}
	found, err := s.graph.Run(s.feeds(s.empty, Characters{}), append([]string{hiddenNode, logitsNode}, s.updated...)...)
	if err != nil {
		return err
	}
	s.hidden, s.rows = found[0].Width, found[1].Width
	for layer, memory := range found[2:] {
		if len(memory.Numbers) != len(s.empty[layer]) || s.hidden > memory.Width {
			return fmt.Errorf("its memories do not fit")
		}
	}
	return nil
}

func (s *session) feeds(state State, word Characters) []tensorflow.Feed {
	characters := make([]int32, len(word))
	for place, character := range word {
		characters[place] = int32(character)
	}
	feeds := []tensorflow.Feed{{Name: charactersNode, Shape: []int64{1, 1, wordLength}, Words: characters}}
	for layer, memory := range state {
		feeds = append(feeds, tensorflow.Feed{Name: s.memories[layer], Shape: []int64{1, int64(len(memory))}, Floats: memory})
	}
	return feeds
}

func (s *session) Close() { s.graph.Close() }

func (s *session) Rows() int { return s.rows }

func (s *session) Start() State { return s.empty }

// Advance reads text by text: the graph has room for one.
func (s *session) Advance(states []State, words []Characters) ([]State, error) {
	after := make([]State, len(states))
	for i, word := range words {
		found, err := s.graph.Run(s.feeds(states[i], word), s.updated...)
		if err != nil {
			return nil, Errorf(Failure, "TensorFlow cannot read a word: %v", err)
		}
		for _, memory := range found {
			after[i] = append(after[i], memory.Numbers)
		}
	}
	return after, nil
}

func (s *session) Logits(states []State) ([][]float32, error) {
	feed := tensorflow.Feed{Name: hiddenNode, Shape: []int64{int64(len(states)), int64(s.hidden)}}
	for _, state := range states {
		top := state[len(state)-1]
		feed.Floats = append(feed.Floats, top[len(top)-s.hidden:]...)
	}
	found, err := s.graph.Run([]tensorflow.Feed{feed}, logitsNode)
	if err != nil {
		return nil, Errorf(Failure, "TensorFlow cannot compute the softmax: %v", err)
	}
	logits := make([][]float32, len(states))
	for i := range logits {
		logits[i] = found[0].Numbers[i*s.rows : (i+1)*s.rows : (i+1)*s.rows]
	}
	return logits, nil
}
