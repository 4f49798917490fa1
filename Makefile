# `make check` is everything that CI runs. It needs Rust, Python 3 and make; missing optional programs are reported.
.PHONY: check fmt lint doc words arrows test models worker-test deny build bench bench-peers venv chromium databases skipped \
	python-lint linters stress

check: fmt lint words arrows doc python-lint worker-test test models deny skipped

build:
	cargo build --locked --workspace

fmt:
	cargo fmt --all --check

lint:
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked -p mesero --no-deps --all-features
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --exclude mesero --no-deps --document-private-items

# The language of comments, documentation, strings and help: `.ci/words.txt` lists words, `.ci/words.py -v` prints each place.
words:
	python3 .ci/test_words.py
	python3 .ci/words.py

# The arrows that crates cannot hold: between siblings, circles of files, names of types.
arrows:
	python3 .ci/test_arrows.py
	python3 .ci/arrows.py

# Python's linter and type checker; the worker's folder has their rules. pyright is a program of Node, which pip installs
# as well.
WORKER := crates/mesero-resources/src/worker
PYTHON := $(WORKER) crates/mesero-resources/tests/worker benches/peers examples .ci
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

python-lint: linters
	@if target/venv/bin/ruff --version >/dev/null 2>&1; then \
	target/venv/bin/ruff check --config $(WORKER)/pyproject.toml $(PYTHON) \
	&& target/venv/bin/ruff format --config $(WORKER)/pyproject.toml --check $(PYTHON); fi
	@if target/venv/bin/pyright --version >/dev/null 2>&1; then target/venv/bin/pyright --project $(WORKER); fi

# Their versions are fixed, since each new one may find something new.
linters: venv
	@{ target/venv/bin/ruff --version | grep -x "ruff 0.17.6" && target/venv/bin/pyright --version | grep -x "pyright 1.1.414"; } >/dev/null 2>&1 \
	|| { target/venv/bin/pip install --quiet ruff==0.17.6 "pyright[nodejs]==1.1.414" && target/venv/bin/pyright --version >/dev/null; } \
	|| echo "SKIPPED: ruff and pyright could not be installed: Python code was not checked"

worker-test:
	python3 -m unittest discover -s crates/mesero-resources/tests/worker

# Most tests wait for events, and few of them compute: several share a processor.
test stress: export RUST_TEST_THREADS ?= $(shell echo $$((3 * $$(nproc))))

test: venv chromium databases
	@rm -f $${CARGO_TARGET_DIR:-target}/tmp/skipped
	cargo test --locked --workspace --all-features

# Runs the Rust tests many times, every second time beside two busy loops. `.ci/stress` has the settings, such as RUNS=20;
# the log is `target/stress.log`.
stress: venv chromium databases
	@.ci/stress

# The engine on a scheduler that tries many orders of its tasks. It has a separate target directory.
models:
	RUSTFLAGS="--cfg shuttle" cargo test --locked -p mesero --features testing --test models --target-dir $${CARGO_TARGET_DIR:-target}/shuttle

# Python packages for the tests. If they cannot be installed, the tests that use them are skipped.
venv:
	@target/venv/bin/python -c "import argon2, django, flask, gunicorn, jsonschema" 2>/dev/null \
	|| { python3 -m venv target/venv && target/venv/bin/pip install --quiet flask django gunicorn argon2-cffi jsonschema; } \
	|| echo "SKIPPED: Flask, Django, gunicorn, argon2-cffi and jsonschema could not be installed: the tests that use them will not run"

# A browser for the test that opens the pages of `mesero bench --html`. Without it that test is skipped.
chromium:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	{ apt-get update && apt-get install --yes --no-install-recommends chromium; } >/dev/null 2>&1 \
	|| echo "SKIPPED: Chromium could not be installed: pages will not be opened in a browser"

# The programs of PostgreSQL and MariaDB, for the tests that start them; no system service is started. Without them those
# tests are skipped.
databases:
	@.ci/databases

# Repeats which tests were skipped.
skipped:
	@sort -u $${CARGO_TARGET_DIR:-target}/tmp/skipped 2>/dev/null || true

deny:
	@if command -v cargo-deny >/dev/null; then cargo deny --offline check bans licenses sources; \
	else echo "cargo-deny is not installed: licenses and duplicates were not checked"; fi

bench:
	cargo bench -p mesero

# Compares with HAProxy, nginx, granian, gunicorn and uvicorn; with curl, aiohttp, xargs and GNU parallel; and with wrk, oha,
# h2load and hey. Under overload it measures a few cells: all of them, `overload.py` without `--quick`, take two hours. Each
# program lists its missing requirements; with `--install` it installs them.
bench-peers:
	cargo build --locked --release -p mesero-cli
	python3 benches/peers/serve.py
	python3 benches/peers/run.py
	python3 benches/peers/bench.py
	python3 benches/peers/hash.py
	python3 benches/peers/overload.py --quick
	python3 benches/peers/adaptive.py degrades
