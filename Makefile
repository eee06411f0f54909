# Berth. `make help` lists the targets. Each target sets up what it needs first (tools/setup.sh), so that a
# Debian machine with npm, git and make is enough.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

BUN := node_modules/.bin/bun
PREFIX ?= /usr/local
DESTDIR ?=
UNITDIR ?= /lib/systemd/system
# Where shells look for completions, by shell.
COMPLETIONS := bash:$(PREFIX)/share/bash-completion/completions/berth \
	zsh:$(PREFIX)/share/zsh/site-functions/_berth \
	fish:$(PREFIX)/share/fish/vendor_completions.d/berth.fish
# Number of test files that run at the same time.
JOBS ?= $(shell nproc)

SOURCES := $(shell find apps packages -name '*.ts' ! -name '*.test.ts' -o -name '*.json' ! -path '*/node_modules/*') package.json package-lock.json tools/build.ts

.PHONY: help setup-build setup-runtime setup-test build check check-types check-lint check-layers check-docs format \
	test test-unit test-e2e test-fault parity bench fuzz quickstart install uninstall clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup-build:
	@tools/setup.sh build
setup-runtime:
	@tools/setup.sh runtime
setup-test:
	@tools/setup.sh test

build: setup-build ## the one executable, dist/berth (only when a source changed)
	@$(MAKE) --no-print-directory --silent dist/berth

dist/berth: $(SOURCES)
	@$(BUN) tools/build.ts

check: setup-build check-types check-lint check-layers check-docs ## types, lint, format, layers, documents

check-types:
	@$(BUN) node_modules/typescript/bin/tsc -p .
check-lint:
	@node_modules/.bin/biome check --error-on-warnings --reporter=summary .
check-layers:
	@$(BUN) tools/check-layers.ts
check-docs:
	@$(BUN) tools/check-docs.ts

format: setup-build ## format and lint what can be mended by machine
	@node_modules/.bin/biome check --write .

test: setup-test build ## every test: unit, end to end, faults (as root)
	@$(BUN) test/harness/make-images.ts || true # the tests that need them say what is wrong
	@$(BUN) tools/test.ts --jobs $(JOBS) packages apps tools test

test-unit: setup-build ## only the tests that stand beside the code
	@$(BUN) tools/test.ts --jobs $(JOBS) packages apps tools

test-e2e: setup-test build ## only the tests that drive a real daemon with real clients
	@$(BUN) test/harness/make-images.ts || true # the tests that need them say what is wrong
	@$(BUN) tools/test.ts --jobs $(JOBS) test/harness test/e2e

test-fault: setup-test build ## only the tests that kill, fill disks and send garbage
	@$(BUN) tools/test.ts --jobs 1 test/fault

parity: setup-test build ## the same commands on Debian's docker.io and on Berth, compared
	@$(BUN) test/parity/main.ts

bench: setup-test build ## docker.io, podman and Berth side by side; writes docs/benchmarks.md
	@$(BUN) test/bench/main.ts

fuzz: setup-build ## random input for every parser of foreign bytes (SECONDS=60)
	@$(BUN) test/fuzz/main.ts --seconds $(or $(SECONDS),60)

quickstart: setup-runtime build ## from this folder to a live web service in a container
	@$(BUN) tools/quickstart.ts

install: setup-runtime build ## install below PREFIX (/usr/local), with systemd units and completions
	install -D -m 755 dist/berth $(DESTDIR)$(PREFIX)/bin/berth
	for each in $(COMPLETIONS); do \
	  mkdir -p "$(DESTDIR)$$(dirname "$${each#*:}")" && \
	  dist/berth completion "$${each%%:*}" > "$(DESTDIR)$${each#*:}" || exit 1; \
	done
	for unit in berth.service berth.socket; do \
	  mkdir -p $(DESTDIR)$(UNITDIR) && \
	  sed 's|@PREFIX@|$(PREFIX)|g' packaging/systemd/$$unit > $(DESTDIR)$(UNITDIR)/$$unit || exit 1; \
	done
	@if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
	@echo 'Installed. Start it with: systemctl enable --now berth.socket berth.service'

uninstall: ## remove what install put there; containers, images and volumes stay
	@if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then systemctl disable --now berth.service berth.socket || true; fi
	for each in $(COMPLETIONS); do rm -f "$(DESTDIR)$${each#*:}"; done
	rm -f $(DESTDIR)$(PREFIX)/bin/berth $(DESTDIR)$(UNITDIR)/berth.service $(DESTDIR)$(UNITDIR)/berth.socket

clean: ## remove what was built (not node_modules)
	rm -rf dist .cache
