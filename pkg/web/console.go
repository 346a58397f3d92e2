package web

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/rule"
)

//go:embed page/console.html page/login.html page/style.css
var files embed.FS

// pageTemplates parses the pages; they are part of the binary, so that an error is a bug.
func pageTemplates() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"when": func(t time.Time) string {
			if t.IsZero() {
				return "never"
			}
			return t.UTC().Format(time.DateTime)
		},
		"value": func(v any) string { return fmt.Sprint(v) },
	}).ParseFS(files, "page/*.html"))
}

type consolePage struct {
	Severities []string
	Query      AlertQuery
	Alerts     []alert.Alert
	Status     *Status
	Rules      int
	Hunts      []Hunt
	Hunt       string // name of the hunt that was run
	Rows       *Rows
	Problems   []string // what could not be shown, for a page with a part missing is better than none
}

func (s *server) console(mux *http.ServeMux) {
	pages := pageTemplates()
	page := func(w http.ResponseWriter, status int, name string, data any) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_ = pages.ExecuteTemplate(w, name, data) // the client is gone; a template at fault fails the tests
	}
	mux.Handle("GET /{$}", s.metrics.count("GET /", s.private(func(w http.ResponseWriter, r *http.Request) {
		page(w, http.StatusOK, "console.html", s.consolePage(r))
	}, func(w http.ResponseWriter) { page(w, http.StatusUnauthorized, "login.html", "") })))

	mux.Handle("POST /login", s.metrics.count("POST /login", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !equal(r.PostFormValue("token"), s.Token) {
			page(w, http.StatusUnauthorized, "login.html", "This is not the token.")
			return
		}
		http.SetCookie(w, sessionCookie(r, sessionCode(s.Token), cookieLife))
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})))
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, sessionCookie(r, "", -time.Second))
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, files, "page/style.css")
	})
}

func (s *server) consolePage(r *http.Request) *consolePage {
	p := &consolePage{Severities: rule.SeverityWords(), Hunts: s.Hunts, Rules: len(s.Rules().Rules())}
	problem := func(what string, err error) {
		s.Log.Warn("console is incomplete", zap.String("what", what), zap.Error(err))
		p.Problems = append(p.Problems, what+" failed; the log says why")
	}
	p.Query = consoleQuery(r.URL.Query())
	var err error
	if p.Alerts, err = s.Alerts.Alerts(r.Context(), p.Query); err != nil {
		problem("Reading alerts", err)
	}
	if p.Status, err = s.Status(r.Context()); err != nil {
		problem("Reading the status", err)
	}
	if h, ok := s.named(r.URL.Query().Get("hunt")); ok {
		p.Hunt = h.Name
		p.Rows, err = s.Hunter.Hunt(r.Context(), h.SQL, nil)
		switch {
		case errors.Is(err, ErrQuery):
			p.Problems = append(p.Problems, "Hunt "+h.Name+": "+err.Error())
		case err != nil:
			problem("The hunt", err)
		}
	}
	return p
}

// consoleQuery reads the page's own form; what it cannot have sent is ignored.
func consoleQuery(v url.Values) AlertQuery {
	q := AlertQuery{Limit: usualAlerts, Rule: v.Get("rule")}
	if sev := v.Get("severity"); rule.SeverityRank(sev) >= 0 {
		q.Severity = sev
	}
	return q
}
