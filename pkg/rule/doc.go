// Package rule reads rules: YAML and expr in, compiled and indexed conditions out.
//
// Load reads files and folders, reports all problems at once with file, line and column, and returns a Set. A Set knows
// which rules an event can match and whether it does; it is immutable, so a reload swaps sets. Matching allocates
// nothing, cannot fail, and has no clock. Nothing but this package imports expr.
//
// # Conditions
//
// A condition is an expr expression over the fields of a class. Nothing fails for being missing: a missing number, boolean,
// address or time equals nothing, and has asks for it. Beside expr's operators and any, all, none, one, count, len, lower,
// upper, trim, replace, split there are:
//
//	has(x)                            x is there
//	int(text), float(text)            text as a whole number, or as a number; missing when it is none
//	isPrivate(address)                an address of no network of the internet
//	inCIDR(address, "10.0.0.0/8", …)  an address of one of the networks
//	inList(x, "id")                   a value of the list, or an address (or a text that is one) in one of its networks
//	glob(text, "arn:*:role/adm?n")    * is any text, ? one character; the pattern is a literal
//	equalFold(text, "a", "b", …)      text is one of the literals, whatever the case (Unicode's simple case folding: one
//	                                  letter for one letter, K for the Kelvin sign, but not ss for ß)
//	containsFold, startsWithFold,     as expr's contains, startsWith, endsWith and glob, of any of the literals, whatever
//	endsWithFold, globFold            the case
//	jsonText(request.rules)           JSON of an object or array of the log, without blanks between; else the leaf's text
//	ipText(address)                   its shortest text (10.1.2.3, 2001:db8::1), to be searched for what no network says
//	geoDistance(lat, lon, lat, lon)   kilometres on the sphere between two places in degrees; missing when a number is
//	portsOverlap(lo, hi, 22, "80-90") the range of ports from lo to hi has one of those; where lo or hi is missing or -1,
//	                                  it has all; a text that is no number is no port. AWS heeds no ports where ipProtocol
//	                                  is -1: ask for that beside it (… .ipProtocol == "-1" or portsOverlap(…))
//	policyAllowsPublic(text)          a policy document has a statement that allows everybody: principal *, {"AWS": "*"} or
//	                                  a NotPrincipal, and no condition on the caller's account, organisation, network or
//	                                  identity; text may be percent-encoded, or an object of the log
//	policyAllowsAccount(text, a, …)   it has one that names one of the accounts, or a principal of it
//	policyHasWildcardAction(text)     it has one that allows every action: *, or all but some
//	minute, hour, day, weekday, week, a part of a time: hour(event_time) in UTC, hour(event_time, "Europe/Zurich") there, with
//	month, year                       its summers; minute 0 to 59, hour 0 to 23, day of the month 1 to 31, weekday 1 Monday
//	                                  to 7 Sunday, week 1 to 53 (ISO 8601: the first has the year's first Thursday), month
//	                                  1 to 12, year; missing when the time is
//
// Text is searched by contains, startsWith, endsWith and matches; the pattern of matches is a literal of Go's regular
// expressions (RE2: time linear in the text), compiled at load, and tells cases apart unless it begins with (?i). raw is the
// text of the whole record as it was delivered, for what no field holds: it is long, so name something else beside it.
//
// unmapped.x is the text of what a log delivers and no field holds, here, in group_by, show, titles and wherever a field can
// stand; its names are those that shrike parse prints, unmapped.a.b and unmapped["a.b"] being one, in SQL unmapped['a.b'].
// What is an object or an array there is JSON.
//
// event_name has no API version (UpdateFunctionCode, not UpdateFunctionCode20150331v2): rules need not care. native_name is
// the name as delivered.
//
// # Severity and maturity
//
// severity is one word, or one for each outcome, or a list of {is, when} that is tried in order and whose last has no when; its
// conditions are as those of the rule, but decide no alert's identity. A rule is stable, on test, or experimental: only that
// one may lack tests, attack and false_positives. source names the author and the licence of a rule that was taken over.
//
// # Lists
//
// A list is a file lists/<id>.yml: {id, title, values}, or {id, title, aws_ranges: {file, services, regions}} for the networks
// that AWS publishes, whose file lies beside it; shrike lists aws-ranges fetches that.
//
// # Several values
//
// A path with [] has a value for each element of an array: request.items[].id. In group_by (of a sequence, in by) the event
// is then one match for each different value, and an element without one is none; in distinct.of and first_seen.value each
// value counts; in sum.of all are added up. Keys through the same array speak of the same element, and of arrays inside one
// another, of an element and those inside it: group_by request.items[].id with distinct.of request.items[].image pairs them
// up. Keys through other arrays do not go together and are refused. Of one group an event counts once, whatever number of
// its elements belongs to it, and it gives a rule at most 1000 groups or values to remember; see match.MaxElements.
//
// # Sequences
//
// The steps of a sequence have class, outcome and condition; see Sequence for what it fires on. Each gives the keys of
// group_by from its field of that name, or from what its block by names. An event without a value for a key that its step
// gives is no match. Some step gives every key; a step that gives not all belongs to every group that agrees with those it
// gives, and then the rule lives whole in one shard (Rule.Whole).
//
// # What a title tells
//
// Title, runbook and pivots name fields, paths and, in all rules, {count}, {first_event_time} and {last_event_time}. {value} is
// what all matches that the alert counts come to, in kind distinct how many different values, above match.MaxHashes an
// estimate, in kind sum the total with its unit, in kind average the mean that is the farthest past the limit.
// Pivots get the plain number.
//
// # Baseline, average and absence
//
// A baseline holds each bucket of a group against the group's own earlier ones; see Baseline. Title, runbook and pivots may
// name {value}, what the highest bucket of the alert came to, and {usual}, what it was held against: the mean ± the deviation,
// or the quantile. An average is decided when its bucket is over; see Average. An absence tells that a group which was seen is
// seen no more; see Absence. Its {last_event_time} is when the silence began.
//
// # Warnings
//
// Set.Lint says what loads and is probably not meant; checks, in lint.go, lists all there is, a line each. A rule that means
// it says so with lint: { ignore: [code] }. Examine loads what is good beside what is not, so that all is said at once.
//
// # Exceptions
//
// An exception (folder exceptions of a pack, or beside it) takes events out of what one rule finds: a condition of the
// rule's class, with a reason, an owner and a day from which on events are no longer excepted. It is asked only after the
// rule matched, and of event time. Set.Hits gives what it takes away too, marked, to be counted. Rule.Hash does not know of
// exceptions, so that one more leaves the rule's state and its alerts' ids as they are; Set.Hash does.
//
// Rule.Explainer divides a condition at its and, or and not, and says of each part what came of it for an event.
//
// # Rules over alerts
//
// A rule of class alert, or a step of it, looks at the alerts of other rules. It has no outcome. A condition that requires
// rule_id to be one of some ids reads the alerts of those rules; any other reads those of all rules over logs, and never those
// of rules over alerts. That no rule reads itself, by whatever way, is checked at load. Alerts about Shrike itself (lost
// records, a full disk) are never read; those about trails whose files were changed are.
//
// An alert is met once, with the lowest severity of its rule that it has reached and for which the condition holds: one of a
// rule that gives medium and high, and is high, has also reached medium. event_time is when it fired so. group has the values of
// its group_by (group.src_ip, group["request.bucketName"]); account_id, region, src_ip, actor and the like are taken from there,
// or from its first event that shows them: what alerts are to be joined by, their rules should group by or show. title and count
// are as they were when that severity was reached, and may differ from run to run: conditions should not ask for them.
//
// In tests, a log of such a rule may be an alert in its own JSON, of which rule_id is enough (format: alert, where it has to be
// said).
//
// Start reading at Rule, then follow a rule file: load.go finds it, yaml.go and read.go read it, check.go makes its
// condition total (nothing ever meets a missing value), closure.go compiles it to closures and machine.go to expr's
// virtual machine, need.go says what of an event it needs, index.go finds the few rules that an event can match by that,
// and leaves of their conditions only what it does not say already, set.go has Match.
package rule
