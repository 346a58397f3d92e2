// Package apiname names the calls of AWS the same way in every format that has them. Start reading at WithoutVersion.
package apiname

import "strings"

// WithoutVersion cuts the API's date off a name: UpdateFunctionCode20150331v2, CreateDistribution2020_05_31.
func WithoutVersion(name string) string {
	end := len(name)
	if end < 9 {
		return name
	}
	if i := strings.LastIndexByte(name, 'v'); i > 0 && i < end-1 && number(name[i+1:]) >= 0 {
		end = i
	}
	if end > 8 && number(name[end-8:end]) >= 1900_00_00 && number(name[end-8:end]) < 2100_00_00 {
		return name[:end-8]
	}
	end = len(name)
	if end > 10 && name[end-3] == '_' && name[end-6] == '_' && number(name[end-10:end-6]) >= 1900 &&
		number(name[end-5:end-3]) > 0 && number(name[end-2:]) > 0 {
		return strings.TrimSuffix(name[:end-10], "_")
	}
	return name
}

// number reads digits; -1 for anything else.
func number(s string) int {
	n := 0
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
