package rule

import (
	"slices"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

// vendorNames are what logs and other tools call a field that the field table names otherwise, in lower case; for hints.
var vendorNames = map[string]string{
	"requestparameters": "request", "responseelements": "response", "additionaleventdata": "additional", "sourceipaddress": "src_ip",
	"awsregion": "region", "recipientaccountid": "account_id", "eventid": "native_id", "useridentity": "actor, actor_type, actor_name",
	"useridentity.type": "actor_type", "useridentity.arn": "actor_arn", "useridentity.username": "actor_name",
	"useridentity.accountid": "actor_account_id", "useridentity.accesskeyid": "access_key_id", "useridentity.invokedby": "actor_invoked_by",
	"useridentity.principalid": "actor_principal_id", "managementevent": "management",
	"srcaddr": "src_ip", "dstaddr": "dst_ip", "srcport": "src_port", "dstport": "dst_port", "flowdirection": "direction",
	"remote_addr": "src_ip", "clientip": "src_ip", "client_ip": "src_ip", "uri": "url_path", "path": "url_path", "querystring": "url_query",
	"host": "url_host", "verb": "method", "sc_status": "status", "useragent": "user_agent", "username": "actor_name", "user": "actor_name",
	"principal": "actor", "bucket": "bucket_name", "key": "object_key",
}

// vendorHint is the field of class c that somebody means by the name that a log, ECS or OCSF has for it, quoted; "" for none.
func vendorHint(name string, c event.Class) string {
	if ours, ok := vendorNames[strings.ToLower(name)]; ok {
		if f := event.Lookup(ours); f == nil || c == event.None || f.In(c) {
			return `"` + ours + `"`
		}
	}
	for _, f := range event.Fields() {
		if !f.Meta && (c == event.None || f.In(c)) && slices.Contains([]string{f.ECS, f.OCSF}, name) && name != "" {
			return `"` + f.Name + `"`
		}
	}
	return ""
}
