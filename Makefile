# make demo | widget | test | check | bench | eval | transcript. Each installs what it needs on a fresh Debian machine.

export CARGO_TARGET_DIR ?= $(HOME)/.cache/docent/target
export CARGO_TERM_COLOR ?= auto

.PHONY: demo widget test check bench eval transcript

## Ingest the demo documents and serve the chat page on http://127.0.0.1:8080/
demo:
	@scripts/tools.sh postgres
	@echo "building docent (the first time takes a while) ..."
	@cargo build --release --locked --bin docent
	@PG_BIN_DIR="$$(scripts/tools.sh pg_bin_dir)" "$(CARGO_TARGET_DIR)/release/docent" demo

## Build web/built from web/widget, and say the integrity of both files
widget:
	@scripts/tools.sh widget
	@npm run --silent --prefix web/widget build

## Everything that CI runs: the checks, then all tests
test: check
	@scripts/tools.sh postgres
	@scripts/tools.sh browser
	@scripts/tools.sh clients
	@scripts/tools.sh mcp
	@scripts/tools.sh schemathesis
	@scripts/tools.sh slack
	PG_BIN_DIR="$$(scripts/tools.sh pg_bin_dir)" SLACK_SDK_PYTHON="$$(scripts/tools.sh slack_python)" cargo test --workspace --locked --features otlp
	PG_BIN_DIR="$$(scripts/tools.sh pg_bin_dir)" node --test tests/browser/ tests/clients/
	PG_BIN_DIR="$$(scripts/tools.sh pg_bin_dir)" "$$(scripts/tools.sh python_of mcp)" tests/clients/mcp_test.py
	PG_BIN_DIR="$$(scripts/tools.sh pg_bin_dir)" "$$(scripts/tools.sh python_of schemathesis)" tests/clients/openapi_test.py

## Format, lints, documentation, licenses and sources of dependencies; the widget is what its source gives
check:
	@scripts/tools.sh deny
	@scripts/tools.sh widget
	npm run --silent --prefix web/widget check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --features otlp -- -D warnings
	# Without traces, which is the default build; all below it is the same.
	cargo clippy --workspace --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --document-private-items --features otlp
	cargo deny --log-level error check bans licenses sources

## Measure the question sets of tests/eval: over demo/docs, and over Mozilla's documents where
## MOZILLA_DATA_DOCS names a clone of them (tests/eval/README.md says which)
eval:
	@scripts/tools.sh postgres
	@cargo build --locked --bin docent
	@PG_BIN_DIR="$$(scripts/tools.sh pg_bin_dir)" scripts/eval.sh "$(CARGO_TARGET_DIR)/debug/docent" \
		--data "$(CARGO_TARGET_DIR)/eval-data"

## A table of speed, cost and memory, against scripted servers
bench:
	@scripts/tools.sh postgres
	@cargo build --release --locked --workspace --benches
	PG_BIN_DIR="$$(scripts/tools.sh pg_bin_dir)" cargo bench --locked --bench docent
	# The ledger's tokens against the provider's, over 10,000 calls with failures and cancelled streams.
	PG_BIN_DIR="$$(scripts/tools.sh pg_bin_dir)" DOCENT_USAGE_CALLS=10000 cargo test --release --locked --test it -- usage::

## Have a conversation of six turns with a real, very small model, and write it to tests/transcripts
transcript:
	@scripts/tools.sh postgres
	@scripts/tools.sh chat_model
	@cargo test --locked --workspace --no-run --test it
	PG_BIN_DIR="$$(scripts/tools.sh pg_bin_dir)" node scripts/chat-model.mjs \
		cargo test --locked --workspace --test it -- --ignored transcript::a_conversation_of_six_turns_with_a_real_model
