# Crosswalk. "make" or "make help" lists what can be made.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

CYCLES   ?= 20
DATABASE ?= both
SEED     ?= 0
VERSION ?= $(shell git describe --tags --match 'v*' --dirty 2>/dev/null || echo "0.1.0-dev+$$(git rev-parse --short=10 HEAD 2>/dev/null || echo unknown)")
GOFLAGS_BUILD := -trimpath -ldflags "-s -w -X main.release=$(VERSION)"

UI          := internal/web/dist/index.html
UI_SOURCES  := $(shell find web -path web/node_modules -prune -o -type f -print 2>/dev/null)
UI_MODULES  := web/node_modules/.package-lock.json
JUDGES      := test/conformance/node_modules/.package-lock.json
NPM         := npm --no-audit --no-fund --no-update-notifier

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ui ## Build bin/crosswalk with its web UI
	@echo "go build bin/crosswalk"
	@mkdir -p bin
	@go build $(GOFLAGS_BUILD) -o bin/crosswalk ./cmd/crosswalk

.PHONY: run
run: build ## Build and serve with the data in ./crosswalk-data
	@bin/crosswalk serve

.PHONY: demo
demo: build ## Build, start sandbox and server, connect them, sync users and companies
	@bin/crosswalk demo

.PHONY: ui
ui: tools $(UI) ## Build the web UI into internal/web/dist

$(UI_MODULES): web/package.json web/package-lock.json
	@echo "npm ci"
	@cd web && $(NPM) ci --loglevel=error
	@touch $@

$(UI): $(UI_MODULES) $(UI_SOURCES)
	@echo "npm run build"
	@cd web && $(NPM) run --silent build -- --logLevel=warn
	@touch $@

.PHONY: tools
tools:
	@test/install.sh tools

.PHONY: test-tools
test-tools: $(JUDGES)
	@test/install.sh tests

# Clients of Dynamics by others, which test/conformance runs.
$(JUDGES): test/conformance/package.json test/conformance/package-lock.json | tools
	@echo "npm ci (test/conformance)"
	@cd test/conformance && $(NPM) ci --loglevel=error
	@touch $@

# Each test runs once. Packages are tested with the race detector, but for the
# tests that measure memory or read hundreds of megabytes in one goroutine: what
# they measure would be that of the detector, which slows them down ten times.
# The tests of the whole run without it: nearly all start the program as a
# process, as it is delivered, of which the detector of the test sees nothing.
# test/e2e, where all is in one process, takes seven times the processor time
# with it, half an hour of a processor; "make test-race" runs it.
# A name that MEASURED does not match is tested with the detector: none is lost.
PACKAGES := . ./client/... ./cmd/... ./internal/...
MEASURED := Memory|Alloc|TestTenMillionRows|TestEndlessAnswers|TestHundredMegabytesOfMetadata|TestLargePages

.PHONY: test
test: test-tools ui ## Install what tests need (as root on Debian) and run all of them
	@echo "TypeScript"
	@cd web && $(NPM) run --silent typecheck
	@cd web && $(NPM) run --silent test
	@echo "go test -race (packages)"
	@go test -race -vet=off -timeout 20m -skip '$(MEASURED)' $(PACKAGES)
	@echo "go test (memory)"
	@go test -vet=off -timeout 15m -run '$(MEASURED)' $(PACKAGES)
	@echo "go test (the whole)"
	@go test -vet=off -timeout 15m $$(go list ./test/... | grep -v '/e2e$$')
	@for d in sqlite postgres; do echo "go test (from end to end, $$d)"; go test -vet=off -timeout 15m ./test/e2e -args -database $$d || exit 1; done

.PHONY: test-race
test-race: test-tools ui ## Run all Go tests with the race detector, those of the whole too
	@go test -race -vet=off -timeout 60m ./...

.PHONY: test-kill
test-kill: ui ## Kill a server CYCLES times with SIGKILL while runs are at work (DATABASE=sqlite, postgres or both; SEED=n)
	@go test -count=1 -v -timeout 120m ./test/kill -cycles $(CYCLES) -databases $(DATABASE) -seed $(SEED)

.PHONY: test-cluster
test-cluster: ui ## Kill, pause and replace servers of a cluster on PostgreSQL while runs are at work
	@go test -count=1 -v -timeout 20m ./test/cluster

.PHONY: lint
lint: ui ## Check format, go vet, staticcheck, import rules, ESLint
	@echo "gofumpt"
	@unformatted="$$(go tool gofumpt -l $$(git ls-files -co --exclude-standard "*.go"))"; if [ -n "$$unformatted" ]; then \
		go tool gofumpt -d $$unformatted; echo "not formatted; run: go tool gofumpt -w" $$unformatted; exit 1; fi
	@echo "go mod tidy"
	@go mod tidy -diff
	@echo "go vet"
	@go vet ./...
	@echo "staticcheck"
	@go tool staticcheck ./...
	@echo "import rules"
	@go test ./test/imports
	@echo "ESLint"
	@cd web && $(NPM) run --silent lint

.PHONY: check
check: lint test ## Everything CI checks: format, linters, TypeScript, all tests

.PHONY: bench
bench: ui ## Measure syncs and each of their stages on both databases, then the client alone; ARGS="-accounts 1000000"
	@go run ./test/bench $(ARGS)
	@go run ./test/bench -walk

.PHONY: clean
clean: ## Remove what was built and the demo's data
	@rm -rf bin demo-data web/node_modules test/conformance/node_modules
	@find internal/web/dist -mindepth 1 ! -name .gitkeep -delete 2>/dev/null || true
