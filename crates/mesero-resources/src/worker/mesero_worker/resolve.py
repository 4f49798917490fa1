"""Import of the callable or application that the configuration names."""

from __future__ import annotations

import difflib
import functools
import inspect
import sys

from .errors import qualified_name, readable, user_part


def resolve_function(name: str):
    """The function with the name `package.module:attribute.attribute`. The exception says which part is wrong."""
    value = find(name)
    if is_kind(inspect.isgeneratorfunction, value) or is_kind(inspect.isasyncgenfunction, value):
        raise TypeError(f"'{name}' is a generator function; mesero needs a callable that returns one value")
    return value


def resolve_application(name: str):
    """The application with the name `module:attribute`, or the return value of the factory `module:attribute()`."""
    factory = name.removesuffix("()")
    application = find(factory)
    if factory != name:
        application = application()
        if not callable(application):
            kind = qualified_name(type(application))
            raise TypeError(f"'{name}' returned no WSGI application, but a value of type {kind}")
    if is_async(application):
        raise TypeError(f"'{name}' is async; a WSGI application is a sync callable")
    return application


def find(name: str):
    """The callable with that name."""
    module_name, colon, path = name.partition(":")
    if not (module_name and colon and path):
        raise ValueError(f"callable '{name}' is not written as 'module:function'")
    value, found = import_module(module_name), module_name
    for attribute in path.split("."):
        try:
            value = getattr(value, attribute)
        except AttributeError:
            near = difflib.get_close_matches(attribute, dir(value), n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise AttributeError(f"'{found}' has no attribute '{attribute}'{hint}") from None
        found = f"{found}.{attribute}" if ":" in found else f"{found}:{attribute}"
    if not callable(value):
        raise TypeError(f"'{name}' is not callable, but of type {qualified_name(type(value))}")
    return value


def import_module(name: str):
    try:
        __import__(name)  # Unlike importlib.import_module it leaves its own frames out of the traceback.
        return sys.modules[name]
    except BaseException as error:
        parts = name.split(".")
        packages = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
        if isinstance(error, ModuleNotFoundError) and error.name in packages:
            searched = f"the first folder searched was {sys.path[0]!r}"
            raise ModuleNotFoundError(f"module '{name}' was not found ({error}); {searched}", name=error.name) from None
        cause = error.with_traceback(user_part(error.__traceback__))
        text = readable(str, error).decode()
        reason = f"importing it raised {qualified_name(type(error))}: {text}"
        raise ImportError(f"module '{name}' was found, but {reason}", name=name) from cause


def is_async(function) -> bool:
    return is_kind(inspect.iscoroutinefunction, function)


def is_kind(test, function) -> bool:
    """True if the function behind functools.partial and `__call__` passes `test`."""
    while isinstance(function, functools.partial):
        function = function.func
    return test(function) or test(getattr(type(function), "__call__", None))  # noqa: B004 - the function itself is wanted


def signature(function) -> str:
    try:
        return str(inspect.signature(function))
    except Exception:
        return "(...)"  # Some builtins have none, and the representation of a default value may raise.
