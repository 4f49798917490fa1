"""A Flask application, independent of mesero."""

import time

from flask import Flask, jsonify, request

app = Flask(__name__)


@app.get("/orders/<int:number>")
def order(number):
    time.sleep(0.1)  # In place of a database query.
    return jsonify(number=number, client=request.headers.get("User-Agent", "unknown"))


@app.post("/orders")
def take():
    wanted = request.get_json()
    return jsonify(taken=wanted["dish"]), 201, {"Location": "/orders/1"}


@app.get("/menu")
def menu():
    def lines():
        for dish in ("soup", "rice", "flan"):
            yield f"{dish}\n"

    return app.response_class(lines(), mimetype="text/plain")
