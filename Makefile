.DEFAULT_GOAL := help
.PHONY: help run first-call test chaos chaos-selftest bench bench-smoke check alerts clients lint-packaging dist fmt deny audit generate

MINUTES ?= 3
# The workspace, so that cargo selects the features that all other commands use.
CHAOS = scripts/with-services.sh --programs -- cargo test --workspace --locked --test chaos -- --chaos

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the gateway with a SQLite file and a simulated voice provider; needs no settings
	cargo run --bin outdial -- serve

first-call: ## Run the commands of docs/operations/first-call.md against a simulator of the vendors
	cargo build --workspace --locked --bin outdial
	scripts/with-services.sh -- scripts/first-call.sh

test: ## Run every test, inject faults for 3 minutes, and try the benchmark; starts Postgres and Redis
	scripts/with-services.sh -- cargo test --workspace --locked
	$(MAKE) --no-print-directory chaos
	$(MAKE) --no-print-directory bench-smoke

chaos: ## Inject faults into real processes for MINUTES=3; SEED=n repeats the schedule of a run
	$(CHAOS) run --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

chaos-selftest: ## Show that the fault injection finds gateways without their protections
	$(CHAOS) check-parts
	$(CHAOS) check-gateway
	$(CHAOS) selftest

bench: ## Measure what a call costs, beside hand-written services; ARGS=--quick takes 2 minutes
	cargo build --release --locked --bin outdial
	scripts/with-services.sh --programs -- cargo bench --locked -p bench --bench bench -- run $(ARGS)

bench-smoke: ## Show that the benchmark works, with few calls and a debug build
	cargo build --workspace --locked --bin outdial
	scripts/with-services.sh --programs -- cargo test --workspace --locked --bench bench -- --smoke

check: ## Check formatting, lints, documentation, dependency rule, licences, generated files and OpenAPI
	cargo fmt --all --check
	$(MAKE) --no-print-directory deny
	cargo clippy --workspace --all-targets --locked -- -D warnings
# `--examples` makes cargo select the features that clippy and the tests use, so nothing is built twice.
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --lib --bins --examples
	scripts/generated.sh --check
	scripts/openapi-lint.sh

alerts: ## Check the alert rules and run their tests with promtool, which is fetched if it is missing
	scripts/promtool.sh

clients: ## Place a call in the demo with generated Python and TypeScript clients (needs npm and the network)
	scripts/openapi-clients.sh

lint-packaging: ## Check image, compose file, unit, manifests and proxies; start the image and place calls through the proxies
	scripts/lint-packaging.sh

dist: ## Build the archive of a release, its SBOM and checksums into target/dist
	scripts/dist.sh

fmt: ## Format the code
	cargo fmt --all

deny: ## Check the dependency rule, the licences and the sources of crates
	scripts/cargo-deny.sh --locked check --allow unused-wrapper bans licenses sources

audit: ## Check the dependencies for published advisories (needs the network)
	scripts/cargo-deny.sh --locked check advisories

generate: ## Write the files that are generated from the code: query data, OpenAPI document, settings
	scripts/generated.sh --write
