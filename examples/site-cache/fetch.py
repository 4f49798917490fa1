"""Fetches the site's data with a blocking HTTP client. Independent of mesero."""

import os
import urllib.request

SITE = os.environ.get("SITE", "http://127.0.0.1:8000")


def data(name: str) -> bytes:
    with urllib.request.urlopen(f"{SITE}/{name}") as answer:
        return answer.read()
