// Package alert is the alert: its JSON, its schema and its id.
//
// correlate makes alerts, bus carries them, notify and store receive them, and for rules over alerts they are events again
// (Events). It has no clock and no logger. Start at Alert.
package alert
