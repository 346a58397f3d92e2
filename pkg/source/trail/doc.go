// Package trail watches whether the files of CloudTrail trails that a source reads are those that CloudTrail delivered.
//
// While a source reads a file whose name is one of CloudTrail's, it writes the uncompressed bytes to a Reading, and
// gives that to the Watch before it acknowledges the file to the outside. The Watch keeps the files' hashes until the
// digest that names them comes (up to an hour later), and compares; it links each digest to the one before it, in
// whatever order they come, and checks the signatures with the configured keys. When a round is over the source calls
// Judge: what is still missing a stated time after it was named is missing, and what was found is reported as alerts.
//
// Files are known by their names without folders, which are CloudTrail's and unique; so a file that is given another
// name counts as missing. What the Watch knows is in a journal: a process that dies at any moment finds the same, and
// reports it under the same alert ids. It knows nothing of where files lie and of how alerts travel. Start reading at
// Watch.Take, then judge.go.
//
// Metrics (constant label source): shrike_trail_files_total, shrike_trail_digests_total, shrike_trail_problems_total,
// shrike_trail_unjudged_total.
package trail
