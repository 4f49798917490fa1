"""A slow function, in a handler that blocks on it and in two that do not."""

import asyncio
import time


def build_report():
    """What blocks: a sleep here, elsewhere a blocking HTTP client, a database driver, a long computation."""
    time.sleep(5)
    return "done!"


async def blocking():
    """The mistake. It is `async def`, but it never lets go of the event loop, so every other call waits as well."""
    return build_report()


async def threaded():
    """The cure within asyncio."""
    return await asyncio.to_thread(build_report)
