// Package awsranges reads the file in which AWS publishes its address ranges, ip-ranges.json.
//
// It knows that file and nothing of rules: bytes in, prefixes of services and regions out. The format is
// https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html; start reading at Parse.
package awsranges

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// URL is where AWS publishes the file.
const URL = "https://ip-ranges.amazonaws.com/ip-ranges.json"

// MaxFile bounds the file in bytes; it has about 2 MB.
const MaxFile = 32 << 20

// File is one edition of the published ranges.
type File struct {
	SyncToken int64 // when it was published, in seconds since 1970
	Prefixes  []Prefix
}

// Prefix is one network of both families. A network comes once for each service that uses it; service AMAZON has all.
type Prefix struct {
	Net     netip.Prefix
	Service string
	Region  string
}

// Parse reads the file. Whatever is not as AWS describes it is an error: a list that is half read would be silently wrong.
func Parse(text []byte) (*File, error) {
	var f struct {
		SyncToken string `json:"syncToken"`
		V4        []struct {
			Net             string `json:"ip_prefix"`
			Service, Region string
		} `json:"prefixes"`
		V6 []struct {
			Net             string `json:"ipv6_prefix"`
			Service, Region string
		} `json:"ipv6_prefixes"`
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("parse ip-ranges.json: %w", err)
	}
	token, err := strconv.ParseInt(f.SyncToken, 10, 64)
	if err != nil || token <= 0 {
		return nil, fmt.Errorf("parse ip-ranges.json: syncToken is %q, not a time in seconds: this is not the file that AWS publishes", f.SyncToken)
	}
	out := &File{SyncToken: token, Prefixes: make([]Prefix, 0, len(f.V4)+len(f.V6))}
	for _, p := range f.V4 {
		if err := out.add(p.Net, p.Service, p.Region, true); err != nil {
			return nil, err
		}
	}
	for _, p := range f.V6 {
		if err := out.add(p.Net, p.Service, p.Region, false); err != nil {
			return nil, err
		}
	}
	if len(out.Prefixes) == 0 {
		return nil, errors.New("parse ip-ranges.json: it has no prefixes")
	}
	return out, nil
}

func (f *File) add(network, service, region string, is4 bool) error {
	p, err := netip.ParsePrefix(network)
	switch {
	case err != nil || p != p.Masked() || p.Addr().Is4() != is4 || p.Addr().Is4In6():
		return fmt.Errorf("parse ip-ranges.json: %q is not a network of its list", network)
	case service == "" || region == "":
		return fmt.Errorf("parse ip-ranges.json: network %s has no service or no region", network)
	}
	f.Prefixes = append(f.Prefixes, Prefix{p, service, region})
	return nil
}

// Of returns the networks of the services in the regions, sorted, each once; an empty list stands for all.
func (f *File) Of(services, regions []string) []netip.Prefix {
	var nets []netip.Prefix
	for _, p := range f.Prefixes {
		if (len(services) == 0 || slices.Contains(services, p.Service)) && (len(regions) == 0 || slices.Contains(regions, p.Region)) {
			nets = append(nets, p.Net)
		}
	}
	slices.SortFunc(nets, netip.Prefix.Compare)
	return slices.Compact(nets)
}

// Services returns the names of services that the file has, sorted.
func (f *File) Services() []string { return f.distinct(func(p Prefix) string { return p.Service }) }

// Regions returns the names of regions that the file has, sorted.
func (f *File) Regions() []string { return f.distinct(func(p Prefix) string { return p.Region }) }

func (f *File) distinct(name func(Prefix) string) []string {
	names := make([]string, len(f.Prefixes))
	for i, p := range f.Prefixes {
		names[i] = name(p)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
