"""Converts euros into another currency, at the rates of a slow service. Independent of mesero."""

import json
import os
from decimal import Context, Decimal
from http.client import HTTPException
from urllib.request import urlopen

RATES_URL = os.environ.get("RATES_URL", "http://localhost:8000/rates")

EXACT = Context(prec=100)  # More digits than an amount and a rate have together.


class BadAmount(ValueError):
    """The amount is not a valid amount."""


class UnknownCurrency(LookupError):
    """There is no rate for the currency."""


class RatesDown(ConnectionError):
    """The rates are not available."""


def convert(currency: str, amount: int) -> str:
    if abs(amount) >= 10**18:
        raise BadAmount("an amount has at most 18 digits")
    rates = fetch()
    if currency not in rates:
        raise UnknownCurrency(f"there is no rate for {currency}")
    product = EXACT.multiply(Decimal(amount), rates[currency])
    return f"{currency} {EXACT.normalize(product):f}"


def fetch():
    try:
        with urlopen(RATES_URL, timeout=10) as answer:  # Blocks until the service has answered.
            table = json.load(answer, parse_float=Decimal, parse_int=Decimal)
        rates = {table["base"]: Decimal(1), **table["rates"]}
        if not all(isinstance(rate, Decimal) for rate in rates.values()):
            raise TypeError("a rate is no number")
        return rates
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        raise RatesDown(f"the rates are not available: {error}") from error
