#!/bin/sh
# Compares the three implementations with a closed load of 100 clients. Each is started for its trials and stopped after
# them. Writes the table into README.md, and a page, compare.html, into target.
#
# Usage: compare.sh [FLAGS of `mesero bench`], by default -d 3s. Example: compare.sh -d 10s --rounds 20. Needs `make venv`.
set -eu
cd "$(dirname "$0")"
test $# -gt 0 || set -- -d 3s

built=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}/release
cargo build --quiet --release -p mesero-cli --bin mesero --example currency
table=$(mktemp)
"$built/mesero" serve rates.toml &
rates=$!
trap 'kill "$rates"; rm -f "$table"' EXIT

# The table is written also when requests failed or the measurement is void.
"$built/mesero" bench -c 100 --timeout 7s --markdown --html "$built/../compare.html" \
    function=http://localhost:8080/convert/GBP/100 --start "exec '$built/mesero' serve function.toml" \
    flask=http://localhost:8081/convert/GBP/100 --start "exec '$built/mesero' serve flask.toml" \
    async=http://localhost:8082/convert/GBP/100 --start "exec '$built/examples/currency'" \
    "$@" >"$table" || true

# Without a table, `mesero bench` has printed the reason.
if test -s "$table"; then
    readme=$(mktemp)
    awk -v table="$table" '
        /^<!-- end of what compare.sh writes -->/ { skips = 0 }
        !skips
        /^<!-- what compare.sh writes -->/ {
            skips = 1
            print ""
            while ((getline line <table) > 0) print line
            print ""
        }
    ' README.md >"$readme"
    cat "$readme" >README.md
    rm -f "$readme"
    cat "$table"
fi
