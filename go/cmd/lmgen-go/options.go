package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"lmgen.dev/go/lm"
)

// option is one of a command's: its names as they are typed, and what takes its value; a flag takes none.
type option struct {
	names   []string
	metavar string
	help    string
	set     func(value string) error
	flag    *bool
	// off are the names that take a flag away.
	off []string
	// variable is one more environment variable that sets it.
	variable string
	given    bool
}

// options are those of a command, and what it says of itself.
type options struct {
	command, arguments, about string
	most                      int // arguments
	list                      []*option
}

func (o *options) add(names, metavar, help string, set func(string) error) *option {
	made := &option{names: strings.Fields(names), metavar: metavar, help: help, set: set}
	o.list = append(o.list, made)
	return made
}

func (o *options) text(value *string, names, metavar, help string) *option {
	return o.add(names, metavar, help, func(given string) error { *value = given; return nil })
}

func (o *options) whole(value *int, names, help string) *option {
	return o.add(names, "N", help, func(given string) error {
		number, err := strconv.Atoi(given)
		*value = number
		return wrong(err, given, "a whole number")
	})
}

func (o *options) real(value *float64, names, help string) *option {
	return o.add(names, "X", help, func(given string) error {
		number, err := strconv.ParseFloat(given, 64)
		*value = number
		return wrong(err, given, "a number")
	})
}

func (o *options) choice(value *string, names, help string, choices ...string) *option {
	return o.add(names, strings.Join(choices, "|"), help, func(given string) error {
		for _, choice := range choices {
			if given == choice {
				*value = given
				return nil
			}
		}
		return lm.Errorf(lm.Usage, "%q is none of %s", given, strings.Join(choices, ", "))
	})
}

func (o *options) truth(value *bool, names, off, help string) *option {
	made := o.add(names, "", help, nil)
	made.flag, made.off = value, strings.Fields(off)
	return made
}

func wrong(err error, given, kind string) error {
	if err == nil {
		return nil
	}
	return lm.Errorf(lm.Usage, "%q is not %s", given, kind)
}

func (o *options) find(name string) (found *option, off bool) {
	for _, one := range o.list {
		for _, known := range one.names {
			if known == name {
				return one, false
			}
		}
		for _, known := range one.off {
			if known == name {
				return one, true
			}
		}
	}
	return nil, false
}

// parse sets all options from the environment, then from the command line, and returns the arguments.
func (o *options) parse(given []string) ([]string, error) {
	if err := o.fromEnvironment(); err != nil {
		return nil, err
	}
	var arguments []string
	for len(given) > 0 {
		word := given[0]
		given = given[1:]
		switch {
		case word == "--":
			arguments, given = append(arguments, given...), nil
		case len(word) < 2 || word[0] != '-':
			arguments = append(arguments, word)
		default:
			rest, err := o.take(word, given)
			if err != nil {
				return nil, err
			}
			given = rest
		}
	}
	if len(arguments) > o.most {
		return nil, lm.Errorf(lm.Usage, "too many arguments: %s (quote a text with spaces)", strings.Join(arguments[o.most:], " "))
	}
	return arguments, nil
}

// take sets the option that a word names and returns what follows.
func (o *options) take(word string, rest []string) ([]string, error) {
	name, value, attached := word, "", false
	if strings.HasPrefix(word, "--") {
		if place := strings.IndexByte(word, '='); place > 0 {
			name, value, attached = word[:place], word[place+1:], true
		}
	} else if len(word) > 2 {
		name, value, attached = word[:2], word[2:], true
	}
	found, off := o.find(name)
	if found == nil {
		return nil, lm.Errorf(lm.Usage, "there is no option %s: see lmgen-go %s --help", name, o.command)
	}
	found.given = true
	if found.flag != nil {
		if attached {
			return nil, lm.Errorf(lm.Usage, "%s takes no value", name)
		}
		*found.flag = !off
		return rest, nil
	}
	if !attached {
		if len(rest) == 0 {
			return nil, lm.Errorf(lm.Usage, "%s needs a value", name)
		}
		value, rest = rest[0], rest[1:]
	}
	if err := found.set(value); err != nil {
		return nil, lm.Errorf(lm.Usage, "%s: %v", name, err)
	}
	return rest, nil
}

// fromEnvironment sets options by their variables, which are called as lmgen's: LMGEN_COMMAND_OPTION.
func (o *options) fromEnvironment() error {
	for _, one := range o.list {
		var variables []string
		for _, name := range one.names {
			if strings.HasPrefix(name, "--") {
				variable := "LMGEN_" + o.command + "_" + name[2:]
				variables = append(variables, strings.ToUpper(strings.ReplaceAll(variable, "-", "_")))
			}
		}
		for _, variable := range append(variables, one.variable) {
			value := os.Getenv(variable)
			if value == "" {
				continue
			}
			if err := one.fromVariable(value); err != nil {
				return lm.Errorf(lm.Usage, "%s: %v", variable, err)
			}
			break
		}
	}
	return nil
}

func (o *option) fromVariable(value string) error {
	if o.flag == nil {
		o.given = true
		return o.set(value)
	}
	switch strings.ToLower(value) {
	case "1", "true", "t", "yes", "y", "on":
		*o.flag = true
	case "0", "false", "f", "no", "n", "off":
		*o.flag = false
	default:
		return lm.Errorf(lm.Usage, "%q is not true or false", value)
	}
	return nil
}

// print writes the help.
func (o *options) print(out io.Writer) {
	fmt.Fprintf(out, "Usage: lmgen-go %s [OPTIONS] %s\n\n%s\n\nOptions:\n", o.command, o.arguments, o.about)
	for _, one := range o.list {
		names := strings.Join(append(append([]string(nil), one.names...), one.off...), ", ")
		fmt.Fprintf(out, "  %-36s %s\n", strings.TrimSpace(names+" "+one.metavar), one.help)
	}
	fmt.Fprintf(out, "  %-36s %s\n", "-h, --help", "Show this message and exit.")
}
