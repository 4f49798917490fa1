#!/usr/bin/env python3
"""Checks the arrows that the compiler cannot: between crates of one layer, between siblings, and circles of files.

    arrows.py                 all checks; exits with 1 if one fails
    arrows.py circles [SRC]   the circles of files, in all crates or in one source folder

`docs/ARCHITECTURE.md` says what the arrows are for.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRATES = ROOT / "crates"

# A crate depends on crates of lower layers alone. Commands share a layer, so that none knows another.
LAYERS = [
    ["mesero"],
    ["mesero-terminal", "mesero-process", "mesero-http"],
    ["mesero-config"],
    ["mesero-resources"],
    ["mesero-services", "mesero-target"],
    ["mesero-control"],
    ["mesero-server", "mesero-run", "mesero-bench", "mesero-hash"],
    ["mesero-cli"],
]

# Dependencies that only these crates have, so that what is beside them compiles without.
ONLY = {"axum": {"mesero-control"}}

# Modules of one folder that know nothing of each other; other modules there are what they share.
SIBLINGS = {
    "mesero/src/policy": {"cache", "limit", "rate", "retry", "wait_estimator"},
    "mesero-resources/src": {"command", "http", "python", "stub"},
    "mesero-hash/src/database": {"mysql", "postgres", "sqlite"},
}

# Files that import each other, and why; ARCHITECTURE.md names them too.
CIRCLES: dict[frozenset[str], str] = {}

# Top-level modules of the largest crates.
ROOMS = {"mesero-bench": 12, "mesero-hash": 16}

# How many type names may mean two things.
TWICE = 5


class Crate:
    """The modules of one source folder, and which imports which."""

    def __init__(self, source: Path):
        self.texts = dict(modules(source))
        self.exports = {module: reexports(text) for module, text in self.texts.items()}
        self.edges = {module: self.imports(module) for module in self.texts}

    def imports(self, module: str) -> set[str]:
        found = {self.module_of(module, path) for path in paths(self.texts[module])}
        return {target for target in found if target is not None and target != module}

    def module_of(self, module: str, path: str, depth: int = 0) -> str | None:
        """The module that defines what `path` names in `module`; none outside of the crate."""
        parts = path.split("::")
        here = module.split("::") if module else []
        if parts[0] == "crate":
            full = parts[1:]
        elif parts[0] in ("self", "super"):
            while parts and parts[0] in ("self", "super"):
                here = here[:-1] if parts[0] == "super" else here
                parts = parts[1:]
            full = here + parts
        else:
            full = here + parts
            if "::".join(full[: len(here) + 1]) not in self.texts:
                return None
        for length in range(len(full), -1, -1):
            found = "::".join(full[:length])
            if found in self.texts:
                name = full[length] if length < len(full) else None
                through = self.exports[found].get(name) if name else None
                if through and depth < 8 and found != module:
                    return self.module_of(found, through, depth + 1) or found
                return found
        return None

    def circles(self) -> list[frozenset[str]]:
        """Groups of modules that reach each other (Tarjan's strongly connected components)."""
        index: dict[str, int] = {}
        low: dict[str, int] = {}
        stack: list[str] = []
        groups: list[frozenset[str]] = []

        def visit(module: str) -> None:
            index[module] = low[module] = len(index)
            stack.append(module)
            for target in self.edges[module]:
                if target not in index:
                    visit(target)
                    low[module] = min(low[module], low[target])
                elif target in stack:
                    low[module] = min(low[module], index[target])
            if low[module] == index[module]:
                start = stack.index(module)
                group, stack[start:] = frozenset(stack[start:]), []
                if len(group) > 1:
                    groups.append(group)

        for module in self.texts:
            if module not in index:
                visit(module)
        return sorted(groups, key=len)

    def rooms(self) -> list[str]:
        return sorted({module.split("::")[0] for module in self.texts if module})


def modules(source: Path):
    """Each module of a source folder by its path, without comments and tests; the root is the empty path."""
    for file in sorted(source.rglob("*.rs")):
        name = "::".join(file.relative_to(source).with_suffix("").parts)
        if re.search(r"(^|::)(tests?|scripted)(::|$)", name):
            continue
        text = re.sub(r"//[^\n]*", "", file.read_text())
        text = re.split(r"#\[cfg\(test\)\]\s*(?:pub(?:\(.*?\))? )?mod \w+ \{", text)[0]
        yield ("" if name in ("lib", "main") else name), text


def used(statement: str, before: str = ""):
    """The paths of a `use` tree, each with the name that it gets."""
    statement = statement.strip()
    brace = statement.find("{")
    if brace < 0:
        path, _, name = (before + statement).partition(" as ")
        path = path.strip().removesuffix("::self")
        yield path, name.strip() or path.split("::")[-1]
        return
    depth, part = 0, ""
    for character in statement[brace + 1 : statement.rfind("}")] + ",":
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            if part.strip():
                yield from used(part, before + statement[:brace])
            part = ""
        else:
            part += character


def paths(text: str):
    for match in re.finditer(r"\buse\s+([^;]*);", text):
        yield from (path for path, _ in used(re.sub(r"\s+", " ", match[1])))
    rest = re.sub(r"\buse\s+[^;]*;", "", text)
    yield from re.findall(r"(?<![\w:])(?:crate|super|self)(?:::\w+)+", rest)


def reexports(text: str) -> dict[str, str]:
    found = {}
    for match in re.finditer(r"\bpub(?:\([^)]*\))?\s+use\s+([^;]*);", text):
        found.update({name: path for path, name in used(re.sub(r"\s+", " ", match[1]))})
    return found


def crates() -> dict[str, Crate]:
    return {folder.parent.name: Crate(folder) for folder in sorted(CRATES.glob("*/src"))}


def check_layers():
    layer_of = {name: layer for layer, names in enumerate(LAYERS) for name in names}
    for manifest in sorted(CRATES.glob("*/Cargo.toml")):
        name = manifest.parent.name
        if name not in layer_of:
            yield f"{name} is in no layer: add it to LAYERS in .ci/arrows.py, and to ARCHITECTURE.md"
            continue
        dependencies = re.search(r"^\[dependencies\]\n(.*?)(?=^\[|\Z)", manifest.read_text(), re.M | re.S)
        for other in re.findall(r"^([\w-]+)", dependencies[1] if dependencies else "", re.M):
            if other in layer_of and layer_of[other] >= layer_of[name]:
                yield f"{name} depends on {other}, which is not in a lower layer"
            if name not in ONLY.get(other, {name}):
                yield f"{name} depends on {other}, which only {', '.join(ONLY[other])} may"


def check_siblings(found: dict[str, Crate]):
    for folder, siblings in SIBLINGS.items():
        name, _, inside = folder.partition("/src")
        prefix = "::".join(part for part in inside.split("/") if part)
        edges = found[name].edges

        def child(module: str, prefix: str = prefix) -> str | None:
            if prefix and not module.startswith(prefix + "::"):
                return None
            return module.removeprefix(prefix).removeprefix("::").split("::")[0] or None

        for module, targets in edges.items():
            for target in targets:
                one, other = child(module), child(target)
                if one != other and one in siblings and other in siblings:
                    yield f"{folder}: `{module}` imports `{target}`, and siblings there know nothing of each other"


def check_circles(found: dict[str, Crate]):
    for name, crate in found.items():
        for group in crate.circles():
            full = frozenset(f"{name}::{module}".removesuffix("::") for module in group)
            if full not in CIRCLES:
                yield f"{name}: a circle of {len(group)} files: {', '.join(sorted(m or 'lib' for m in group))}"


def check_rooms(found: dict[str, Crate]):
    for name, most in ROOMS.items():
        rooms = found[name].rooms()
        if len(rooms) > most:
            yield f"{name} has {len(rooms)} top-level modules, at most {most}: {' '.join(rooms)}"


def check_names(found: dict[str, Crate]):
    places: dict[str, list[str]] = defaultdict(list)
    for crate, content in found.items():
        for module, text in content.texts.items():
            for match in re.finditer(r"^(?:pub(?:\([^)]*\))? )?(?:struct|enum|trait|type|union) (\w+)", text, re.M):
                places[match[1]].append(f"{crate}::{module}".removesuffix("::"))
    several = {name: where for name, where in places.items() if len(where) > 1}
    for name, where in sorted(several.items()):
        if len(where) > 2 or len(several) > TWICE:
            yield f"`{name}` is the name of {len(where)} types: {', '.join(where)}"


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["circles"]:
        found = {arguments[1]: Crate(Path(arguments[1]))} if arguments[1:] else crates()
        for name, crate in found.items():
            for group in crate.circles():
                print(f"{name}: {len(group)}: {', '.join(sorted(module or 'lib' for module in group))}")
        return 0
    found = crates()
    faults = [
        *check_layers(),
        *check_siblings(found),
        *check_circles(found),
        *check_rooms(found),
        *check_names(found),
    ]
    for fault in faults:
        print(fault)
    print(f"{len(found)} crates, {sum(len(crate.texts) for crate in found.values())} files: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
