# The front door. `make` alone lists what there is.
.DEFAULT_GOAL := help
.PHONY: help chaos conformance play frontend test test-repeat test-outside test-outside-repeat test-foreign test-page test-frontend test-cluster test-slurm crowd schedules explore fuzz trust bench lint lint-frontend fmt fmt-frontend install

# Passed on to `chaos run`, for example: make chaos ARGS="--filter 'R23*' --seed 7"
ARGS ?=

# Recipes that need Node are skipped, and say what, where there is none that is new enough.
need-node = node -e 'const [a, b] = process.versions.node.split("."); process.exit(a * 100 + +b >= 2019 ? 0 : 1)' 2>/dev/null \
	|| { echo "SKIPPED, missing Node 20.19 or newer: $(1)"; exit 0; };

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

chaos: ## every built-in scenario on real sockets, with a verdict (ARGS="…" goes to `chaos run`)
	@cargo build --package scenarios
	@"$${CARGO_TARGET_DIR:-target}/debug/chaos" run $(ARGS)

play: ## interactive demo for your browser: server, proxy with mild faults, keyboard shortcuts
	@$(call need-node,the page with the chart; the simple one takes its place) $(MAKE) --no-print-directory frontend
	@cargo build --package scenarios
	@"$${CARGO_TARGET_DIR:-target}/debug/chaos" play $(ARGS)

frontend: frontend/dist/index.html ## build the page with the chart (needs Node); the next build of the server includes it

test: ## all tests; five minutes on two cores, and a quarter of an hour the first time
	cargo test --workspace --no-run
	RUST_TEST_THREADS=$(test-threads) cargo test --workspace
	@$(MAKE) --no-print-directory test-repeat
	@$(MAKE) --no-print-directory test-outside
	@$(MAKE) --no-print-directory test-foreign
	@$(MAKE) --no-print-directory test-cluster
	@$(call need-node,pages in a browser as clients) $(MAKE) --no-print-directory test-page PAGE_TESTS="page::browser_a_page page::browser_what"
	@$(call need-node,the tests of the page (Vitest and a real browser)) $(MAKE) --no-print-directory test-frontend

# Two for each core: what is in real time mostly waits.
test-threads = $${RUST_TEST_THREADS:-$$((2 * $$(getconf _NPROCESSORS_ONLN)))}

# Virtual time, byte-identical: everything twice, and a debug and a release build beside each
# other; and a search of fixed seed, which finds nothing in the reference client.
test-repeat:
	cargo test --workspace --no-run
	cargo build --package scenarios --release
	@bin="$${CARGO_TARGET_DIR:-target}"; out=$$(mktemp -d) && trap 'rm -rf "$$out"' EXIT && \
	"$$bin/release/chaos" run --time virtual --check-determinism --out "$$out/twice" >/dev/null && \
	"$$bin/debug/chaos" run --time virtual --jobs 1 --out "$$out/debug" >/dev/null && \
	"$$bin/release/chaos" run --time virtual --jobs 2 --out "$$out/release" >/dev/null && \
	diff -r "$$out/debug" "$$out/release" && echo "virtual time: equal to the byte, twice, in debug and in release" && \
	"$$bin/release/chaos" explore --cases 2000 --seed 1 --jobs 1 --unconfirmed --out "$$out/one" >/dev/null && \
	"$$bin/release/chaos" explore --cases 2000 --seed 1 --jobs 2 --unconfirmed --out "$$out/two" >/dev/null && \
	diff -r "$$out/one" "$$out/two" && echo "2,000 random schedules: the reference client does not fail, with one job and with two alike"

# The crate as other projects' tests have it: a package outside the workspace.
test-outside:
	cargo test --locked --manifest-path chaos-proxy/tests/outside/Cargo.toml --target-dir "$${CARGO_TARGET_DIR:-target}"

# The same fifty times, under nextest too, with two busy loops beside it.
test-outside-repeat:
	chaos-proxy/tests/outside/repeat.sh 50

# External programs (of the workspace, so that nothing is built again): Python's websockets on both sides of the proxy, and three clients of Toxiproxy;
# and two third-party clients under test. Installed where they are not.
test-foreign:
	@command -v python3 >/dev/null || { echo "SKIPPED, missing Python 3: the tests with external programs"; exit 0; }; \
	CHAOS_TEST_FOREIGN="$$(chaos-proxy/tests/foreign/setup.sh "$${CARGO_TARGET_DIR:-target}/foreign")" \
		cargo test --workspace --test it -- --ignored system::foreign system::api_foreign own_client::foreign profile::foreign conformance::foreign
	@$(call need-node,third-party clients under test) \
	command -v python3 >/dev/null || { echo "SKIPPED, missing Python 3: third-party clients under test"; exit 0; }; \
	for client in reconnecting-websocket websockets; do (cd scenarios/clients/$$client && ./setup.sh) || exit 1; done; \
	cargo test --workspace --test it -- --ignored foreign::reconnecting_websocket foreign::websockets foreign::the_adapter

# Each scenario takes some seconds, so `make test` has two tests of these alone: a page that
# comes back and one that does not, and what keeps a page from being a client.
PAGE_TESTS ?= page::

test-page: ## pages in a browser as clients, with every scenario that is about them; four minutes
	@chromium="$$(frontend/browser/chromium.sh --install)"; \
	[ -n "$$chromium" ] || { echo "SKIPPED, missing a browser: pages under test"; exit 0; }; \
	CHROMIUM="$$chromium" cargo test --workspace --test it -- --ignored --test-threads 1 $(PAGE_TESTS)

# The programs are built as for the tests, so that nothing is built twice.
# The browser is found, or installed where that is possible; else its tests are skipped by name.
test-frontend: frontend
	npm --prefix frontend run test
	npm --prefix frontend run size
	cargo test --workspace --test it --no-run
	CHROMIUM="$$(frontend/browser/chromium.sh --install)" npm --prefix frontend run test:browser

# Manifests, image recipe and pipelines' examples, by the tools that know how they must be. Installed where they are not.
test-cluster:
	@command -v python3 >/dev/null || { echo "SKIPPED, missing Python 3: the manifests, the image's recipe and the pipelines' examples"; exit 0; }; \
	cargo test --workspace --test it --no-run && \
	bin="$${CARGO_TARGET_DIR:-target}" && scenarios/cluster/test.sh "$$bin/debug" "$$bin/cluster"

crowd: ## 10,000 clients that are all reset at once: memory, how many are back, and how recoveries are spread (a minute, on a quiet machine)
	cargo build --release --package scenarios --package chaos-proxy --package client-sim --package ticker-server
	@scenarios/cluster/crowd.sh "$${CARGO_TARGET_DIR:-target}/release"

# Debian's packages are unpacked into the target folder; nothing is installed.
test-slurm: ## the array job of scenarios/cluster/slurm and its merge on a real Slurm, on loopback; a minute
	cargo build --package scenarios
	@bin="$${CARGO_TARGET_DIR:-target}"; timeout 600 scenarios/cluster/slurm/test.sh "$$bin/debug" "$$bin/slurm"

# npm writes this file when all is installed, so nothing is done again until the lockfile changes.
frontend/node_modules/.package-lock.json: frontend/package-lock.json
	npm --prefix frontend ci

frontend/dist/index.html: frontend/node_modules/.package-lock.json frontend/index.html \
		frontend/demo.html frontend/scripts/precompress.ts frontend/vite.config.ts frontend/package.json $(shell find frontend/src -type f)
	npm --prefix frontend run build

# Each for so many seconds.
FUZZ_SECONDS ?= 60

# So many random schedules, or FROM..UNTIL.
SCHEDULES ?= 20000

schedules: ## the checker on 20,000 random schedules: the reference client must never fail; two minutes
	CHAOS_TEST_SCHEDULES=$(SCHEDULES) cargo test --release --package scenarios --test it schedules

explore: ## chaos explore: random schedules for a minute (ARGS="--flaw NAME" goes to it)
	cargo run --release --package scenarios --bin chaos -- explore $(ARGS)

fuzz: ## hostile input for every parser, a minute for each (needs nightly Rust and cargo-fuzz)
	for target in scanner bodies configurations; do (cd chaos-proxy && cargo +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS)) || exit 1; done
	for target in journals scenario_files report_lines; do (cd scenarios && cargo +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS)) || exit 1; done

conformance: ## every third-party client against all built-in scenarios, and their matrix; an hour, resumed where it was interrupted
	scenarios/clients/conformance.sh

trust: ## no client may fail wrongly while all cores are busy; a quarter of an hour
	scenarios/trust.sh

bench: ## accuracy of the proxy and speed of virtual time, beside their aims; three minutes on a quiet machine
	cargo bench --package chaos-proxy
	cargo bench --package scenarios --bench leap

lint: ## formatting, lints and documentation, as CI wants them
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --document-private-items
	@$(call need-node,the lints of the page) $(MAKE) --no-print-directory lint-frontend

lint-frontend: frontend/node_modules/.package-lock.json
	npm --prefix frontend run lint

fmt: ## put the formatting right
	cargo fmt --all
	@$(call need-node,the formatting of the page) $(MAKE) --no-print-directory fmt-frontend

fmt-frontend: frontend/node_modules/.package-lock.json
	npm --prefix frontend run fmt

install: ## put chaos, chaos-proxy, client-sim and ticker-server on your PATH
	for crate in scenarios client-sim server; do cargo install --locked --path $$crate || exit 1; done
	cargo install --locked --path chaos-proxy --features program
