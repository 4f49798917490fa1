# `make check` is everything that CI runs. It needs Rust, Python 3 and make; what else it can use, it names.
.PHONY: check fmt lint doc test worker-test deny build bench

check: fmt lint doc worker-test test deny

build:
	cargo build --locked --workspace

fmt:
	cargo fmt --all --check

lint:
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked -p mesero --no-deps --all-features
	RUSTDOCFLAGS="-D warnings" cargo doc --locked -p mesero-cli --no-deps --document-private-items

worker-test:
	python3 -m unittest discover -s crates/mesero-cli/tests/worker

test:
	cargo test --locked --workspace --all-features

deny:
	@if command -v cargo-deny >/dev/null; then cargo deny --offline check bans licenses sources; \
	else echo "cargo-deny is not installed: licences and duplicates were not checked"; fi

bench:
	cargo bench -p mesero
