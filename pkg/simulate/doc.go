// Package simulate makes sample logs: a day, or as long as asked, of a small invented company in the cloud, and three
// attacks that can be hidden in it (root use, cryptojacking, exfiltration).
//
// Everything comes from one seed: the same Options give the same bytes. Records come one at a time in the order of
// event time, in the five formats cloudtrail, vpcflow, s3access, alb and nginx; the attacks differ from the background
// by what is done only, never by agent, network, account or name. It knows nothing of rules beyond the ids that each
// attack must raise (Expected), and nothing of how records travel.
//
// Start at New and Generator.Next; company.go is who there is, background.go what they do all day, calls.go the API
// calls as templates, attack.go what does not belong.
package simulate
