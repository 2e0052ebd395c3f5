// Command lmgen-go continues texts and scores them with models of the lm_1b family: what `lmgen complete`,
// `surprisal` and `next` do, in one static program.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"lmgen.dev/go/lm"
)

// patience is how long what has begun may take to be written once the program is asked to end.
const patience = time.Second

const (
	version = "0.1.0"
	usage   = `Usage: lmgen-go COMMAND [OPTIONS] [ARGUMENT]

Word-level language models of the lm_1b family, without Python: what lmgen's commands of these names do.

Commands:
  complete   Continue a prefix, word by word.
  surprisal  Show how unexpected every word is.
  next       Show the exact distribution of the next word.

lmgen-go COMMAND --help lists a command's options; lmgen-go --version prints the version.
`
)

// command is one of the program's: its options, and what it does with them.
type command interface {
	options() *options
	run(ctx context.Context, arguments []string) error
}

func commandOf(name string) command {
	switch name {
	case "complete":
		return newComplete()
	case "surprisal":
		return newSurprisal()
	case "next":
		return newNext()
	}
	return nil
}

// interrupted says which signal asked the program to end.
type interrupted struct{ signal syscall.Signal }

func (interrupted) Error() string { return "stopped" }

func main() {
	signal.Ignore(syscall.SIGPIPE) // a reader that has gone is noticed by the error of writing
	ctx, cancel := context.WithCancel(context.Background())
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		signal.Notify(asked, syscall.SIGHUP)
	}
	ended := make(chan error)
	go func() { ended <- run(ctx, os.Args[1:]) }()
	select {
	case err := <-ended:
		os.Exit(exitCode(err))
	case number := <-asked:
		cancel()
		stopped := interrupted{number.(syscall.Signal)}
		select {
		case <-ended: // what has begun was written
		case <-asked:
		case <-time.After(patience): // it reads from a pipe, say
		}
		os.Exit(exitCode(stopped))
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 || arguments[0] == "--help" || arguments[0] == "-h" {
		return say(usage)
	}
	if arguments[0] == "--version" {
		return say("lmgen-go " + version + "\n")
	}
	wanted := commandOf(arguments[0])
	if wanted == nil {
		return lm.Errorf(lm.Usage, "there is no command %q: complete, surprisal or next (lmgen-go --help)", arguments[0])
	}
	for _, word := range arguments[1:] {
		if word == "--" {
			break
		}
		if word == "--help" || word == "-h" {
			wanted.options().print(os.Stdout)
			return nil
		}
	}
	rest, err := wanted.options().parse(arguments[1:])
	if err != nil {
		return err
	}
	return wanted.run(ctx, rest)
}

func say(text string) error {
	_, err := io.WriteString(os.Stdout, text)
	return err
}

// exitCode prints an error on stderr and gives the program's exit code, as lmgen's.
func exitCode(err error) int {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return 0
	}
	code, known := 1, (*lm.Error)(nil)
	var end interrupted
	if errors.As(err, &known) {
		code = int(known.Kind)
	} else if errors.As(err, &end) {
		code = 128 + int(end.signal)
	}
	fmt.Fprintf(os.Stderr, "lmgen-go: %s\n", strings.Join(strings.Fields(err.Error()), " "))
	return code
}
