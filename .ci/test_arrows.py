#!/usr/bin/env python3
"""Tests of `arrows.py`, on small trees of files."""

import tempfile
import unittest
from pathlib import Path

import arrows


def crate(test: unittest.TestCase, **files: str) -> arrows.Crate:
    """A source folder with these files; two underscores are a slash."""
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    source = Path(folder.name)
    for name, text in files.items():
        file = source.joinpath(*name.split("__")).with_suffix(".rs")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return arrows.Crate(source)


class Circles(unittest.TestCase):
    def test_files_that_import_each_other_are_a_circle(self):
        found = crate(self, lib="mod a;\nmod b;", a="use crate::b::B;", b="use crate::a::{A, other};")
        self.assertEqual(found.circles(), [frozenset({"a", "b"})])

    def test_a_child_that_imports_from_its_parent_is_a_circle_if_the_parent_imports_from_it(self):
        found = crate(self, lib="mod a;", a="mod c;\nuse c::C;\nstruct A;", a__c="use super::A;")
        self.assertEqual(found.circles(), [frozenset({"a", "a::c"})])

    def test_arrows_one_way_are_no_circle(self):
        found = crate(self, lib="mod a;\nmod b;\nuse a::A;", a="use crate::b::B;", b="struct B;")
        self.assertEqual(found.circles(), [])

    def test_a_name_is_followed_through_a_re_export_of_the_root(self):
        found = crate(self, lib="mod a;\nmod b;\npub use b::B;", a="use crate::B;", b="struct B;")
        self.assertEqual(found.edges["a"], {"b"})

    def test_paths_outside_of_imports_count_and_comments_and_tests_do_not(self):
        tests = "#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}"
        found = crate(self, lib="mod a;\nmod b;", a=f"// crate::b::B\n{tests}", b="fn f() -> crate::a::A {}")
        self.assertEqual((found.edges["a"], found.edges["b"]), (set(), {"a"}))


class Walls(unittest.TestCase):
    def test_a_type_name_for_three_things_is_a_fault(self):
        found = {name: crate(self, a="pub struct Place;") for name in ("one", "two", "three")}
        self.assertEqual(list(arrows.check_names(found)), ["`Place` is the name of 3 types: one::a, two::a, three::a"])

    def test_every_crate_is_in_a_layer(self):
        self.assertEqual(list(arrows.check_layers()), [])

    def test_siblings_are_told_apart_from_what_they_share(self):
        files = {"policy__limit": "use super::rate::Rate;", "policy__rate": "struct Rate;", "policy": "mod rate;"}
        found = {name.split("/")[0]: crate(self, **files) for name in arrows.SIBLINGS}
        faults = [fault for fault in arrows.check_siblings(found) if fault.startswith("mesero/src/policy")]
        self.assertEqual(len(faults), 1, faults)


if __name__ == "__main__":
    unittest.main()
