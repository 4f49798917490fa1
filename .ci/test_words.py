"""Tests of words.py: what is found in which kind of file, and what is not."""

import unittest

import words

LIST = words.Words(words.LIST.read_text())

LISTED = (
    "hands on / is to be had / comes to / stands / bears / goes on / in work / three tries / 2 tries / "
    "turned away / let in / given up / his / cancelled / behaviour / colours / licence / serialised / "
    "initialising / analyse / anymore / one that / meanwhile / whatever / grey / the cure / tells"
)

ORDINARY = (
    "it tries again / canceled, canceling and cancellation / behavior / "
    "size, precise, exercise, otherwise / whose body / the heading / understands / standard / "
    "outstanding / forbears / there / history / "
    "promise, raise, compromise, advise, revise, supervised / an analysis / parameter / license / "
    "let it run / in working order / a try block / handed over / come too late / "
    "controlled, compelled / comes back"
)


def found(path, source):
    _, findings = words.check(LIST, path, source)
    return [(finding.line, finding.word) for finding in findings]


class Rust(unittest.TestCase):
    def test_comments_doc_blocks_and_strings_are_text(self):
        source = """//! Nobody waits.
// A comment about whoever came.
/* A block /* nested */ for those who read. */
fn f() { log("told to stop"); log(r#"a "client" gave up"#); }
"""
        self.assertEqual(
            found("a.rs", source),
            [(1, "Nobody"), (2, "whoever"), (3, "those who"), (4, "told")],
        )

    def test_identifiers_are_no_text(self):
        source = """fn tell(told: Patience) { nobody.stands('n', "whoever"); let x = told; }
// Calls `tell`, tell() and gave_up, and reads {patience:?} with --patience=3 from src/nobody/whoever.rs.
fn g<'he>(x: &'he str) -> char { '"' } // "
"""
        self.assertEqual(found("a.rs", source), [])

    def test_a_phrase_may_go_over_the_end_of_a_line(self):
        self.assertEqual(found("a.rs", "/// It is not read any\n/// more.\n"), [(1, "any more")])
        self.assertEqual(found("a.rs", "// any\nfn f() {}\n// more\n"), [])
        self.assertEqual(found("a.rs", 'f("one \\\n   that waits");\n'), [(1, "one that")])

    def test_a_line_counts_once(self):
        self.assertEqual(found("a.rs", "// Nobody told him.\n"), [(1, "Nobody")])

    def test_ordinary_sentences_pass(self):
        source = """/// Tries again after a pause; the attempt is canceled, and it outlives the standard behavior.
// A standby bearer of the heap, here and there, retries what the bell could not tell apart.
// Comes to an end. A time-out that is one of that kind goes only so far.
"""
        self.assertEqual(found("a.rs", source), [])

    def test_doc_blocks_that_open_with_a_question_word(self):
        source = """//! How it works.

/// What is taken.
///
/// Why not.
struct A {
    /// The limit. What it is.
    b: u32,
    /// `Whether` it is.
    c: u32, // How many.
}
//// What a rule of slashes is.
"""
        figures, findings = words.check(LIST, "a.rs", source)
        self.assertEqual((figures.blocks, figures.questions), (4, 3))
        self.assertEqual([finding.line for finding in findings], [1, 3, 9])

    def test_code_in_a_doc_comment_is_no_text(self):
        source = "/// Sends it.\n///\n/// ```\n/// let told = nobody; // but whoever reads this\n/// ```\nfn f() {}\n"
        self.assertEqual(found("a.rs", source), [(4, "whoever")])


class Others(unittest.TestCase):
    def test_python(self):
        source = 'nobody = 1\ndef told():\n    """Nobody\n    reads he."""\n    f(f"so {told} is", "he") # whoever\n'
        self.assertEqual(found("a.py", source), [(3, "Nobody"), (4, "he"), (5, "whoever")])

    def test_markdown(self):
        source = (
            "Whoever [reads](he/who.md) `told`.\n```rust\nlet he = 1; // she\n```\n```console\n$ a\nnobody came\n```\n"
        )
        self.assertEqual(found("a.md", source), [(1, "Whoever"), (3, "she"), (7, "nobody")])

    def test_toml_and_make(self):
        self.assertEqual(found("a.toml", '# he\ntold = "a whoever" # who\n'), [(1, "he"), (2, "whoever")])
        self.assertEqual(found("Makefile", "all: # nobody\n\ttold # who\n"), [(1, "nobody"), (2, "who")])

    def test_pages(self):
        self.assertEqual(found("a.html", '<p class="who">nobody</p>\n'), [(1, "nobody")])
        self.assertEqual(found("a.css", "/* nobody */ .who { }\n"), [(1, "nobody")])
        self.assertEqual(found("a.js", "he(`who is`) // nobody\n"), [(1, "who")])

    def test_excluded_files(self):
        self.assertIsNone(words.check(LIST, ".ci/words.py", "# nobody")[0])
        self.assertIsNone(words.check(LIST, "Cargo.lock", "nobody")[0])

    def test_past_entries_of_the_changelog_are_not_looked_at(self):
        source = "## Unreleased\n\n### Changed\n- Nobody.\n\n### Added\n- Whoever.\n"
        self.assertEqual(found("CHANGELOG.md", source), [(4, "Nobody")])


class List(unittest.TestCase):
    def test_each_of_these_is_found(self):
        for text in LISTED.split(" / "):
            self.assertEqual(found("a.md", f"So {text}.\n"), [(1, text)], text)

    def test_none_of_these_is_found(self):
        for text in ORDINARY.split(" / "):
            self.assertEqual(found("a.md", f"So {text}.\n"), [], text)


if __name__ == "__main__":
    unittest.main()
