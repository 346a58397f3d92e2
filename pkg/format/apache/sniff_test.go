package apache

import "testing"

// 60 is what package nginx says to every one of these lines: above it, the line is Apache's.
func TestSniff(t *testing.T) {
	t.Parallel()
	const front = "198.51.100.7 - - [01/Mar/2026:09:14:07 +0000] "
	for line, want := range map[string]int{
		front + `"GET / HTTP/1.1" 200 5 "-" "curl"`:                                                    50,
		front + `"GET / HTTP/1.1" 200 5`:                                                               70,
		front + `"-" 408 -`:                                                                            70,
		front + `"GET /\" HTTP/1.1" 200 5 "-" "curl"`:                                                  70,
		front + `"GET / HTTP/1.1" 200 5 "-" "curl" "10.0.0.1"`:                                         50,
		`198.51.100.7 who eva [01/Mar/2026:09:14:07 +0000] "GET / HTTP/1.1" 200 5 "-" "curl"`:          70,
		`www.example.com 198.51.100.7 - - [01/Mar/2026:09:14:07 +0000] "GET / HTTP/1.1" 200 5 "-" "c"`: 50,
		`[01/Mar/2026:09:14:07 +0000] 198.51.100.7 "GET / HTTP/1.1" 200`:                               0,
		"": 0, "[": 0, "{}": 0,
	} {
		if got := sniff([]byte(line)); got != want {
			t.Errorf("sniff(%q) = %d, want %d", line, got, want)
		}
	}
}
