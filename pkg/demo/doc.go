// Package demo shows the whole way on one machine: it starts Shrike with its embedded engines, plays a day of simulated
// logs with three attacks hidden in it, prints each alert as the receiver gets it, runs three hunts and says whether
// exactly the expected alerts came.
//
// It uses nothing that a user could not: records go in by HTTP ingest, alerts come out by a signed webhook, hunts and
// status by the API. Each run draws and prints a seed; nothing is canned. Start reading at Run.
package demo
