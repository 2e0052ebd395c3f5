package lm

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
)

const (
	manifestName = "model.toml"
	shards       = 8
)

// checkpointFiles are the twelve files of a checkpoint.
func checkpointFiles() []string {
	names := []string{"ckpt-base", "ckpt-char-embedding", "ckpt-lstm"}
	for shard := 0; shard <= shards; shard++ {
		names = append(names, fmt.Sprintf("ckpt-softmax%d", shard))
	}
	return names
}

// Folder is a model's folder in the released layout: all its files are there, and none too many. Instead of the
// checkpoint it may have the files that `lmgen convert` made of it.
type Folder struct {
	// Name is how messages call it: its path.
	Name string
	// Checkpoint says whether it has one, and its graph; else it has converted files alone.
	Checkpoint bool
	// Graph and Vocabulary are the names of these files in it; there may be no graph where there is no checkpoint.
	Graph, Vocabulary string
	// Manifest holds what model.toml says, or what holds where there is none.
	Manifest Manifest
	files    fs.FS
}

// OpenFolder looks a model's folder up on the disk.
func OpenFolder(name string) (*Folder, error) {
	if info, err := os.Stat(name); err != nil || !info.IsDir() {
		return nil, Errorf(Missing, "there is no folder %s", name)
	}
	return openFiles(os.DirFS(name), name)
}

// openFiles looks up a model's files wherever they are.
func openFiles(files fs.FS, name string) (*Folder, error) {
	folder := &Folder{Name: name, files: files}
	var missing []string
	for _, file := range checkpointFiles() {
		if info, err := fs.Stat(files, file); err != nil || !info.Mode().IsRegular() {
			missing = append(missing, file)
		}
	}
	folder.Checkpoint = missing == nil
	if err := folder.checkWhole(missing); err != nil {
		return nil, err
	}
	var err error
	if folder.Checkpoint {
		if folder.Graph, err = folder.only("graph-*.pbtxt"); err != nil {
			return nil, err
		}
	}
	if folder.Vocabulary, err = folder.only("vocab-*.txt"); err != nil {
		return nil, err
	}
	if err := folder.checkNoExtra(); err != nil {
		return nil, err
	}
	folder.Manifest, err = folder.readManifest()
	return folder, err
}

// checkWhole refuses a part of a checkpoint. A folder may have none, if it has converted files.
func (f *Folder) checkWhole(missing []string) error {
	_, err := fs.Stat(f.files, convertedFolder+"/"+convertedFacts)
	if missing == nil || err == nil && len(missing) == len(checkpointFiles()) {
		return nil
	}
	return Errorf(Missing, "%s is not a whole model: it lacks %s", f.Name, strings.Join(missing, ", "))
}

// needCheckpoint refuses a folder that has converted files alone.
func (f *Folder) needCheckpoint() error {
	if f.Checkpoint {
		return nil
	}
	return Errorf(Missing, "%s has no checkpoint, only converted files, which are in int8: leave out --precision, or add the files ckpt-*", f.Name)
}

func (f *Folder) only(pattern string) (string, error) {
	found, _ := fs.Glob(f.files, pattern)
	switch len(found) {
	case 0:
		return "", Errorf(Missing, "%s is not a whole model: it has no %s", f.Name, pattern)
	case 1:
		return found[0], nil
	}
	sort.Strings(found)
	return "", Errorf(Integrity, "%s has %s: keep the one that belongs to the checkpoint", f.Name, strings.Join(found, " and "))
}

func (f *Folder) checkNoExtra() error {
	known := map[string]bool{}
	for _, file := range checkpointFiles() {
		known[file] = true
	}
	found, _ := fs.Glob(f.files, "ckpt-*")
	var extra []string
	for _, file := range found {
		if !known[file] {
			extra = append(extra, file)
		}
	}
	if extra == nil {
		return nil
	}
	return Errorf(Integrity, "%s has %s beside the twelve checkpoint files: move it elsewhere", f.Name, strings.Join(extra, ", "))
}

// Path is a file's, as messages have it.
func (f *Folder) Path(file string) string { return filepath.Join(f.Name, file) }

// read gives a file's bytes.
func (f *Folder) read(file string) ([]byte, error) {
	data, err := fs.ReadFile(f.files, file)
	if err != nil {
		return nil, Errorf(Missing, "cannot read %s: %s", f.Path(file), reason(err))
	}
	return data, nil
}

// named reads a file and compares it with the checksums that the manifest has of it, if any.
func (f *Folder) named(file string) ([]byte, error) {
	data, err := f.read(file)
	if err != nil {
		return nil, err
	}
	for kind, want := range f.Manifest.checksums[path.Base(file)] {
		if digest(kind, data) != want {
			return nil, Errorf(Integrity, "%s is damaged, or not the file that %s names: replace it with a good copy", f.Path(file), manifestName)
		}
	}
	return data, nil
}

func digest(kind string, data []byte) string {
	switch kind {
	case "md5":
		sum := md5.Sum(data)
		return hex.EncodeToString(sum[:])
	case "sha256":
		sum := sha256.Sum256(data)
		return hex.EncodeToString(sum[:])
	}
	sum := sha512.Sum512(data)
	return hex.EncodeToString(sum[:])
}

func (f *Folder) readManifest() (Manifest, error) {
	if _, err := fs.Stat(f.files, manifestName); errors.Is(err, fs.ErrNotExist) {
		return withoutManifest(), nil
	}
	data, err := f.read(manifestName)
	if err != nil {
		return Manifest{}, err
	}
	manifest, err := parseManifest(string(data))
	if err != nil {
		return manifest, Errorf(Integrity, "%s is not a model's manifest: %v", f.Path(manifestName), err)
	}
	return manifest, nil
}
