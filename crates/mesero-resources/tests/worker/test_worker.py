"""The worker as a process: how it starts, what it says when it can not, and how it ends."""

import json
import os
import pathlib
import signal
import tempfile
import unittest

from worker_process import HERE, Worker

from mesero_worker.wire import CALL_JSON, FAILED, HELLO, VALUE


def failure(function, **modules):
    """What the worker says, with its exit code and output, when it is to serve `function` from these modules."""
    with tempfile.TemporaryDirectory() as folder:
        for name, source in modules.items():
            pathlib.Path(folder, f"{name}.py").write_text(source)
        worker = Worker(function, paths=(folder, HERE / "callables"))
        worker.start()
        code, out, err = worker.stop_after_exit()
    return worker.greeting.kind, worker.hello, code, out, err


class Starting(unittest.TestCase):
    def assert_fails(self, function, kind, *texts, **modules):
        said, report, code, _, _ = failure(function, **modules)
        self.assertEqual((said, report["type"], code), (FAILED, kind, 1), report)
        for text in texts:
            self.assertIn(text, report["text"])
        self.assertNotIn("mesero_worker", report["traceback"])
        return report

    def test_hello_names_the_kind_the_process_the_python_and_the_signature(self):
        with Worker("sync_calls:square") as worker:
            self.assertEqual(worker.greeting.kind, HELLO)
            self.assertEqual(worker.hello["kind"], "sync")
            self.assertEqual(worker.hello["pid"], worker.pid)
            self.assertRegex(worker.hello["python"], r"^3\.\d+\.\d+$")
            self.assertEqual(worker.hello["signature"], "(num)")

    def test_async_is_seen_through_partial_and_call(self):
        for name in ("square", "waiter", "partial"):
            with self.subTest(name), Worker(f"async_calls:{name}") as worker:
                self.assertEqual(worker.hello["kind"], "async", worker.hello)
        for name in ("partial", "shelf", "Shelf", "Shelf.Box.label"):
            with self.subTest(name), Worker(f"sync_calls:{name}") as worker:
                self.assertEqual(worker.hello["kind"], "sync", worker.hello)

    def test_the_paths_come_first_and_the_current_folder_is_not_among_them(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("json", "socket", "asyncio", "inspect"):
                pathlib.Path(folder, f"{name}.py").write_text("raise RuntimeError('from the current folder')")
            paths = (HERE / "callables", "/nowhere/in/particular")
            with Worker("sync_calls:process", paths=paths, cwd=folder, name="kitchen-3") as worker:
                process = answered_json(worker.seat.ask([], CALL_JSON))
        self.assertEqual(process["path"][:2], [str(path) for path in paths])
        self.assertNotIn("", process["path"])
        self.assertNotIn(folder, process["path"])
        self.assertEqual(process["argv"], ["kitchen-3"])

    def test_main_is_empty_and_the_callable_has_its_own_module_name(self):
        with Worker("sync_calls:process") as worker:
            process = answered_json(worker.seat.ask([], CALL_JSON))
        self.assertEqual([name for name in process["main"] if not name.startswith("__")], [])
        self.assertEqual(process["name"], "sync_calls")

    def test_a_process_pool_of_the_users_functions_works(self):
        with Worker("sync_calls:in_a_process_pool") as worker:
            for method in ("spawn", "forkserver", "fork"):
                self.assertEqual(worker.seat.ask([3, method]), (VALUE, 1, b"9.0"), method)

    def test_a_module_that_is_missing(self):
        texts = ("module 'nowhere.at_all' was not found", "'nowhere'")
        self.assert_fails("nowhere.at_all:f", "ModuleNotFoundError", *texts)
        self.assert_fails("sync_calls.inner:f", "ModuleNotFoundError", "'sync_calls' is not a package")

    def test_a_module_whose_own_import_is_missing(self):
        texts = ("module 'outer' was found", "No module named 'inner_thing'")
        report = self.assert_fails("outer:f", "ImportError", *texts, outer="import inner_thing")
        self.assertIn("import inner_thing", report["traceback"])

    def test_a_module_that_raises_at_import(self):
        report = self.assert_fails("m:f", "ImportError", "raised ValueError: boom", m="x = 1\nraise ValueError('boom')")
        self.assertIn("line 2", report["traceback"])
        self.assert_fails("m:f", "ImportError", "raised SyntaxError", m="def f(:")

    def test_a_module_that_exits_at_import(self):
        self.assert_fails("m:f", "ImportError", "raised SystemExit: 7", m="import sys\nsys.exit(7)")

    def test_a_module_that_fails_ends_the_worker_although_it_left_a_thread(self):
        source = "import threading\nthreading.Thread(target=threading.Event().wait).start()"
        self.assert_fails("m:f", "AttributeError", "'m' has no attribute 'f'", m=source)

    def test_an_attribute_that_is_missing_with_the_nearest_name(self):
        texts = ("'sync_calls' has no attribute 'sqare'", "did you mean 'square'?")
        self.assert_fails("sync_calls:sqare", "AttributeError", *texts)
        texts = ("'sync_calls:Shelf' has no attribute 'Bx'", "did you mean 'Box'?")
        self.assert_fails("sync_calls:Shelf.Bx.label", "AttributeError", *texts)

    def test_what_is_not_callable(self):
        text = "'sync_calls:not_a_function' is not callable, but of type int"
        self.assert_fails("sync_calls:not_a_function", "TypeError", text)

    def test_a_name_without_a_function(self):
        for name in ("sync_calls", "sync_calls:", ":square"):
            with self.subTest(name):
                self.assert_fails(name, "ValueError", f"'{name}'", "'module:function'")

    def test_a_generator_is_refused(self):
        self.assert_fails("sync_calls:generator", "TypeError", "generator")
        self.assert_fails("async_calls:generator", "TypeError", "generator")

    def test_what_a_module_prints_at_import_goes_to_the_log(self):
        source = "import socket\nsocket.setdefaulttimeout(0.001)\nprint('hello')\ndef f(): return 'served'"
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "m.py").write_text(source)
            with Worker("m:f", paths=(folder,)) as worker:
                self.assertEqual(worker.line(), "hello")
                self.assertEqual(worker.seat.ask([]).payload, b"served")
        said, _, _, out, _ = failure("m:f", m="print('before the end', end='')\nraise ValueError")
        self.assertEqual((said, out), (FAILED, "before the end"))


class Ending(unittest.TestCase):
    def test_the_end_of_control_ends_an_idle_worker(self):
        for function, threads in (("sync_calls:square", 1), ("sync_calls:square", 3), ("async_calls:square", 2)):
            with self.subTest(function, threads=threads), Worker(function, threads) as worker:
                worker.control.close()
                self.assertEqual(worker.wait(), 0)

    def test_the_end_of_control_ends_a_worker_in_the_middle_of_a_call(self):
        for threads in (1, 2):
            with self.subTest(threads=threads), Worker("sync_calls:stuck", threads) as worker:
                worker.seat.call(["stuck"])
                self.assertEqual(worker.line(), "stuck")
                worker.control.close()
                self.assertEqual(worker.wait(), 0)

    def test_the_end_of_control_ends_a_worker_whose_event_loop_is_blocked(self):
        with Worker("async_calls:stuck") as worker:
            worker.seat.call(["blocked"])
            self.assertEqual(worker.line(), "blocked")
            worker.control.close()
            self.assertEqual(worker.wait(), 0)

    def test_the_end_of_control_ends_a_worker_that_is_still_importing(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "m.py").write_text("import threading\nprint('importing')\nthreading.Event().wait()")
            worker = Worker("m:f", paths=(folder,))
            worker.send_config()
            self.assertEqual(worker.line(), "importing")
            worker.control.close()
            self.assertEqual(worker.wait(), 0)
            worker.stop()

    def test_the_end_of_control_before_the_config_ends_the_worker(self):
        worker = Worker("sync_calls:square")
        worker.control.close()
        self.assertEqual(worker.wait(), 0)
        self.assertEqual(worker.stop(), (0, "", ""))

    def test_the_end_of_one_seat_leaves_the_others(self):
        for closed in (0, 1):
            with self.subTest(closed=closed), Worker("sync_calls:square", threads=2) as worker:
                worker.seats[closed].close()
                self.assertEqual(worker.seats[1 - closed].ask([3]).payload, b"9.0")

    def test_a_seat_that_closes_before_its_answer_disturbs_no_other(self):
        with Worker("sync_calls:echo", threads=2) as worker:
            worker.seats[0].call(["x" * 10_000_000])
            worker.seats[0].close()
            self.assertEqual(worker.seats[1].ask(["y"]).payload, b"y")
            self.assertEqual(worker.stop(), (0, "", ""))


class Children(unittest.TestCase):
    def test_a_child_of_the_callable_does_not_hold_the_sockets_open(self):
        for function, threads in (("forked", 1), ("forked", 2), ("spawned", 2)):
            with self.subTest(function, threads=threads), Worker(f"sync_calls:{function}", threads) as worker:
                child = int(worker.seat.ask([]).payload)
                try:
                    worker.process.kill()
                    worker.wait()
                    for peer in (worker.control, *worker.seats):
                        self.assertIsNone(peer.receive())
                    os.kill(child, 0)  # It is still there.
                finally:
                    os.kill(child, signal.SIGKILL)

    def test_a_forked_child_that_comes_back_from_the_callable_answers_nothing_and_ends(self):
        for threads in (1, 2):
            with self.subTest(threads=threads), Worker("sync_calls:forked_and_returned", threads) as worker:
                answer = worker.seat.ask([])
                self.assertGreater(int(answer.payload), 0)
                self.assertGreater(int(worker.seat.ask([]).payload), 0)  # No other answer came in between.
                code, _, _ = worker.stop()  # It reads both outputs to their ends, so the children are gone.
                self.assertEqual(code, 0)


def answered_json(frame):
    return json.loads(frame.payload)


if __name__ == "__main__":
    unittest.main()
