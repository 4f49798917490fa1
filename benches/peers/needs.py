"""Requirements of these programs, and the commands that install them."""

import ctypes.util
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VENV = ROOT / "target" / "peers-venv"
PYTHON = VENV / "bin" / "python"
OHA = ROOT / "target" / "peers" / "bin" / "oha"
APT = ["apt-get", "install", "--yes"]


class Programs:
    """Programs on the path; `packages` has the package of each."""

    def __init__(self, packages):
        self.packages = packages

    def absent(self):
        path = f"{os.environ['PATH']}:/usr/sbin"
        return [program for program in self.packages if not shutil.which(program, path=path)]

    def commands(self):
        return [[*APT, *map(self.packages.get, self.absent())]]


class Modules:
    """Python modules in a separate virtual environment; `packages` has the package of each."""

    def __init__(self, packages):
        self.packages = packages

    def absent(self):
        def can_import(module):
            test = [str(PYTHON), "-c", f"import {module}"]
            return PYTHON.exists() and subprocess.run(test, capture_output=True, check=False).returncode == 0

        return [module for module in self.packages if not can_import(module)]

    def commands(self):
        install = [str(VENV / "bin" / "pip"), "install", "--quiet", *map(self.packages.get, self.absent())]
        return [[sys.executable, "-m", "venv", str(VENV)], install]


class Library:
    """A shared library."""

    def __init__(self, name, package):
        self.name, self.package = name, package

    def absent(self):
        return [] if ctypes.util.find_library(self.name) else [f"lib{self.name}"]

    def commands(self):
        return [[*APT, self.package]]


class Oha:
    """The load generator oha, which cargo builds."""

    def absent(self):
        return [] if OHA.exists() else ["oha"]

    def commands(self):
        return [["cargo", "install", "oha", "--locked", "--root", str(OHA.parent.parent)]]


def provide(wanted, options):
    """Installs missing requirements with `--install`; exits with instructions if any is still missing."""
    if options.install:
        for need in wanted:
            # A requirement whose installer is missing is reported below.
            for command in need.commands() if need.absent() else []:
                if shutil.which(command[0]):
                    subprocess.run(command, check=True, stdout=sys.stderr)
    missing = []
    for need in wanted:
        if absent := need.absent():
            commands = ", then ".join(f"`{' '.join(command)}`" for command in need.commands())
            missing.append(f"  {', '.join(absent)}: {commands}, or --install")
    if not options.binary.exists():
        missing.append(f"  {options.binary}: `cargo build --release -p mesero-cli`")
    if missing:
        sys.exit("\n".join(["peers: missing requirements:", *missing]))
