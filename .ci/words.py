#!/usr/bin/env python3
"""Counts listed words in the project's texts: comments, documentation, string literals, help.

    words.py                  the figures, for each top folder and crate
    words.py -v [PATH ...]    also each finding, of all files or of those below PATH

The list is `words.txt`, beside this file. Exits with 1 above the limits.
"""

import argparse
import io
import re
import subprocess
import sys
import tokenize
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

MAX_LISTED = 0.003  # of all lines with text
MAX_QUESTIONS = 0.08  # of all doc blocks in Rust
LIST = Path(__file__).with_name("words.txt")

# Files that keep their text, and why.
EXCLUDED = {
    ".ci/words.py": "this file",
    ".ci/test_words.py": "its samples contain listed words",
    "/tests/config/": "accepted and rejected configurations, some of them odd on purpose",
}

# Where a file's past begins, which stays as it was written.
PAST = {"CHANGELOG.md": "### Added"}


@dataclass
class Texts:
    """What a reader sees of one file: pieces of prose by line, and the first lines of its doc blocks."""

    pieces: list = field(default_factory=list)  # (line, text)
    openings: list = field(default_factory=list)  # (line, text)

    def add(self, line, text):
        """Adds the lines of `text`, which begins at `line`."""
        self.pieces.extend(
            (line + i, part) for i, part in enumerate(text.split("\n")) if re.search("[A-Za-z]{2}", part)
        )


RUST = re.compile(
    r"""(?P<comment>//[^\n]*)
    |(?P<block>/\*)
    |(?P<raw>\b[bc]?r(?P<hashes>\#*)"(?P<raw_text>.*?)"(?P=hashes))
    |(?P<string>\b[bc]?"(?P<text>(?:\\.|[^"\\])*)"|"(?P<plain>(?:\\.|[^"\\])*)")
    |b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[^}]*\}|.)|[^\\'\n])'""",
    re.VERBOSE | re.DOTALL,
)


def rust(source):
    texts = Texts()
    at, line, previous = 0, 1, (0, "")
    fences = Fences("rust")
    while match := RUST.search(source, at):
        line += source.count("\n", at, match.start())
        at = match.end()
        if comment := match["comment"]:
            marker = re.match("//[/!]?(?!/)|//", comment)[0]
            text = comment[len(marker) :]
            if marker in ("///", "//!"):
                opens = previous != (line - 1, marker)
                if opens:
                    fences = Fences("rust")
                    texts.openings.append((line, text.strip()))
                text = fences.prose(text)
                previous = (line, marker)
            texts.add(line, text)
        elif match["block"]:
            at = end_of_block(source, match.start())
            texts.add(line, source[match.start() + 2 : at - 2])
        else:
            text = match["raw_text"] or match["text"] or match["plain"] or ""
            if is_prose(text):
                texts.add(line, unescaped(text))
        line += source.count("\n", match.start(), at)
    return texts


def end_of_block(source, start):
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(source, start):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(source)


def is_prose(literal):
    """Whether a string literal is text: an only word is a key, a name or a value."""
    return re.search(r"\S\s+\S", literal) is not None


def unescaped(literal):
    """The literal with its escapes as spaces, on the same lines."""
    return re.sub(r"\\(x[0-9a-fA-F]{2}|u\{[^}]*\}|[^\n])|\\(?=\n)", " ", literal)


def python(source):
    texts = Texts()
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            name = tokenize.tok_name[token.type]
            if name == "COMMENT":
                texts.add(token.start[0], token.string.lstrip("#"))
            elif name in ("STRING", "FSTRING_MIDDLE") and is_prose(token.string):
                texts.add(token.start[0], unescaped(without_expressions(token.string)))
    except (tokenize.TokenError, IndentationError):
        return hashed(source)
    return texts


def without_expressions(literal):
    """An f-string without what is between its braces, on the same lines; any other literal as it is."""
    if not re.match("[rR]?[fF]", literal):
        return literal
    return re.sub(r"\{[^{}]*\}", lambda code: re.sub("[^\n]", "_", code[0]), literal)


QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"|\'((?:\\.|[^\'\\])*)\'')


def of_code(line, marker):
    """The comment and the strings of one line of code."""
    quoted = [a or b for a, b in QUOTED.findall(line)]
    bare = QUOTED.sub(lambda quote: "_" * len(quote[0]), line)
    comment = line[at + len(marker) :] if (at := bare.find(marker)) >= 0 else ""
    return " ".join([*filter(is_prose, quoted), comment])


def hashed(source):
    """TOML, shell and make: comments after `#`, and strings."""
    texts = Texts()
    for line, text in enumerate(source.split("\n"), 1):
        texts.add(line, text.lstrip("# ") if text.lstrip().startswith("#") else of_code(text, "#"))
    return texts


def slashed(source):
    """CSS and JavaScript: comments and strings."""
    texts = Texts()
    for match in re.finditer(r"/\*(.*?)\*/|//([^\n]*)|" + QUOTED.pattern + r"|`([^`]*)`", source, re.DOTALL):
        text = next((group for group in match.groups() if group), "")
        if match[0].startswith("/") or is_prose(text):
            texts.add(source.count("\n", 0, match.start()) + 1, text)
    return texts


def html(source):
    texts = Texts()
    texts.add(1, re.sub(r"<[^>]*>", lambda tag: re.sub("[^\n]", " ", tag[0]), source))
    return texts


class Fences:
    """Follows the fenced blocks of Markdown: of code, only comments and strings are text."""

    def __init__(self, unnamed="text"):
        self.unnamed = unnamed
        self.language = None

    def prose(self, line):
        if fence := re.match(r"\s*(?:```|~~~)\s*([\w-]*)", line):
            self.language = fence[1] or self.unnamed if self.language is None else None
            return ""
        if self.language in ("rust", "no_run", "ignore", "should_panic", "js", "css"):
            return of_code(line, "//")
        if self.language in ("toml", "python", "yaml", "sh"):
            return of_code(line, "#")
        return line


def markdown(source):
    texts, fences = Texts(), Fences()
    for line, text in enumerate(source.split("\n"), 1):
        texts.add(line, fences.prose(text))
    return texts


READERS = {
    ".rs": rust,
    ".py": python,
    ".md": markdown,
    ".toml": hashed,
    ".sh": hashed,
    ".css": slashed,
    ".js": slashed,
    ".html": html,
}
SCRIPTS = ("Makefile", ".ci/run", ".ci/databases")


def read(path, source):
    """The texts of a file, or None if it has none that are looked at."""
    if any(excluded in path for excluded in EXCLUDED):
        return None
    source = source.partition(f"\n{PAST[path]}\n")[0] if path in PAST else source
    reader = hashed if path in SCRIPTS else READERS.get(Path(path).suffix)
    return reader and reader(source)


# Code in prose: names in backticks, placeholders of format strings, targets of links, addresses, paths, options.
CODE = re.compile(
    r"`[^`\n]*`|\{[\w.]*(?::[^{}\s]*)?\}|\]\([^)\n]*\)|\w+://\S+|(?<![\w-])--?\w[\w-]*|[\w.-]*/[\w./-]*\w"
)


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    word: str
    suggestion: str


class Words:
    """The list: patterns with a suggestion each."""

    def __init__(self, text):
        self.suggestions = []
        patterns = []
        for line in text.splitlines():
            if not line.strip() or line[0] in "#[":
                continue
            pattern, suggestion = line.split(" -> ")
            self.suggestions.append(suggestion.strip())
            pattern = pattern.strip().replace(" ", r"\s+")
            patterns.append(f"(?P<w{len(patterns)}>{pattern})")
        # Not a part of a name, of a compound, or a function.
        self.pattern = re.compile(rf"(?<![\w@$.-])(?:{'|'.join(patterns)})(?![\w(]|-\w|=)", re.IGNORECASE)

    def findings(self, path, pieces):
        """One finding at most for each line."""
        found = {}
        for first, lines in joined(pieces):
            text = CODE.sub(lambda code: "_" * len(code[0]), lines)
            for match in self.pattern.finditer(text):
                line = first + text.count("\n", 0, match.start())
                word = " ".join(match[0].split())
                suggestion = self.suggestions[int(match.lastgroup[1:])]
                found.setdefault(line, Finding(path, line, word, suggestion))
        return list(found.values())


def joined(pieces):
    """Pieces of lines that follow each other, as one text: a phrase may go over the end of a line."""
    start, last, lines = 0, 0, []
    for line, text in sorted(pieces, key=lambda piece: piece[0]):
        if lines and line == last + 1:
            lines.append(text.strip())
        elif lines and line == last:
            lines[-1] += " | " + text.strip()
        else:
            if lines:
                yield start, "\n".join(lines)
            start, lines = line, [text.strip()]
        last = line
    if lines:
        yield start, "\n".join(lines)


QUESTION = re.compile(r"\W*(What|How|Who|Whether|Where|Why|When)\b")


@dataclass
class Figures:
    lines: int = 0
    listed: int = 0
    blocks: int = 0
    questions: int = 0

    def __iadd__(self, other):
        self.lines += other.lines
        self.listed += other.listed
        self.blocks += other.blocks
        self.questions += other.questions
        return self

    @property
    def listed_share(self):
        return self.listed / self.lines if self.lines else 0.0

    @property
    def question_share(self):
        return self.questions / self.blocks if self.blocks else 0.0

    def row(self, name):
        return (
            f"{name:26} {self.lines:7} {self.listed:7} {100 * self.listed_share:7.2f} %"
            f" {self.blocks:8} {self.questions:7} {100 * self.question_share:7.1f} %"
        )


def check(words, path, source):
    """The figures and findings of one file; None for both if it has no text that is looked at."""
    texts = read(path, source)
    if texts is None:
        return None, None
    findings = words.findings(path, texts.pieces)
    questions = [(line, match[1]) for line, text in texts.openings if (match := QUESTION.match(text))]
    figures = Figures(len({line for line, _ in texts.pieces}), len(findings), len(texts.openings), len(questions))
    findings += [Finding(path, line, word, "open with what the item is or does") for line, word in questions]
    return figures, sorted(findings, key=lambda finding: finding.line)


def folder(path):
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "crates" else parts[0] if len(parts) > 1 else "(root)"


def git(*arguments):
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout


def main():
    parser = argparse.ArgumentParser(
        description="Counts the words of words.txt in comments, documentation and strings."
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="print each finding")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="count only these files and folders")
    options = parser.parse_args()

    words = Words(LIST.read_text())
    root = Path(git("rev-parse", "--show-toplevel").strip())
    names = git("ls-files", "--full-name", "--cached", "--others", "--exclude-standard", "--", *options.paths)
    folders = defaultdict(Figures)
    for path in sorted(set(names.splitlines())):
        if not (root / path).is_file() or (root / path).is_symlink():
            continue
        figures, findings = check(words, path, (root / path).read_text(errors="replace"))
        if figures is None:
            continue
        folders[folder(path)] += figures
        if options.verbose:
            for finding in findings:
                print(f"{finding.path}:{finding.line}: {finding.word} → {finding.suggestion}")

    total = Figures()
    print(f"{'':26} {'lines':>7} {'listed':>7} {'share':>9} {'doc blocks':>8} {'asking':>5} {'share':>9}")
    for name, figures in sorted(folders.items()):
        print(figures.row(name))
        total += figures
    print(total.row("total"))
    too_many = []
    if total.listed_share > MAX_LISTED:
        too_many.append(f"lines with listed words: {100 * total.listed_share:.2f} %, at most {100 * MAX_LISTED:.1f} %")
    if total.question_share > MAX_QUESTIONS:
        too_many.append(
            f"doc blocks that open with a question word: {100 * total.question_share:.1f} %,"
            f" at most {100 * MAX_QUESTIONS:.0f} %"
        )
    for line in too_many:
        print(line)
    if too_many and not options.verbose:
        print("`python3 .ci/words.py -v [PATH ...]` prints each finding")
    return 1 if too_many else 0


if __name__ == "__main__":
    sys.exit(main())
