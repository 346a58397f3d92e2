package nginx

import "testing"

func TestSniff(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		`198.51.100.7 - - [01/Mar/2026:09:14:07 +0000] "GET / HTTP/1.1" 200 5 "-" "curl"`:  60,
		`x [ [01/Mar/2026:09:14:07 +0000] "`:                                               60,
		`198.51.100.7 - - [01/Mar/2026:09:14:07 +0000] GET`:                                0,
		`198.51.100.7 - - [01/Mar/2026:09:14:07 +0000] "GET / HTTP/1.1" 200 5 "-" "\"c\""`: 40,
		`198.51.100.7 - - [01/Mar/2026:09:14:07 +0000] "GET / HTTP/1.1" 200 5`:             40,
		"": 0, "{}": 0,
	} {
		if got := sniff([]byte(line)); got != want {
			t.Errorf("sniff(%q) = %d, want %d", line, got, want)
		}
	}
}
