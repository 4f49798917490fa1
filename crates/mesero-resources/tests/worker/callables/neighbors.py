"""Callables that look at the worker around them."""

import importlib
import sys
import traceback


def files(*names):
    """The files of these modules, as user code imports them."""
    return [importlib.import_module(name).__file__ for name in names]


async def files_async(*names):
    return files(*names)


def modules():
    """The modules that were imported from memory."""
    origins = {name: getattr(getattr(module, "__spec__", None), "origin", None) for name, module in sys.modules.items()}
    return sorted(name for name, origin in origins.items() if origin and origin.startswith("<mesero_worker>"))


def stack():
    return "".join(traceback.format_stack())


async def stack_async():
    return stack()
