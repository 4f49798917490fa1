#!/bin/sh
# Converts an amount of euros, in a second. Independent of HTTP and of mesero.
sleep 1
case $1 in
    GBP) rate=0.884 ;;
    USD) rate=1.086 ;;
    *) echo "unknown currency: $1" >&2; exit 3 ;;
esac
awk -v currency="$1" -v rate="$rate" -v amount="$2" 'BEGIN { print currency, rate * amount }'
