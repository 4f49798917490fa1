"""A synchronous Flask application in front of a slow API. Independent of mesero."""

import json
import os
from urllib.request import urlopen

from flask import Flask, jsonify

SLOW_API = os.environ.get("SLOW_API", "http://localhost:8000")

app = Flask(__name__)


@app.get("/resource")
def resource():
    with urlopen(f"{SLOW_API}/blocking-resource") as answer:  # Blocks until the API has answered.
        return jsonify(json.load(answer))
