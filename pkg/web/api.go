package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// Bounds of one page of alerts.
const (
	usualAlerts = 100
	mostAlerts  = 10_000
)

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone; there is nobody to tell
}

func writeError(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, map[string]string{"error": text})
}

// fail answers a request that our side could not serve. The client learns no internals, the log does.
func (s *server) fail(w http.ResponseWriter, what string, err error) {
	s.Log.Warn("request failed", zap.String("what", what), zap.Error(err))
	writeError(w, http.StatusServiceUnavailable, what+" failed; the log says why")
}

func (s *server) listAlerts(w http.ResponseWriter, r *http.Request) {
	q, err := alertQuery(r.URL.Query())
	if err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	alerts, err := s.Alerts.Alerts(r.Context(), q)
	if err != nil {
		s.fail(w, "reading alerts", err)
		return
	}
	if alerts == nil {
		alerts = []alert.Alert{}
	}
	writeJSON(w, http.StatusOK, map[string]any{"alerts": alerts})
}

// alertQuery reads since, until, rule, severity and limit. A misspelt parameter is an error: it would silently widen
// the answer.
func alertQuery(v url.Values) (q AlertQuery, err error) {
	q.Limit = usualAlerts
	for key, values := range v {
		value := values[len(values)-1]
		switch key {
		case "since":
			q.Since, err = time.Parse(time.RFC3339Nano, value)
		case "until":
			q.Until, err = time.Parse(time.RFC3339Nano, value)
		case "rule":
			q.Rule = value
		case "severity":
			if q.Severity = value; value != "" && rule.SeverityRank(value) < 0 {
				err = errors.New("must be info, low, medium, high or critical")
			}
		case "limit":
			if q.Limit, err = strconv.Atoi(value); err == nil && (q.Limit < 1 || q.Limit > mostAlerts) {
				err = fmt.Errorf("must be 1 to %d", mostAlerts)
			}
		default:
			err = errors.New("unknown parameter, not one of since, until, rule, severity, limit")
		}
		if err != nil {
			return q, fmt.Errorf("parameter %q: %w", key, err)
		}
	}
	return q, nil
}

var alertID = regexp.MustCompile(`^[0-9a-f]{32}$`)

func (s *server) showAlert(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !alertID.MatchString(id) {
		writeError(w, http.StatusBadRequest, "an alert's id is 32 hexadecimal digits")
		return
	}
	alerts, err := s.Alerts.Alerts(r.Context(), AlertQuery{ID: id, Limit: 1})
	switch {
	case err != nil:
		s.fail(w, "reading the alert", err)
	case len(alerts) == 0:
		writeError(w, http.StatusNotFound, "no alert has this id")
	default:
		writeJSON(w, http.StatusOK, &alerts[0])
	}
}

// huntRequest is the body of POST /api/v1/hunt: a query or the name of one, and the values of its {name:Type}.
type huntRequest struct {
	SQL    string            `json:"sql"`
	Hunt   string            `json:"hunt"`
	Params map[string]string `json:"params"`
}

func (s *server) hunt(w http.ResponseWriter, r *http.Request) {
	req, err := s.readHunt(r)
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		writeError(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("a query has at most %d bytes", maxBody))
		return
	case err != nil:
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	rows, err := s.Hunter.Hunt(r.Context(), req.SQL, req.Params)
	switch {
	case errors.Is(err, ErrQuery):
		writeError(w, http.StatusBadRequest, err.Error())
	case err != nil:
		s.fail(w, "the hunt", err)
	default:
		writeJSON(w, http.StatusOK, rows)
	}
}

func (s *server) readHunt(r *http.Request) (req huntRequest, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return req, fmt.Errorf("read the query: %w", err)
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/json" {
		if err := json.Unmarshal(body, &req); err != nil {
			return req, fmt.Errorf("read the query: %w", err)
		}
	} else {
		req.SQL = string(body)
	}
	if req.Hunt != "" {
		h, ok := s.named(req.Hunt)
		if !ok || req.SQL != "" {
			return req, errors.New("give either sql, or the name of one of /api/v1/hunts as hunt")
		}
		req.SQL = h.SQL
	}
	if req.SQL == "" {
		return req, errors.New("the query is empty")
	}
	return req, nil
}

func (s *server) named(name string) (Hunt, bool) {
	for _, h := range s.Hunts {
		if h.Name == name {
			return h, true
		}
	}
	return Hunt{}, false
}

func (s *server) listHunts(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"hunts": append([]Hunt{}, s.Hunts...)})
}

func (s *server) status(w http.ResponseWriter, r *http.Request) {
	status, err := s.Status(r.Context())
	if err != nil {
		s.fail(w, "reading the status", err)
		return
	}
	writeJSON(w, http.StatusOK, status)
}

// ruleInfo is what the API tells of a rule.
type ruleInfo struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Class   string   `json:"class"`
	Mode    string   `json:"mode"`
	Attack  []string `json:"attack"`
	Tags    []string `json:"tags"`
	Runbook string   `json:"runbook"`
}

// classes are those of the rule's events: several where its steps have several.
func classes(r *rule.Rule) string {
	var names []string
	for _, c := range r.Classes() {
		names = append(names, c.String())
	}
	return strings.Join(names, " ")
}

func (s *server) listRules(w http.ResponseWriter, _ *http.Request) {
	rules := []ruleInfo{}
	for _, r := range s.Rules().Rules() {
		rules = append(rules, ruleInfo{
			ID: r.ID, Title: r.Title.Source, Class: classes(r), Mode: string(r.Mode),
			Attack: r.Attack, Tags: r.Tags, Runbook: r.Runbook.Source,
		})
	}
	writeJSON(w, http.StatusOK, map[string]any{"rules": rules})
}
