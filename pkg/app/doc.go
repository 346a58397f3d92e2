// Package app wires the parts together and runs them: New checks the configuration, Run starts the roles it was given
// and stops them in the order of the pipeline.
//
// It is the one place where packages of every layer meet; the commands in cli only choose roles. Start reading at Run.
package app
