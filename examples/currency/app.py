"""The same converter as a synchronous Flask application."""

import re

from flask import Flask, Response

from convert import BadAmount, RatesDown, UnknownCurrency, convert

app = Flask(__name__)


@app.get("/convert/<currency>/<amount>")
def converted(currency, amount):
    if not re.fullmatch("[+-]?[0-9]+", amount):
        raise BadAmount(f"the amount has to be an integer, not {amount}")
    return text(convert(currency, int(amount)))


@app.errorhandler(ValueError)
def bad_amount(error):
    return text(error, 400)


@app.errorhandler(UnknownCurrency)
def unknown_currency(error):
    return text(error, 404)


@app.errorhandler(RatesDown)
def rates_down(error):
    return text(error, 502)


def text(said, status=200):
    return Response(str(said), status, mimetype="text/plain")
