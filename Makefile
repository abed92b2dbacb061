# dynlb's tasks. `make` alone lists them; `make test` is the whole check.

# One step after the other, also under -j: a check must not run while another
# step rewrites what it reads.
.NOTPARALLEL:
.DEFAULT_GOAL := help
SHELL := bash

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
FUZZTIME ?= 30s
BENCHFLAGS ?=
SOAKFLAGS ?=
SERVERSFLAGS ?=

# The development tools, each pinned in a module of its own kind (tools/go.mod
# says why there are three) and built by go itself on first use.
BUF := go tool -modfile=tools/buf/go.mod buf
LINT := go tool -modfile=tools/golangci-lint/go.mod golangci-lint
BASELINE := proto/baseline.json
BUN := examples/bun/node_modules/.package-lock.json
WEB := web/node_modules/.package-lock.json
TYPESCRIPT := examples/typescript/node_modules/.package-lock.json

# $(call step,what it does) says so, in one line.
step = @printf '==> %s\n' '$(1)'

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# With the tracing of gRPC, which dynlb does not use, templates are linked. They may call
# any method, so the linker would keep all of them: 5.8 MB of 37.3. packaging has this, too.
.PHONY: build
build: need-go ## Build the static binary bin/dynlb
	$(call step,build bin/dynlb)
	@CGO_ENABLED=0 go build -tags grpcnotrace -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o bin/dynlb ./cmd/dynlb

.PHONY: generate
generate: generate-proto generate-keys generate-metrics ## Regenerate gen/ from proto/, and the files about config keys and metrics

.PHONY: generate-proto
generate-proto: need-go
	$(call step,generate gen from proto)
	@set -e; rm -rf .gen; trap 'rm -rf .gen' EXIT; \
	$(BUF) generate --output .gen; \
	go run ./server/openapigen .gen/gen/dynlb/v1/control.swagger.json .gen/gen/dynlb/v1/control.openapi.json; \
	rm .gen/gen/dynlb/v1/*.swagger.json; \
	rm -rf gen/dynlb; \
	mv .gen/gen/dynlb gen/

# config.schema.json, config.yaml and the table of keys in README.md. A Go test
# fails when they are out of date.
.PHONY: generate-keys
generate-keys: need-go
	$(call step,generate the files about config keys)
	@go run ./internal/config/keysgen .

# docs/metrics.md. A Go test fails when it is out of date.
.PHONY: generate-metrics
generate-metrics: need-go
	$(call step,generate docs/metrics.md)
	@go run ./server/metricsgen .

.PHONY: web
web: need-npm $(WEB) ## Build the dashboard from web/ into internal/dashboard/dist
	$(call step,build the dashboard)
	@cd web && node types.mjs && npx --no-install tsc --noEmit && node build.mjs

# The platforms of the packages; PLATFORMS=linux/amd64 is quicker.
PLATFORMS ?= linux/amd64,linux/arm64,darwin/amd64,darwin/arm64

.PHONY: npm
npm: need-npm need-git $(WEB) ## Make the packages for npm in dist/npm
	$(call step,npm packages)
	@go run ./packaging -version $(VERSION) -platforms $(PLATFORMS) npm

.PHONY: dist
dist: need-npm need-git $(WEB) ## Make archives, deb, rpm, apk, SBOM and checksums in dist/release
	$(call step,dist)
	@go run ./packaging -version $(VERSION) -platforms $(PLATFORMS) dist

.PHONY: baseline
baseline: need-go check-proto ## Make this proto what later ones must be compatible with, at a release
	$(call step,baseline of proto)
	@$(BUF) build --exclude-source-info --output $(BASELINE)

.PHONY: fmt
fmt: need-go ## Format the Go and proto files
	$(call step,format)
	@$(LINT) fmt
	@$(BUF) format -w

.PHONY: lint
lint: need-go lint-proto check-proto lint-go ## Run the linters (go vet is one of them)

.PHONY: test
test: need check-fmt lint-proto check-proto check-gen check-web check-binary lint-go check-darwin $(WEB) $(BUN) $(TYPESCRIPT) test-web test-go test-install ## The whole check: format, lint, generated code, all tests

# The tests that do not take long: those that do skip themselves under -short. The tests of
# the root compare texts with expressions, which the race detector makes ten times slower.
# Without the second's sleep that it adds to each program, and with four packages at a
# time, as most tests wait, two processors need less than a minute. The packages that take
# longest are the first.
.PHONY: test-short
test-short: need $(BUN) ## The Go tests that do not take long, about a minute
	$(call step,go test -short -race)
	@go test -short .
	@CGO_ENABLED=1 GORACE=atexit_sleep_ms=0 go test -short -race -p 4 -timeout=5m ./proxy ./internal/daemon $$(go list ./... | tail -n +2)

# What other software was seen to do. The scripts install packages from public
# registries, so they are not part of the check.
.PHONY: findings
findings: ## Run every findings/*.sh, one after the other
	@set -e; shopt -s nullglob; failed=; \
	for script in findings/*.sh; do \
		printf '==> %s\n' "$$script"; \
		bash "$$script" || failed="$$failed $$script"; \
	done; \
	[ -z "$$failed" ] || { echo "make findings: not as recorded:$$failed" >&2; exit 1; }

# Prometheus is a package of the system, so this is not part of the check where it is
# missing.
.PHONY: prometheus
prometheus: need-go ## Have a real Prometheus scrape dynlb, for the dashboard and the alert rules
	@set -e; command -v prometheus >/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo 'make: prometheus is missing: see https://prometheus.io/download' >&2; exit 1; }; \
		echo '==> install prometheus'; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >/dev/null; \
	}
	$(call step,prometheus)
	@go test -count=1 -timeout=10m ./examples/prometheus

# What installs dynlb in a cluster, rendered by the code of kustomize and Helm. These are in a
# module of their own.
.PHONY: test-install
test-install: need-go ## Test the kustomize base and the chart
	$(call step,test the kustomize base and the chart)
	@cd test/install && go vet . && go test -count=1 -timeout=10m .

# A real control plane of Kubernetes, from a module of its own: see test/kubernetes/README.md.
K8S := test/kubernetes/bin
SCENARIOS ?=
.PHONY: test-kubernetes
test-kubernetes: need-go build ## Test dynlb on a real Kubernetes control plane (SCENARIOS names some)
	$(call step,build the control plane)
	@cd test/kubernetes && go build -trimpath -ldflags '-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2' -o bin/kubernetes ./control && \
	go build -trimpath -ldflags '-s -w' -o bin/ ./kubelet ./scenario
	$(call step,scenarios)
	@set -e; run=$$(mktemp -d); trap 'rm -rf "$$run"' EXIT; \
	BIN=$(CURDIR)/$(K8S) RUN=$$run/run APP=$(CURDIR)/$(K8S)/kubelet DYNLB=$(CURDIR)/bin/dynlb test/kubernetes/cluster.sh run $(CURDIR)/$(K8S)/scenario $(SCENARIOS)

.PHONY: bench
bench: need-go ## Measure dynlb beside its peers, 14 minutes (BENCHFLAGS passes flags)
	$(call step,bench)
	@go run ./bench $(BENCHFLAGS)

.PHONY: scenarios
scenarios: need-go ## How the pool follows the load, beside peers, 100 minutes (SCENARIOFLAGS passes flags)
	$(call step,scenarios)
	@go run ./bench/scenarios $(SCENARIOFLAGS)

.PHONY: soak
soak: need-npm build $(BUN) ## Load and faults for minutes: is a request lost? (SOAKFLAGS passes flags)
	$(call step,soak)
	@go run ./soak -dynlb bin/dynlb $(SOAKFLAGS)

.PHONY: upgrade-soak
upgrade-soak: build ## Upgrades of dynlb under load: is a request lost? (UPGRADEFLAGS passes flags)
	$(call step,upgrades under load)
	@go run ./soak/upgrade -old bin/dynlb $(UPGRADEFLAGS)

# The servers are installed from public registries, so this is not part of the check.
.PHONY: servers
servers: need-npm build ## Measure HTTP servers for docs/servers.md, 10 minutes (SERVERSFLAGS passes flags)
	$(call step,servers)
	@go build -o bin/servers ./servers
	@bin/servers -dynlb bin/dynlb $(SERVERSFLAGS)

.PHONY: fuzz
fuzz: need-go ## Run every fuzz target for FUZZTIME (30s) each
	@set -e; targets=$$(grep -rHoE '^func Fuzz[A-Za-z0-9_]*' --include='*_test.go' --exclude-dir=node_modules . || true); \
	[ -n "$$targets" ] || { echo 'make fuzz: there are no fuzz targets' >&2; exit 1; }; \
	while IFS=: read -r file func; do \
		target=$${func#func }; \
		printf '==> %s\n' "fuzz $$target in $${file%/*} for $(FUZZTIME)"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime '$(FUZZTIME)' "$${file%/*}"; \
	done <<<"$$targets"

.PHONY: clean
clean: ## Remove what the other targets made, gen/ aside
	$(call step,clean)
	@rm -rf bin dist examples/bun/node_modules web/node_modules examples/typescript/node_modules
	@find . -name .git -prune -o -type f \( -name '*.test' -o -name '*.prof' -o -name 'coverage.*' \) -exec rm -f {} +

# --- the steps of the check -------------------------------------------------

.PHONY: check-fmt
check-fmt:
	$(call step,format check)
	@$(LINT) fmt --diff || { echo 'make: run make fmt' >&2; exit 1; }
	@$(BUF) format --diff --exit-code || { echo 'make: run make fmt' >&2; exit 1; }

.PHONY: lint-proto
lint-proto:
	$(call step,buf lint)
	@$(BUF) lint

# proto must stay compatible with its last release. The baseline is the compiled
# proto of that release, in the repository: a shallow clone without a network has
# no older commit to compare with.
.PHONY: check-proto
check-proto: need-go
	$(call step,buf breaking)
	@$(BUF) breaking --against $(BASELINE) || { echo 'make: proto breaks clients of the last release; add fields, and leave those that exist as they are' >&2; exit 1; }

# Only Linux is tested. A change must not break the build for the other system that packages
# are made for.
.PHONY: check-darwin
check-darwin: need-go
	$(call step,go vet for macOS)
	@GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go vet ./cmd/dynlb

.PHONY: lint-go
lint-go:
	$(call step,golangci-lint)
	@$(LINT) run ./...

# gen must be what proto makes of it, and in git: git status sees changed,
# deleted and new files alike. A staged file is in git as far as this goes. The
# repository may belong to another user, as in containers.
.PHONY: check-gen
check-gen: generate-proto
	$(call step,generated code is fresh)
	@set -e; changed=$$(git -c safe.directory='$(CURDIR)' status --porcelain --untracked-files=all -- gen); \
	stale=$$(grep '^.[^ ]' <<<"$$changed" || true); \
	[ -z "$$stale" ] || { printf '%s\n' "$$stale" 'make: gen/ is not what proto/ makes of it; it has just been regenerated: git add gen' >&2; exit 1; }

# No template may be linked; see build. The names of functions are in a stripped binary too.
.PHONY: check-binary
check-binary: build
	$(call step,no templates in bin/dynlb)
	@! grep -qa 'text/template\.(\*state)' bin/dynlb || { echo 'make: bin/dynlb has text/template, which makes it larger by megabytes; go build -ldflags=-dumpdep shows what calls it' >&2; exit 1; }

# The page that is in git must be what its sources make of it, with the types of the
# present OpenAPI document.
.PHONY: check-web
check-web: $(WEB)
	$(call step,the dashboard is fresh)
	@set -e; cd web; types=$$(<src/types.ts); node types.mjs; \
	[ "$$types" = "$$(<src/types.ts)" ] || { echo 'make: web/src/types.ts was not what proto/ makes of it; run make web' >&2; exit 1; }; \
	npx --no-install tsc --noEmit; node build.mjs --check

$(WEB): web/package.json web/package-lock.json
	$(call step,npm ci in web)
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# Bun, the runtime of the example app and of the end-to-end tests.
$(BUN): examples/bun/package.json examples/bun/package-lock.json
	$(call step,npm ci in examples/bun)
	@cd examples/bun && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# The tools that generate clients in TypeScript.
$(TYPESCRIPT): examples/typescript/package.json examples/typescript/package-lock.json
	$(call step,npm ci in examples/typescript)
	@cd examples/typescript && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# -count=1: the end-to-end tests run programs whose changes go test cannot see.
.PHONY: test-go
test-go:
	$(call step,go test -race)
	@CGO_ENABLED=1 go test -race -count=1 -timeout=10m ./...
	$(call step,go test of the simulations with all seeds)
	@go test -count=1 ./internal/simulate
	$(call step,go test -race ./proxy with instances on Unix sockets)
	@CGO_ENABLED=1 DYNLB_TEST_UPSTREAM=unix go test -race -count=1 -timeout=10m ./proxy

# The dashboard in Chromium, with a real dynlb, half a minute.
.PHONY: test-web
test-web: need-go need-npm need-chromium $(WEB) ## The tests of the dashboard in Chromium
	$(call step,test the dashboard in Chromium)
	@cd web && npm test --silent

# --- what must be there -----------------------------------------------------

.PHONY: need
need: need-go need-npm need-git need-cc need-systemd need-python

.PHONY: need-go
need-go:
	@command -v go >/dev/null || { echo 'make: go is missing: see https://go.dev/dl' >&2; exit 1; }

.PHONY: need-npm
need-npm:
	@command -v node >/dev/null || { echo 'make: node is missing: see https://nodejs.org' >&2; exit 1; }
	@command -v npm >/dev/null || { echo 'make: npm is missing: it comes with node, see https://nodejs.org' >&2; exit 1; }

.PHONY: need-git
need-git:
	@command -v git >/dev/null || { echo 'make: git is missing: it tells whether gen/ is fresh' >&2; exit 1; }

# CHROMIUM may name another one.
.PHONY: need-chromium
need-chromium:
	@set -e; for name in "$(CHROMIUM)" chromium chromium-browser google-chrome google-chrome-stable; do \
		[ -z "$$name" ] || ! command -v "$$name" >/dev/null || exit 0; \
	done; \
	[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo 'make: Chromium is missing: install it, or name it in CHROMIUM' >&2; exit 1; }; \
	echo '==> install chromium for the tests of the dashboard'; \
	apt-get update -qq; \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null

# The race detector is C. Where root and apt are at hand, as in a container, a
# missing compiler is installed.
.PHONY: need-cc
need-cc:
	@set -e; cc=$$(go env CC); command -v "$${cc%% *}" >/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "make: $$cc is missing: go test -race needs a C compiler" >&2; exit 1; }; \
		echo '==> install gcc for go test -race'; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null; \
	}

# The client in Python, with the packages of the system. Without root or apt, its test skips
# itself where they are missing.
.PHONY: need-python
need-python:
	@set -e; { /usr/bin/python3 -c 'import grpc' && command -v protoc grpc_python_plugin && [ -e /usr/include/google/protobuf/timestamp.proto ]; } >/dev/null 2>&1 || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 0; \
		echo '==> install grpcio and protoc for the client in Python'; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-grpcio protobuf-compiler protobuf-compiler-grpc libprotobuf-dev >/dev/null; \
	}

# systemd checks the units that dynlb writes.
.PHONY: need-systemd
need-systemd:
	@set -e; command -v systemd-analyze >/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo 'make: systemd-analyze is missing: it checks the units of dynlb service install' >&2; exit 1; }; \
		echo '==> install systemd for systemd-analyze'; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends systemd >/dev/null; \
	}
