package clickhouse

// Direct is the server's own port, behind the relay.
func (s *Server) Direct() string { return s.tcp.server() }
