// Package ruleset holds the rules in force, and puts others in their place when the files change.
//
// A Holder loads a set at the start and again when a file or folder changes, on SIGHUP, and when somebody asks (Refresh). A
// set is replaced whole or not at all: one that does not load leaves the old one in force and is logged, counted and shown.
// Whoever uses rules asks Set at a point where it can take another one, such as the beginning of a range: nobody is called.
//
// It must not know what rules are used for, nor where the configuration comes from: both are Options. Start at Holder.
package ruleset
