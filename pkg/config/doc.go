// Package config reads the one configuration file.
//
// The file is YAML and strict: an unknown key, a value of the wrong type or a setting that contradicts another is a
// Problem with file, line and column, and all problems are reported at once. Defaults come first and the file is laid
// over them, so that an empty file, or none, is a whole configuration. `${NAME}` and `${NAME:-default}` inside a value
// are taken from the environment after the YAML is parsed: what a variable holds can never add a key.
//
// The struct tags are the only list of keys: the decoder, the encoder and the reference (deploy/CONFIG.md) walk them.
// The package knows nothing of what the settings configure. Start reading at Config, then Parse.
package config
