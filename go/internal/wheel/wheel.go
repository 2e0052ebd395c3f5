// Package wheel finds the C libraries inside Python packages. Its load.h loads them.
package wheel

import (
	"os"
	"path/filepath"
)

// Find looks a library up where a variable of the environment says, then in a Python package: of the virtual
// environment that is active, then of the Pythons on the PATH. It is "" where there is none.
func Find(variable, pack, library string) string {
	if given := os.Getenv(variable); given != "" {
		return given
	}
	programs := filepath.SplitList(os.Getenv("PATH"))
	if active := os.Getenv("VIRTUAL_ENV"); active != "" {
		programs = append([]string{filepath.Join(active, "bin")}, programs...)
	}
	for _, folder := range programs {
		pattern := filepath.Join(filepath.Dir(folder), "lib", "python3*", "*-packages", pack, library)
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return ""
}
