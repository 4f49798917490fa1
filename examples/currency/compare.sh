#!/bin/sh
# Measures the three implementations beside each other: 100 clients, each of which waits for its answer. Each is started
# for its turns and ended after them. Writes the table into README.md and a page, compare.html, into target.
#
# Usage: compare.sh [FLAGS of `mesero bench`], by default -d 3s: such as -d 10s --rounds 20. `make venv` once before.
set -eu
cd "$(dirname "$0")"
test $# -gt 0 || set -- -d 3s

built=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}/release
cargo build --quiet --release -p mesero-cli --bin mesero --example currency
table=$(mktemp)
"$built/mesero" serve rates.toml &
rates=$!
trap 'kill "$rates"; rm -f "$table"' EXIT

# The table is of use too where somebody gave up, or the machine was too busy.
"$built/mesero" bench -c 100 --patience 7s --markdown --html "$built/../compare.html" \
    function=http://localhost:8080/convert/GBP/100 --start "exec '$built/mesero' serve function.toml" \
    flask=http://localhost:8081/convert/GBP/100 --start "exec '$built/mesero' serve flask.toml" \
    async=http://localhost:8082/convert/GBP/100 --start "exec '$built/examples/currency'" \
    "$@" >"$table" || true

# An empty table is none: then it has been said why.
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
