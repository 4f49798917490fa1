"""A slow function, with a blocking and a non-blocking handler."""

import asyncio
import time


def build_report():
    """Blocks: here it sleeps; in practice it calls an HTTP client or a database driver, or computes."""
    time.sleep(5)
    return "done!"


async def blocking():
    """The mistake: an `async def` that never yields to the event loop, so every other call waits as well."""
    return build_report()


async def threaded():
    """The fix within asyncio."""
    return await asyncio.to_thread(build_report)
