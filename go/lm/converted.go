package lm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"lmgen.dev/go/internal/toml"
)

const (
	convertedVersion     = 5 // of converted files, as converted.toml names it
	convertedFolder      = "litert-fast"
	convertedFacts       = "converted.toml"
	samples, sampleBytes = 16, 4096
)

// conversion is a folder of the files that `lmgen convert` makes in the precision `fast`: LSTMs and softmax in int8,
// characters to vectors in float32.
type conversion struct {
	path  string // as messages have it
	files fs.FS
	// list are vectors, memory, then the parts of the softmax.
	list   []convertedFile
	advice string
}

// convertedFile is what converted.toml says of a file.
type convertedFile struct {
	name, checksum string
}

// conversion looks up the files that belong to the checkpoint: beside it, or in lmgen's cache; nil if there are none.
// Where there is no checkpoint, those in the folder are its model. `instead` says what to do without them.
func (f *Folder) conversion(home, instead string) (*conversion, error) {
	beside, err := fs.Sub(f.files, convertedFolder)
	if err != nil {
		return nil, err
	}
	places := []*conversion{{path: f.Path(convertedFolder), files: beside, advice: "make it again with `lmgen convert`, or " + instead}}
	if !f.Checkpoint {
		places[0].advice = "replace it with a good copy"
		if err := places[0].look(""); err != nil || places[0].list != nil {
			return places[0], err
		}
		return nil, Errorf(Unsupported, "the files of %s are of another version of lmgen: replace them with files of the same version as this program", places[0].path)
	}
	mark, err := f.fingerprint()
	if err != nil {
		return nil, err
	}
	if home != "" {
		cache := filepath.Join(home, "converted", mark[:16]+"-fast")
		places = append(places, &conversion{path: cache, files: os.DirFS(cache), advice: places[0].advice})
	}
	for _, place := range places {
		if err := place.look(mark); err != nil || place.list != nil {
			return place, err
		}
	}
	return nil, nil
}

// look lists the files, if they were made of the checkpoint of this mark, by a version that is known here.
func (c *conversion) look(mark string) error {
	data, err := fs.ReadFile(c.files, convertedFacts)
	if err != nil {
		return nil
	}
	facts, err := toml.Parse(string(data))
	if err != nil {
		return c.damaged(convertedFacts)
	}
	same := mark == "" || facts["fingerprint"] == mark
	if facts["version"] != int64(convertedVersion) || !same {
		return nil
	}
	fine := false
	if c.list, fine = listed(facts); !fine {
		return c.damaged(convertedFacts)
	}
	return nil
}

// listed are the files of converted.toml, in order.
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

// read gives a file's bytes, which are those that were made.
func (c *conversion) read(file convertedFile) ([]byte, error) {
	data, err := fs.ReadFile(c.files, file.name)
	if err != nil {
		return nil, Errorf(Integrity, "cannot read %s (%s): %s", filepath.Join(c.path, file.name), reason(err), c.advice)
	}
	if digest("sha256", data) != file.checksum {
		return nil, c.damaged(file.name)
	}
	return data, nil
}

func (c *conversion) damaged(name string) error {
	return Errorf(Integrity, "%s is damaged: %s", filepath.Join(c.path, name), c.advice)
}

// each lets threads do the same for all files: that which has a number.
func (c *conversion) each(threads int, do func(number int) error) error {
	failed := make([]error, len(c.list))
	parallel(threads, len(c.list), 1, func(begin, end int) {
		for ; begin < end; begin++ {
			failed[begin] = do(begin)
		}
	})
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// fingerprint is what converted files call the checkpoint they were made of: a digest of the names, sizes and samples
// of its files.
func (f *Folder) fingerprint() (string, error) {
	sum := sha256.New()
	for _, name := range checkpointFiles() {
		if err := f.sample(sum, name); err != nil {
			return "", Errorf(Missing, "cannot read %s: %s", f.Path(name), reason(err))
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (f *Folder) sample(sum io.Writer, name string) error {
	file, err := f.files.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(sum, "%s %d\n", name, info.Size())
	places, seekable := file.(io.Seeker)
	if !seekable {
		return fmt.Errorf("its parts cannot be read alone")
	}
	last := info.Size() - sampleBytes
	if last < 0 {
		last = 0
	}
	for number := int64(0); number < samples; number++ {
		if _, err := places.Seek(last*number/(samples-1), io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyN(sum, file, sampleBytes); err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}
