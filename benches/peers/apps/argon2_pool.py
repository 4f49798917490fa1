"""The usual solution today: a pool of hashing threads, one for each processor; the library releases Python's lock.

Usage: argon2_pool.py cffi|libargon2 COUNT THREADS
"""

import concurrent.futures
import ctypes
import ctypes.util
import os
import sys

MEMORY, PASSES, LANES, SALT, TAG = 19_456, 2, 1, 16, 32


def cffi():
    from argon2.low_level import Type, hash_secret

    def hashed(password):
        return hash_secret(password, os.urandom(SALT), PASSES, MEMORY, LANES, TAG, Type.ID)

    return hashed


def libargon2():
    library = ctypes.CDLL(ctypes.util.find_library("argon2"))

    def hashed(password):
        string = ctypes.create_string_buffer(128)
        code = library.argon2id_hash_encoded(
            PASSES, MEMORY, LANES, password, ctypes.c_size_t(len(password)), os.urandom(SALT), ctypes.c_size_t(SALT),
            ctypes.c_size_t(TAG), string, ctypes.c_size_t(len(string)),
        )  # fmt: skip
        if code:
            raise RuntimeError(f"libargon2: {code}")
        return string.value

    return hashed


which, count, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
hashed = {"cffi": cffi, "libargon2": libargon2}[which]()
with concurrent.futures.ThreadPoolExecutor(threads) as pool:
    for string in pool.map(hashed, (b"password %d" % number for number in range(count))):
        assert len(string) == 97
