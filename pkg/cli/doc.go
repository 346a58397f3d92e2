// Package cli is the command line: one file a command, each a thin layer that turns flags into options, calls one other
// package and prints.
//
// Main is the whole program but for os.Exit, so that tests call it in-process. Results go to stdout, everything else to
// stderr; text that comes from logs is made harmless before it reaches a terminal. Exit status: 0 well, 1 the command
// did its work and the answer is bad (alerts, failed tests, unhealthy) or it could not, 2 usage, configuration or rule
// files are wrong, 3 input cannot be read. Start reading at Main.
package cli
