"""A slow function: it blocks its thread for a second."""

import time


def calculate_square(num):
    time.sleep(1)
    return num**2
