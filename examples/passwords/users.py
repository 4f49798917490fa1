"""Creates users.db: an application's table with plaintext passwords."""

import hashlib
import pathlib
import sqlite3

path = pathlib.Path("users.db")
path.unlink(missing_ok=True)
database = sqlite3.connect(path)
database.execute("PRAGMA journal_mode = WAL")
database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, password TEXT)")
users = [("ann", "correct horse"), ("bob", "  two spaces before"), ("eve", None)]
users += [("old", hashlib.md5(b"from the old days").hexdigest())]
users += [(f"user{number}", f"password {number}") for number in range(196)]
database.executemany("INSERT INTO users (name, password) VALUES (?, ?)", users)
database.commit()
