"""The same as a FastAPI application."""

import contextlib
import os

import anyio.to_thread
import functions
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse


@contextlib.asynccontextmanager
async def threads(_app):
    """As many threads as the other contestants have; the default is 40."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = int(os.environ["THREADS"])
    yield


app = FastAPI(lifespan=threads)
app.get("/sync", response_class=PlainTextResponse)(functions.hello)
app.get("/async", response_class=PlainTextResponse)(functions.hello_async)
app.get("/sleep", response_class=PlainTextResponse)(functions.sleep)
