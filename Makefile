# Everything a contributor runs; .ci/run calls the same targets.

# The library and the modules beside it that need dependencies of their own: those of go.work.
MODULES := . cmd/pooled metrics integration bench browser
# Those whose tests want no browser.
TESTED := $(filter-out browser,$(MODULES))

# More flags for go test, as in: make test TESTFLAGS='-run Overload -v'
TESTFLAGS :=
# What make test-servers tests on, one after another, besides the machine's own servers, which make test starts.
# The words are those of scripts/with-servers.
SERVERS := $(foreach servers,mysql-9.7+postgres-18+pgbouncer-1.26 mariadb-11.8+postgres-14 galera+postgres-16 \
	postgres-17, $(servers) $(servers)+tls)
# What of these is tested on in each run of CI.
NEWER := mysql-9.7+postgres-18+pgbouncer-1.26+tls

# How long make fuzz stays with each fuzz target.
FUZZTIME := 20s
# Where vet has to pass; each has files behind build tags.
PLATFORMS := linux darwin windows freebsd

# Tools have their own go.mod, so that their dependencies are not the library's.
# Their paths are asked for outside of the workspace, which -modfile can't be used in.
TOOL = GOWORK=off go tool -n -modfile=$(CURDIR)/tools/go.mod
STATICCHECK = $$($(TOOL) staticcheck)
RELEASECHECK = GOWORK=off go -C tools run ./releasecheck -root ..

# The version that make release-check is to find everywhere, as in: make release-check VERSION=v0.2.0
VERSION :=

# $(call in_modules,COMMAND,MODULES) runs it in each of them, also after one has failed.
in_modules = @status=0; for module in $(2); do \
	(cd $$module && PS4="$$module: " && set -x && $(1)) || status=1; done; exit $$status

.PHONY: help demo test test-on-servers test-busy test-newer test-servers test-browser screenshots chromium race lint \
	vet-platforms machine-paths workflows tools release-check licences tidy fuzz bench bench-peers c-compiler shells
.DEFAULT_GOAL := help

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## show what pooled does, on an embedded database, in seconds
	@go run ./cmd/pooled demo

# Compiled before the servers start and packages are tested one by one (-p 1),
# because tests change the servers' settings and use up their connections.
test: c-compiler shells ## vet and all tests with -race, on its own PostgreSQL, MariaDB, PgBouncer and HAProxy
	$(call in_modules,go vet ./...,$(MODULES))
	$(call in_modules,CGO_ENABLED=1 go test -race -run '^$$' ./... >/dev/null,$(TESTED))
	@scripts/with-servers $(MAKE) --no-print-directory test-on-servers

test-on-servers: # only with what that script starts
	$(call in_modules,CGO_ENABLED=1 go test -race -p 1 -timeout 20m $(TESTFLAGS) ./...,$(TESTED))

test-newer test-servers: export TESTFLAGS := $(TESTFLAGS)

test-newer: c-compiler ## the tests that use a server on NEWER, as in each run of CI
	@scripts/test-servers $(NEWER)

test-servers: c-compiler ## the same on all of SERVERS, which takes hours, as in: make test-servers SERVERS=mysql-9.7+tls
	@scripts/test-servers $(SERVERS)

# Everything is nice, so that the machine stays of use. A result of before says nothing about this run.
test-busy: ## make test, beside eight processes that use up processor time
	@nice scripts/busy 8 $(MAKE) --no-print-directory test TESTFLAGS='-count 1 -timeout 90m $(TESTFLAGS)'

test-browser: c-compiler chromium ## the live page, in a headless Chromium
	cd browser && POOLED_TEST_REQUIRE=1 CGO_ENABLED=1 go test -race -timeout 10m $(TESTFLAGS) ./...

screenshots: chromium ## the pictures in docs/images anew, by the same browser
	@mkdir -p docs/images
	cd browser && POOLED_TEST_REQUIRE=1 go test -count 1 -run Screenshot -update-screenshots .

chromium:
	@command -v chromium >/dev/null || scripts/apt-install chromium

race: c-compiler ## the tests that need no server, with -race; the quick check
	CGO_ENABLED=1 go test -race -short $(TESTFLAGS) ./... ./cmd/pooled/...

lint: vet-platforms machine-paths workflows tools ## gofmt, vet for each platform, staticcheck, calls that must be inlined
	@files=$$(gofmt -l .); test -z "$$files" || { echo "gofmt these:" $$files; exit 1; }
	$(call in_modules,$(STATICCHECK) ./...,$(MODULES))
	scripts/check-inlined

vet-platforms:
	@set -e; for os in $(PLATFORMS); do (PS4=; set -x; GOOS=$$os go vet ./... ./cmd/pooled/... ./metrics/...); done

# Those of .github/workflows.
workflows:
	$$($(TOOL) actionlint) -shellcheck= -pyflakes=

# The tools that are written here.
tools:
	cd tools && export GOWORK=off && go vet ./... && staticcheck=$(STATICCHECK) && $$staticcheck ./... && go test ./...

release-check: ## the released modules as users get them, their licences, API and vulnerabilities
	@$(RELEASECHECK) -version "$(VERSION)"

licences: ## write docs/licences.md
	@$(RELEASECHECK) -write-licences

tidy: ## go mod tidy in each module
	scripts/tidy

# A path of somebody's machine works on that machine only.
machine-paths:
	@! grep -rnIE '/(home|root|Users|work)/[A-Za-z0-9]' --exclude-dir=.git . || \
		{ echo "paths of one machine, see above"; exit 1; }

# go test takes one fuzz target of one package at a time.
fuzz: ## each fuzz target for FUZZTIME (20s)
	@set -e; for package in $$(go list ./... ./cmd/pooled/...); do \
		targets=$$(go test -list '^Fuzz' $$package); for target in $$(echo "$$targets" | grep '^Fuzz'); do \
			(PS4=; set -x; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package); done; done

bench: bench-peers ## benchmarks, also against peers and real servers
	go test -run '^$$' -bench . -benchmem $(TESTFLAGS) . ./internal/...
ifneq ($(wildcard bench/Makefile),)
	@scripts/with-servers postgres mariadb -- $(MAKE) --no-print-directory -C bench
else ifneq ($(wildcard bench/go.mod),)
	@scripts/with-servers postgres mariadb -- go -C bench test -run '^$$' -bench . -benchmem $(TESTFLAGS) ./...
endif

# The pools of other languages. Where they can't be installed, the report says that they are missing.
bench-peers:
	@test -e /usr/share/java/HikariCP.jar -a -e /usr/share/java/postgresql.jar && command -v javac >/dev/null && \
		/usr/bin/python3 -c 'import sqlalchemy' 2>/dev/null || \
		scripts/apt-install default-jdk-headless libhikaricp-java libpostgresql-jdbc-java libslf4j-java python3-sqlalchemy || true

# What the completion of the command line is tested in, beside bash.
shells:
	@command -v zsh >/dev/null && command -v fish >/dev/null && test -e /usr/share/bash-completion/bash_completion || \
		scripts/apt-install bash-completion zsh fish

# The race detector needs cgo, and cgo a C compiler.
c-compiler:
	@command -v $(firstword $(shell go env CC)) >/dev/null || scripts/apt-install gcc libc6-dev
