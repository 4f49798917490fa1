"""The login check of an application whose table is hashed."""

import hashlib
import sqlite3
import sys

import argon2

MARK = "hex32"


def logs_in(stored, password):
    if stored is None:
        return False
    if stored.startswith(MARK):
        stored = stored.removeprefix(MARK)
        password = hashlib.md5(password.encode()).hexdigest()
    try:
        return argon2.PasswordHasher().verify(stored, password)
    except argon2.exceptions.VerifyMismatchError:
        return False


name, password = sys.argv[1:]
row = sqlite3.connect("users.db").execute("SELECT password FROM users WHERE name = ?", [name]).fetchone()
if not row or not logs_in(row[0], password):
    sys.exit("wrong name or password")
print(f"welcome, {name}")
