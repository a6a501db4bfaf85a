# The front door. `make` alone lists what there is.
.DEFAULT_GOAL := help
.PHONY: help chaos play test trust lint fmt install

# Passed on to `chaos run`, for example: make chaos ARGS="--filter 'R23*' --seed 7"
ARGS ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

chaos: ## the main job: every case of the catalogue, with a verdict (ARGS="…" goes to `chaos run`)
	@cargo build --package scenarios
	@"$${CARGO_TARGET_DIR:-target}/debug/chaos" run $(ARGS)

play: ## a server, the proxy with a little trouble, and keys to make more, for your browser
	@cargo build --package scenarios
	@"$${CARGO_TARGET_DIR:-target}/debug/chaos" play $(ARGS)

test: ## everything that must hold; a few minutes
	cargo test --workspace

trust: ## is anybody blamed wrongly while all cores are hogged? a quarter of an hour
	scenarios/trust.sh

lint: ## formatting, lints and documentation, as CI wants them
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --document-private-items

fmt: ## put the formatting right
	cargo fmt --all

install: ## put chaos, chaos-proxy, client-sim and ticker-server on your PATH
	for crate in scenarios chaos-proxy client-sim server; do cargo install --locked --path $$crate || exit 1; done
