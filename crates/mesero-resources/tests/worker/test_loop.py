"""An event loop that user code blocks is noticed, with what blocks it."""

import json
import os
import pathlib
import socket
import tempfile
import threading
import unittest

from worker_process import CALLABLES, Worker

from mesero_worker.wire import LOOP_BLOCKED, RAISED, VALUE

MODULE = str(CALLABLES / "blocking_calls.py")


class LoopTestCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.pipe = os.path.join(folder.name, "pipe")
        os.mkfifo(self.pipe)

    def started(self, function, loop_blocked_ms=100):
        worker = Worker(f"blocking_calls:{function}")
        worker.config["loop_blocked_ms"] = loop_blocked_ms
        worker.start()
        self.addCleanup(worker.stop)
        return worker

    def let_go(self, text="done"):
        with open(self.pipe, "w") as pipe:
            pipe.write(text)

    def report(self, worker):
        frame = worker.control.receive()
        self.assertEqual((frame.kind, frame.id), (LOOP_BLOCKED, 0))
        return json.loads(frame.payload)


class Blocked(LoopTestCase):
    def test_the_function_that_blocks_is_named_while_it_does_and_the_total_reported_when_it_has_ended(self):
        worker = self.started("blocking")
        worker.seat.call([self.pipe], call_id=7)
        first = self.report(worker)
        self.assertEqual((first["function"], first["handler"]), ("read", "blocking_calls:blocking"))
        self.assertEqual(first["place"], f"{MODULE}:9")
        self.assertIs(first["ended"], False)
        self.assertGreater(first["for_ms"], 100)
        lines = first["stack"].splitlines()
        self.assertEqual([line.split(", in ")[1] for line in lines[::2]], ["blocking", "read"])
        self.assertIn("open(path)", lines[-1])
        self.let_go()
        self.assertEqual(worker.seat.receive(), (VALUE, 7, b"done"))
        last = self.report(worker)
        self.assertIs(last["ended"], True)
        self.assertGreaterEqual(last["for_ms"], first["for_ms"])
        self.assertEqual((last["function"], last["place"], last["stack"]), (first["function"], first["place"], ""))

    def test_calls_that_block_one_after_the_other_are_reported_one_by_one(self):
        worker = self.started("blocking")
        for call_id in range(3):
            worker.seat.call([self.pipe], call_id=call_id)
            self.assertIs(self.report(worker)["ended"], False)
            self.let_go()
            self.assertEqual(worker.seat.receive().id, call_id)
            self.assertIs(self.report(worker)["ended"], True)

    def test_a_task_that_is_no_call_is_named_without_a_handler(self):
        worker = self.started("elsewhere")
        worker.seat.call([self.pipe])
        report = self.report(worker)
        self.assertEqual((report["function"], report["handler"]), ("read", None))
        self.assertNotIn("asyncio", report["stack"])
        self.let_go()

    def test_the_users_own_function_is_named_and_not_the_librarys(self):
        worker = self.started("in_library")
        worker.seat.call([self.pipe])
        self.assertEqual(self.report(worker)["function"], "in_library")
        self.let_go()
        self.assertEqual(worker.seat.receive().kind, RAISED)

    def test_a_call_that_blocks_a_thread_and_not_the_loop_is_not_reported(self):
        worker = self.started("patient")
        worker.seat.call([self.pipe])
        # Nothing to wait for: an absent report can only be looked for over a time.
        worker.control.sock.settimeout(0.5)
        with self.assertRaises(socket.timeout):
            while True:  # A busy machine may delay the loop, which is reported too.
                self.assertNotEqual(self.report(worker)["function"], "read")
        self.let_go()
        self.assertEqual(worker.seat.receive().payload, b"done")

    def test_native_code_that_keeps_the_watcher_from_running_is_reported_late_with_its_whole_length(self):
        worker = self.started("greedy", loop_blocked_ms=20)
        numbers, taken, report = 1_000_000, 0.0, None
        while taken < 0.2:  # Until this machine is busy for long enough.
            numbers *= 2
            taken = float(worker.seat.ask([numbers]).payload)
        while report is None or not (report["ended"] and report["for_ms"] >= int(taken * 1000)):
            report = self.report(worker)

    def test_without_the_setting_nothing_is_watched(self):
        worker = self.started("blocking", loop_blocked_ms=None)
        worker.seat.call([self.pipe])
        threading.Event().wait(0.3)  # It blocks for so long at least.
        self.let_go()
        self.assertEqual(worker.seat.receive().payload, b"done")
        self.assertEqual(worker.control.stack(9), "")  # Which is the first that is said there.

    @unittest.skipUnless(os.path.isdir("/proc/self/task"), "needs Linux's /proc")
    def test_an_idle_worker_sleeps(self):
        worker = self.started("patient", loop_blocked_ms=20)
        threading.Thread(target=self.let_go).start()
        self.assertEqual(worker.seat.ask([self.pipe]).payload, b"done")

        def switches():
            """How often the process was woken so far, all its threads together."""
            tasks = pathlib.Path(f"/proc/{worker.pid}/task")
            counts = [(task / "status").read_text() for task in tasks.iterdir()]
            return sum(int(count.split("\nvoluntary_ctxt_switches:")[1].split()[0]) for count in counts)

        # Its heart beats every 5 ms and stops at the first beat without a call.
        before, quiet = None, threading.Event()
        while before != (before := switches()):
            quiet.wait(0.2)


if __name__ == "__main__":
    unittest.main()
