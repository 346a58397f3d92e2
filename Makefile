# Every target installs what it needs: Go modules through the go command, the ClickHouse engine through npm.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
GO ?= go
BIN := bin/shrike
export SHRIKE_TEST_REQUIRE_ENGINES = 1

.PHONY: build demo test kafkatest race bench conformance fuzz check lint vulncheck clickhouse help

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

build: ## build bin/shrike
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/shrike

clickhouse: ## fetch the embedded ClickHouse engine into the user's cache
	@scripts/fetch-clickhouse

demo: clickhouse build ## a day of sample logs with three attacks hidden in it, through the real way
	$(BIN) demo $(DEMO)

test: clickhouse check ## every test, end-to-end ones included, then the race detector over the concurrent packages
	$(GO) test -timeout 30m ./...
	$(GO) test -race -short -timeout 20m $(RACE)

kafkatest: clickhouse ## the test that kills everything, against an Apache Kafka (needs Java 17 and Maven)
	scripts/apache-kafka $(GO) test -count=1 -timeout 20m -v -run TestKills ./pkg/e2e

RACE := ./pkg/scan ./pkg/bus/... ./pkg/pipeline/... ./pkg/source/... ./pkg/notify/... ./pkg/web/... ./pkg/telemetry/...

check: ## formatting and vet
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "not gofmt'ed: $$out"; exit 1; }
	$(GO) vet ./...

bench: clickhouse ## parse, match and the whole way; figures are ratios within one run
	$(GO) test -run '^$$' -bench . -benchtime 2s ./pkg/format/... ./pkg/rule ./pkg/match ./pkg/correlate ./pkg/e2e

conformance: ## what the formats make of published logs (../shared/data), value by value, against what their publishers expect
	$(GO) test -count=1 -v ./pkg/conformance

fuzz: ## every fuzz target for a CPU-minute each (FUZZTIME=10s make fuzz: less); a find stays in testdata/fuzz as a case
	@bad=; for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	  echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -parallel 1 -fuzzminimizetime 10x -fuzztime $${FUZZTIME:-60s} $$p || bad="$$bad $$f"; done; done; \
	test -z "$$bad" || { echo "failed:$$bad"; exit 1; }

lint: ## golangci-lint, fetched through the go command
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...

vulncheck: ## known vulnerabilities in what we import; needs its database on the network
	$(GO) run golang.org/x/vuln/cmd/govulncheck@latest ./...
