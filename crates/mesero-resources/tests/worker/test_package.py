"""The worker as a package: imported from memory, beside user code that may use the same names, and tested in parts."""

import ast
import graphlib
import json
import linecache
import pathlib
import socket
import tempfile
import unittest

from worker_process import CALLABLES, SOURCES, Worker

from mesero_worker.encoding import as_text, to_json
from mesero_worker.errors import REPORT_BYTES, report
from mesero_worker.importer import Importer
from mesero_worker.interrupt import CurrentCall, Interrupted
from mesero_worker.resolve import find
from mesero_worker.stacks import stack_text
from mesero_worker.wire import CALL_JSON, VALUE, frames, pack, receive_one
from mesero_worker.wsgi_response import read_head

MODULES = sorted(path.stem for path in (SOURCES / "mesero_worker").glob("*.py"))


class Imported(unittest.TestCase):
    def test_a_users_module_with_the_name_of_one_of_ours_is_the_users(self):
        names = [name for name in MODULES if name != "__init__"] + ["worker", "tasks", "stop", "loop"]
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                pathlib.Path(folder, f"{name}.py").write_text("")
            users = [str(pathlib.Path(folder, f"{name}.py")) for name in names]
            for function in ("files", "files_async"):
                with self.subTest(function), Worker(f"neighbors:{function}", paths=(folder, CALLABLES)) as worker:
                    self.assertEqual(json.loads(worker.seat.ask(names, CALL_JSON).payload), users)

    def test_no_name_but_mesero_worker_is_taken(self):
        with Worker("neighbors:modules") as worker:
            modules = json.loads(worker.seat.ask([], CALL_JSON).payload)
        self.assertIn("mesero_worker.wire", modules)
        self.assertEqual({name.partition(".")[0] for name in modules}, {"mesero_worker"})

    def test_a_package_of_the_same_name_in_the_current_folder_is_not_imported(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "mesero_worker.py").write_text("raise RuntimeError('from the current folder')")
            with Worker("sync_calls:square", paths=(folder, CALLABLES), cwd=folder) as worker:
                self.assertEqual(worker.seat.ask([3]), (VALUE, 1, b"9.0"))

    def test_a_stack_shows_our_file_names_and_source_lines(self):
        for function, file, called_by in (("stack", "sync_calls", "call"), ("stack_async", "async_calls", "answer")):
            with self.subTest(function), Worker(f"neighbors:{function}") as worker:
                lines = worker.seat.ask([]).payload.decode().splitlines()
                own = [line for line in lines if f'File "<mesero_worker>:{file}.py", line ' in line]
                self.assertTrue(own[-1].endswith(f", in {called_by}"), lines)
                number = int(own[-1].split(", line ")[1].split(",")[0])
                source = linecache.getline(str(SOURCES / "mesero_worker" / f"{file}.py"), number)
                self.assertEqual(lines[lines.index(own[-1]) + 1].strip(), source.strip())

    def test_a_fault_of_the_worker_itself_is_printed_with_our_file_and_line(self):
        worker = Worker("sync_calls:square")
        del worker.config["callable"]
        worker.send_config()
        code, _, err = worker.stop_after_exit()
        self.assertEqual(code, 1)
        self.assertRegex(err, r'File "<mesero_worker>:config\.py", line \d+, in __init__')
        self.assertIn("KeyError: 'callable'", err)

    def test_the_importer_answers_for_its_own_modules_only(self):
        importer = Importer(["mesero_worker/__init__.py", "'a'", "mesero_worker/wire.py", "'b'"])
        self.assertIsNone(importer.find_spec("wire"))
        self.assertIsNone(importer.find_spec("mesero_worker.missing"))
        self.assertEqual(importer.find_spec("mesero_worker").submodule_search_locations, [])
        self.assertEqual(importer.find_spec("mesero_worker.wire").origin, "<mesero_worker>:wire.py")
        self.assertEqual(importer.get_source("mesero_worker.wire"), "'b'")

    def test_no_module_imports_itself_through_others(self):
        imports = {}
        for name in MODULES:
            tree = ast.parse((SOURCES / "mesero_worker" / f"{name}.py").read_text())
            found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1]
            imports[name] = {node.module for node in found if node.module}
            imports[name] |= {alias.name for node in found if not node.module for alias in node.names}
        graphlib.TopologicalSorter(imports).prepare()  # Raises CycleError.


class Parts(unittest.TestCase):
    def test_frames_are_read_as_they_were_packed(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.sendall(pack(1, 7, b"first") + pack(2, 2**64 - 1, b"") + pack(3, 0, b"last"))
            ours.shutdown(socket.SHUT_WR)
            self.assertEqual(receive_one(theirs), b"first")
            rest = frames(theirs)
            self.assertEqual([next(rest), next(rest)], [(2, 2**64 - 1, b""), (3, 0, b"last")])
            self.assertRaises(EOFError, next, rest)

    def test_values_as_replies(self):
        self.assertEqual([as_text(value) for value in ("é", b"\xff", None, 7)], ["é".encode(), b"\xff", b"", b"7"])
        self.assertEqual(to_json({"a": [1, None, "é"]}), '{"a":[1,null,"é"]}'.encode())
        with self.assertRaisesRegex(TypeError, "a value of type set cannot be written as JSON"):
            to_json({1})

    def test_a_report_is_bounded_and_names_the_bases(self):
        described = report(ZeroDivisionError("x" * 2 * REPORT_BYTES))
        self.assertEqual((described["type"], len(described["text"])), ("ZeroDivisionError", REPORT_BYTES))
        self.assertEqual(described["bases"], ["ArithmeticError", "Exception", "BaseException", "object"])

    def test_a_call_canceled_before_it_began_is_interrupted_at_its_begin(self):
        current = CurrentCall()
        current.interrupt(7)
        self.assertRaises(Interrupted, current.begin, 7)
        current.begin(8)
        self.assertTrue(current.may_interrupt)
        current.end()
        self.assertFalse(current.may_interrupt)

    def test_a_stack_is_written_like_a_traceback(self):
        stack = [("/calls.py", 9, "inner"), ("/calls.py", 3, "outer")], True
        wanted = ["  (frames further out are left out)"]
        wanted += ['  File "/calls.py", line 3, in outer', '  File "/calls.py", line 9, in inner']
        self.assertEqual(stack_text(stack).splitlines(), wanted)

    def test_the_callable_is_found_by_its_name(self):
        self.assertIs(find("pathlib:Path.cwd").__func__, pathlib.Path.cwd.__func__)
        with self.assertRaisesRegex(AttributeError, "'pathlib' has no attribute 'Pth'; did you mean 'Path'"):
            find("pathlib:Pth")

    def test_a_head_is_lines_and_an_announced_length(self):
        self.assertEqual(read_head("200 OK", [("Content-Length", "3")]), (b"200\nContent-Length\n3", 3))
        with self.assertRaisesRegex(ValueError, "which only the server may set"):
            read_head("200 OK", [("Connection", "close")])


if __name__ == "__main__":
    unittest.main()
