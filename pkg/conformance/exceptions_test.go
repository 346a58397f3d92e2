package conformance_test

// exception is values (fields, space separated; record: all of it) where the publisher's expectation is not what the record
// says, or says it in a way of its own.
type exception struct{ format, file, fields, why string }

// argument is a raw file with records that rightly become dead letters, or nothing at all.
type argument struct{ file, why string }

const (
	decoded   = "they decode the path; ours is as sent, so that a rule sees the encoding an attacker chose"
	pasted    = "the sample's values are of another record than its body: the same body stands beside different values"
	fixture   = "a function's event or answer, not a log: nothing that a format here is to recognise"
	inCode    = "documentation of a function; the records inside are compared as expectations"
	noAccess  = "an error or mail log: not an access log, and no format here"
	notice    = "says that objects or messages lie elsewhere; a dead letter of reason notice is the right end of it"
	otherLogs = "logs of other services, for which there is no format here"
)

var exceptions = []exception{
	{"apache", "apache/kaiyan-sheng+beats*", "url_path", decoded},
	{"nginx", "nginx/kaiyan-sheng+beats*", "url_path", decoded},
	{"nginx", "nginx/kaiyan-sheng+beats*--error.log-expected.json", "record", noAccess},
	{"nginx", "nginx/kaiyan-sheng+beats*", "src_ip", "of a list of addresses they take the first that is public; ours is the first, whatever it is: nobody can tell which of them lies"},
	{"apache", "apache/kaiyan-sheng+beats*", "url_query", "decoded there; ours is as sent"},
	{"apache", "apache/opensearch-project+*--sample.json", "bytes_out src_ip status", pasted},
	{"apache", "apache/opensearch-project+*--sample.json", "record", "the last body is a line of the error log"},
	{"cloudfront", "cloudfront/opensearch-project+*--sample.json", "src_ip", "addresses were replaced in the values and not in the records"},
	{"cloudfront", "cloudfront/opensearch-project+*--sample.json", "src_port", "one port was replaced with its address"},
	{"cloudfront", "cloudfront/opensearch-project+*--sample.json", "user_agent", "left encoded there; ours is what the client sent"},
	{"s3access", "s3_access/opensearch-project+*--sample.json", "actor", "the session's ARN there; ours is the role, which stays the same"},
	{"s3access", "s3_access/opensearch-project+*--sample.json", "object_bytes", pasted},
	{"s3access", "s3_access/opensearch-project+*--sample.json", "referer", "their dash kept its quotes"},
	{"s3access", "s3_access/opensearch-project+*--sample.json", "src_ip", pasted},
	{"vpcflow", "vpc_flow/opensearch-project+*--sample.json", "action bytes dst_ip dst_port src_ip src_port", pasted},
	{"alb", "alb/crowdsecurity+hub*--scenario.assert", "event_time", "they take when the request came in, which is request_time here; event_time is when the answer went out, as the first column says"},
}

var deadLetters = []argument{
	{"alb/aws+aws-lambda-go*", fixture},
	{"envelope/aws+aws-lambda-go*", fixture},
	{"*/vectordotdev+vrl*", inCode},
	{"cloudtrail/opensearch-project+*--samples-large.json", "no valid JSON: brackets do not match from line 85 on; what is whole of it is read"},
	{"elb/open-telemetry+*--elb_control.log", "the service's test message: a control record"},
	{"envelope/DataDog+*--cloudwatch_logs*.json", otherLogs},
	{"envelope/DataDog+*--sqs_*.json", notice},
	{"envelope/axoflow+*_cloudwatch_log.json", "the message inside is cut off: its brackets do not close"},
	{"nginx/crowdsecurity+hub--nginx-mail-*", noAccess},
	{"nginx/kaiyan-sheng+beats*--error.log", noAccess},
	{"other/*", otherLogs},
	{"s3_access/axoflow+*--too_few_values.log", "too short for the oldest layout; its publisher expects an error, too"},
	{"vpc_flow/axoflow+*--vpc_flow_log_too_*_fields.log", "not the columns that its header names: reading on would shift them; its publisher expects an error, too"},
	{"vpc_flow/open-telemetry+*_cw_custom.json", "custom columns come without their layout: it must be configured, and guessing by count is wrong"},
	{"waf/aws-solutions+*--waf*", "results and configuration of a function, not logs"},
}
