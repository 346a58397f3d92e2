package accessline

// Times are read by hand: time.Parse takes several times as long as the rest of a line.

const secondNS = int64(1e9)

// CLFTime reads "04/Oct/2022:03:07:27 +0100" (without brackets) as nanoseconds since 1970, UTC.
func CLFTime(s string) (ns int64, ok bool) {
	if len(s) != 26 || s[2] != '/' || s[6] != '/' || s[11] != ':' || s[14] != ':' || s[17] != ':' || s[20] != ' ' {
		return 0, false
	}
	sec, ok := seconds(digits(s[7:11]), month(s[3:6]), digits(s[:2]), digits(s[12:14]), digits(s[15:17]), digits(s[18:20]))
	zone, zoneOK := offset(s[21:])
	return (sec - zone) * secondNS, ok && zoneOK
}

// ISOTime reads "2021-03-17T18:54:14.216357Z", with up to nine digits of fraction or none, and Z or an offset
// (+0100, +01:00), as nanoseconds since 1970, UTC.
func ISOTime(s string) (ns int64, ok bool) {
	if len(s) < 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	sec, ok := seconds(digits(s[:4]), digits(s[5:7]), digits(s[8:10]), digits(s[11:13]), digits(s[14:16]), digits(s[17:19]))
	if !ok {
		return 0, false
	}
	frac, rest, ok := fraction(s[19:])
	if !ok {
		return 0, false
	}
	var zone int64
	if rest != "Z" {
		if zone, ok = offset(rest); !ok {
			return 0, false
		}
	}
	return (sec-zone)*secondNS + frac, true
}

// UTCTime reads a date and a time of day without a zone, "2020-04-01" and "08:51:42", the latter with up to nine
// digits of fraction or none, as nanoseconds since 1970.
func UTCTime(date, clock string) (ns int64, ok bool) {
	if len(date) != 10 || len(clock) < 8 || date[4] != '-' || date[7] != '-' || clock[2] != ':' || clock[5] != ':' {
		return 0, false
	}
	sec, ok := seconds(digits(date[:4]), digits(date[5:7]), digits(date[8:]), digits(clock[:2]), digits(clock[3:5]), digits(clock[6:8]))
	if !ok {
		return 0, false
	}
	frac, rest, ok := fraction(clock[8:])
	return sec*secondNS + frac, ok && rest == ""
}

// fraction reads ".216357" as nanoseconds and returns what follows; no point is no fraction.
func fraction(s string) (ns int64, rest string, ok bool) {
	if s == "" || s[0] != '.' {
		return 0, s, true
	}
	scale, i := secondNS, 1
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		if scale /= 10; scale == 0 {
			return 0, "", false
		}
		ns += int64(s[i]-'0') * scale
	}
	return ns, s[i:], i > 1
}

// offset reads "+0100" or "+01:00" as seconds east of UTC.
func offset(s string) (int64, bool) {
	var h, m int
	switch {
	case len(s) == 5:
		h, m = digits(s[1:3]), digits(s[3:5])
	case len(s) == 6 && s[3] == ':':
		h, m = digits(s[1:3]), digits(s[4:6])
	default:
		return 0, false
	}
	if h < 0 || h > 23 || m < 0 || m > 59 {
		return 0, false
	}
	v := int64(h*3600 + m*60)
	switch s[0] {
	case '+':
		return v, true
	case '-':
		return -v, true
	}
	return 0, false
}

// digits reads a run of decimal digits, -1 when it holds anything else.
func digits(s string) int {
	v := 0
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return -1
		}
		v = v*10 + int(c)
	}
	return v
}

func month(s string) int {
	switch s {
	case "Jan":
		return 1
	case "Feb":
		return 2
	case "Mar":
		return 3
	case "Apr":
		return 4
	case "May":
		return 5
	case "Jun":
		return 6
	case "Jul":
		return 7
	case "Aug":
		return 8
	case "Sep":
		return 9
	case "Oct":
		return 10
	case "Nov":
		return 11
	case "Dec":
		return 12
	}
	return -1
}

var monthDays = [...]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// seconds turns a civil time into seconds since 1970. Years outside 1970–2261 are refused: their nanoseconds do
// not fit 64 bits or are no log's. A leap second counts as the next minute's first.
func seconds(y, mo, d, h, mi, s int) (int64, bool) {
	if y < 1970 || y > 2261 || mo < 1 || mo > 12 || d < 1 || d > monthDays[mo] || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60 {
		return 0, false
	}
	if mo == 2 && d == 29 && (y%4 != 0 || (y%100 == 0 && y%400 != 0)) {
		return 0, false
	}
	// Days since 1970-01-01 of a calendar whose year starts in March, so that the leap day is its last.
	if mo <= 2 {
		y--
		mo += 12
	}
	days := int64(365*y + y/4 - y/100 + y/400 + (153*(mo-3)+2)/5 + d - 1 - 719468)
	return days*86400 + int64(h*3600+mi*60+s), true
}
