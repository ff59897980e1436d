.DEFAULT_GOAL := help
.PHONY: help run test check fmt deny audit generate

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the gateway: a SQLite file, a simulated voice provider, nothing to configure
	cargo run --bin outdial -- serve

test: ## Run every test, on a Postgres and a Redis that come and go with it
	scripts/with-services.sh -- cargo test --workspace --locked

check: ## Formatting, lints, documentation, dependency rule and licences, generated files
	cargo fmt --all --check
	$(MAKE) --no-print-directory deny
	cargo clippy --workspace --all-targets --locked -- -D warnings
# `--examples` makes cargo choose the features that clippy and the tests use: nothing is built twice.
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --lib --bins --examples
	scripts/generated.sh --check

fmt: ## Format the code
	cargo fmt --all

deny: ## Check the dependency rule, the licences and where crates come from
	scripts/cargo-deny.sh --locked check --allow unused-wrapper bans licenses sources

audit: ## Look the dependencies up among published advisories (needs the network)
	scripts/cargo-deny.sh --locked check advisories

generate: ## Write the files that are made from the code: query data, OpenAPI document
	scripts/generated.sh --write
