#!/bin/sh
# Converts an amount of euros, and takes a second for it. It knows nothing of HTTP, nor of other callers.
sleep 1
case $1 in
    GBP) rate=0.884 ;;
    USD) rate=1.086 ;;
    *) echo "unknown currency: $1" >&2; exit 3 ;;
esac
awk -v currency="$1" -v rate="$rate" -v amount="$2" 'BEGIN { print currency, rate * amount }'
