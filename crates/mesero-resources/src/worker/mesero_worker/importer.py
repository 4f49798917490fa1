"""The import of this package from memory. Runs first, outside of the import system, and starts the worker."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

PACKAGE = "mesero_worker"
# The file names in tracebacks. They have no slash: the interpreter looks in `sys.path` for the part after the last one,
# and would show the lines of a user's file of the same name.
FILE_NAME = "<mesero_worker>:{}"


class Importer:
    """Finder and loader for `sys.meta_path`. Answers for this package only."""

    def __init__(self, files):
        """`files` has the path and the text of each file in turn: `mesero_worker/wire.py`, its text, and so on."""
        self.sources = {}  # File name and source text of each module.
        for path, text in zip(files[::2], files[1::2]):
            base = path.partition("/")[2]
            stem = base.partition(".")[0]
            module = PACKAGE if stem == "__init__" else f"{PACKAGE}.{stem}"
            self.sources[module] = FILE_NAME.format(base), text

    def find_spec(self, name, path=None, target=None):
        if name not in self.sources:
            return None
        file_name, _ = self.sources[name]
        return ModuleSpec(name, self, origin=file_name, is_package=name == PACKAGE)  # pyright: ignore[reportArgumentType]

    def create_module(self, spec):
        return None  # The import system makes a usual one.

    def exec_module(self, module):
        file_name, text = self.sources[module.__name__]
        exec(compile(text, file_name, "exec", dont_inherit=True), module.__dict__)

    def get_source(self, name):
        """The text of a module; `linecache` asks for it, so that tracebacks show our source lines."""
        return self.sources[name][1]


def start(files):
    """Makes the package importable, and runs the worker."""
    importer = Importer(files)
    globals()["__loader__"] = importer  # For `linecache`, as this module was not imported.
    sys.meta_path.insert(0, importer)
    from mesero_worker.main import main

    main()
