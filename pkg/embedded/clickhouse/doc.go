// Package clickhouse runs a ClickHouse server for one machine: the real engine, as a child process of our own binary.
//
// The engine is the shared library libchdb, which `make clickhouse` fetches. The child (Child, reached by re-executing the
// binary with ChildCommand as its first argument) loads it without cgo and calls its `clickhouse local` entry point,
// which opens the native and HTTP protocols on loopback and then blocks reading standard input. The parent holds the other
// end of that pipe: when it closes, or the parent dies, the server ends cleanly.
//
// Start waits until the server answers and returns its addresses and users; everything else talks to it as to any
// ClickHouse, through pkg/store, which this package knows nothing of. Data, generated passwords and the server's own
// configuration are in Options.Dir; a server that was killed starts again on the same folder.
//
// The engine is not a hardened server: what it cannot read before a connection is authenticated (garbage, a wrong
// password, an unknown database, on the native port) ends its process, and its user default, who has no password, can
// close its listeners. Clients that die would end it, too: so they connect to a relay. No data is lost or shown, and
// whoever owns the Server starts it again on Done; but it is for machines whose users are trusted to leave it running.
//
// Start reading at server.go; relay.go is what clients connect to, and files.go says which users there are and what they
// may do.
package clickhouse
