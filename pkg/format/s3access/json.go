package s3access

import (
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
	"github.com/shrike-sec/shrike/pkg/record"
)

const noteRequester = 0

// table lists the members of the objects that CloudWatch Logs gets: names of their own, null for what is missing, and
// keys that are not encoded twice.
func table() *jsonrec.Schema {
	at, text := jsonrec.At, jsonrec.Text
	size := func(f event.IntField) jsonrec.Set { return jsonrec.Int(f, 0, 1<<62) }
	members := []jsonrec.Member{
		at("request_time", jsonrec.Time(event.EventTime)),
		at("remote_ip", jsonrec.Addr(event.SrcIP, event.SrcHost)),
		at("requester", jsonrec.NoteText(noteRequester)),
		at("request_uri", jsonRequest),
		at("http_status", jsonStatus),
		at("bytes_sent", size(event.BytesOut)),
		at("object_size", size(event.ObjectBytes)),
		at("total_time", jsonrec.Float(event.DurationMS)),
		at("turn_around_time", jsonrec.Float(event.TurnaroundMS)),
		at("acl_required", jsonACL),
		at("aclRequired", jsonACL),
	}
	for name, f := range map[string]event.TextField{
		"bucket_name": event.BucketName, "bucket_owner_id": event.BucketOwnerID, "request_id": event.RequestID,
		"operation": event.Operation, "key_name": event.ObjectKey, "key": event.ObjectKey, "error_code": event.ErrorCode,
		"referer": event.Referer, "referrer": event.Referer, "user_agent": event.UserAgent, "version_id": event.VersionID,
		"host_id": event.HostID, "signature_version": event.SignatureVersion, "cipher_suite": event.TLSCipher,
		"auth_type": event.AuthType, "authentication_type": event.AuthType, "host_header": event.URLHost,
		"tls_version": event.TLSVersion, "access_point_arn": event.AccessPointARN, "source_region": event.BucketRegion,
	} {
		members = append(members, at(name, jsonrec.Unless("-", text(f))))
	}
	return jsonrec.New(members...)
}

func (p *parser) parseJSON(r *record.Record, emit func(*event.Event)) error {
	w, e := &p.json, &p.json.Event
	w.Reset(event.HTTP, r)
	e.SetText(event.Outcome, event.Unknown)
	if err := w.Walk(p.table, r.Raw); err != nil {
		return err
	}
	if e.Text(event.BucketName) == "" {
		return format.Errorf(record.ReasonSyntax, "not a record of S3: no bucket_name")
	}
	if err := w.Finish("request_time"); err != nil {
		return err
	}
	e.SetText(event.Provider, "aws")
	p.setActor(e, accessline.Value(w.Plain(w.Noted(noteRequester))))
	emit(e)
	return nil
}

func jsonRequest(w *jsonrec.Walker, v jsonrec.Value) bool {
	if line := accessline.Value(w.Plain(v)); v.Quoted() && line != "" {
		accessline.SetRequest(&w.Event, line, nil)
	}
	return v.Quoted()
}

func jsonStatus(w *jsonrec.Walker, v jsonrec.Value) bool {
	return !v.Nested() && accessline.SetStatus(&w.Event, w.Plain(v))
}

func jsonACL(w *jsonrec.Walker, v jsonrec.Value) bool {
	switch w.Plain(v) {
	case "Yes", "true":
		w.Event.SetBool(event.ACLRequired, true)
	case "-", "":
	default:
		return false
	}
	return true
}
