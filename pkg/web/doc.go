// Package web is the HTTP side of the role serve, and the health and metrics of every role.
//
// New makes the handler of the API and the console, NewOps that of /healthz, /readyz, /rules and /metrics, and Server serves
// either with TLS and a clean stop. Everything but health asks for the token: as bearer token, or as a cookie that
// POST /login sets. The console is rendered on the server without any script, for its pages show text that attackers
// wrote. The package reads alerts and runs hunts through small interfaces of its own and knows neither Kafka nor SQL.
//
// Metrics: shrike_api_requests_total by route and status class. Start reading at New.
package web
