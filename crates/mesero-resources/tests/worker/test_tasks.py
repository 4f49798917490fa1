"""Calls to async callables: many in flight on one socket, and cancellation."""

import json
import unittest

from worker_process import Worker

from mesero_worker.wire import CALL_JSON, CALL_TEXT, CANCEL, CANCELED, HEADER, RAISED, VALUE


class AsyncTestCase(unittest.TestCase):
    def started(self, function, threads=1):
        worker = self.enterContext(Worker(f"async_calls:{function}", threads))
        self.assertEqual(worker.hello.get("kind"), "async", worker.hello)
        return worker

    def enterContext(self, context):  # unittest has it since Python 3.11.
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def assert_raised(self, frame, kind, text):
        self.assertEqual(frame.kind, RAISED, frame)
        report = json.loads(frame.payload)
        self.assertEqual((report["type"], report["text"]), (kind, text))
        self.assertNotIn("mesero_worker", report["traceback"])


class Calls(AsyncTestCase):
    def test_values(self):
        for function, arguments, expected in (
            ("square", [3], b"9.0"),
            ("square", {"num": 4}, b"16.0"),
            ("square", b"[NaN]", b"nan"),
            ("waiter", [1], b"2"),
            ("partial", [], b"9.0"),
        ):
            with self.subTest(function, arguments=arguments):
                self.assertEqual(self.started(function).seat.ask(arguments, call_id=5), (VALUE, 5, expected))

    def test_text_and_json_replies_on_one_socket(self):
        seat = self.started("echo").seat
        self.assertEqual(seat.ask([[1, "é"]], CALL_JSON), (VALUE, 1, '[1,"é"]'.encode()))
        self.assertEqual(seat.ask([[1, "é"]], CALL_TEXT), (VALUE, 1, "[1, 'é']".encode()))

    def test_exceptions_do_not_end_the_worker(self):
        seat = self.started("raising").seat
        self.assert_raised(seat.ask(["bad"]), "ValueError", "spoiled")
        self.assert_raised(seat.ask(["exit"]), "SystemExit", "3")
        self.assert_raised(seat.ask(["canceled"]), "asyncio.exceptions.CancelledError", "my own")
        awaitable = seat.ask(["awaitable"])
        self.assertIn(b"returned an awaitable", awaitable.payload)
        self.assert_raised(seat.ask(["unknown"]), "KeyError", "'unknown'")

    def test_ten_megabytes_go_both_ways(self):
        text = "x" * (10 * 1024 * 1024)
        seat = self.started("echo").seat
        self.assertEqual(seat.ask([text]).payload, text.encode())
        self.assertEqual(seat.ask(["small"]).payload, b"small")

    def test_a_thousand_calls_are_in_flight_at_once(self):
        seat = self.started("meet").seat
        for call_id in range(1000):
            seat.call([1000], call_id=call_id)
        frames = [seat.receive() for _ in range(1000)]
        self.assertEqual({frame.id for frame in frames}, set(range(1000)))
        self.assertEqual({(frame.kind, frame.payload) for frame in frames}, {(VALUE, b"1000")})

    def test_a_frame_may_come_in_pieces(self):
        seat = self.started("square").seat
        for byte in HEADER.pack(3, CALL_TEXT, 9) + b"[3]":
            seat.sock.sendall(bytes([byte]))
        self.assertEqual(seat.receive(), (VALUE, 9, b"9.0"))

    def test_the_callable_runs_in_the_main_thread_and_all_calls_come_on_the_first_seat(self):
        worker = self.started("thread", threads=2)
        self.assertEqual(worker.seats[0].ask([]).payload, b"True")
        self.assertIsNone(worker.seats[1].receive())


class Cancelling(AsyncTestCase):
    def waiting(self, worker, name, call_id):
        worker.seat.call([name], call_id=call_id)
        self.assertEqual(worker.line(), f"{name} began")

    def test_a_canceled_call_is_canceled_in_python_and_answered_once(self):
        worker = self.started("door")
        self.waiting(worker, "meal", 7)
        worker.seat.send(CANCEL, 7)
        worker.seat.send(CANCEL, 7)
        self.assertEqual(worker.seat.receive(), (CANCELED, 7, b""))
        self.assertEqual(worker.line(), "meal was canceled")
        self.assertEqual(worker.seat.ask(["", "nothing"], call_id=8), (VALUE, 8, b"done"))

    def test_only_the_named_call_is_canceled(self):
        worker = self.started("door")
        self.waiting(worker, "first", 1)
        self.waiting(worker, "second", 2)
        worker.seat.send(CANCEL, 1)
        self.assertEqual(worker.seat.receive(), (CANCELED, 1, b""))
        self.assertEqual(worker.seat.ask(["second", "release"], call_id=3), (VALUE, 3, b"done"))
        self.assertEqual(worker.seat.receive(), (VALUE, 2, b"released"))

    def test_a_call_that_finishes_although_it_was_canceled_says_how(self):
        worker = self.started("door")
        self.waiting(worker, "stubborn", 1)
        worker.seat.send(CANCEL, 1)
        self.assertEqual(worker.seat.receive(), (VALUE, 1, b"finished anyway"))
        self.assertEqual(worker.line(), "stubborn was canceled")
        self.waiting(worker, "failing", 2)
        worker.seat.send(CANCEL, 2)
        self.assert_raised(worker.seat.receive(), "ValueError", "while it was canceled")
        self.assertEqual(worker.seat.ask(["", "nothing"], call_id=3), (VALUE, 3, b"done"))

    def test_a_call_that_is_canceled_before_it_began_never_begins(self):
        worker = self.started("door")
        call = b'["early"]'
        worker.seat.sock.sendall(HEADER.pack(len(call), CALL_TEXT, 1) + call + HEADER.pack(0, CANCEL, 1))
        self.assertEqual(worker.seat.receive(), (CANCELED, 1, b""))
        self.assertEqual(worker.stop(), (0, "", ""))

    def test_cancelling_an_unknown_or_finished_call_is_ignored(self):
        worker = self.started("door")
        self.assertEqual(worker.seat.ask(["", "nothing"], call_id=1), (VALUE, 1, b"done"))
        for call_id in (1, 99):
            worker.seat.send(CANCEL, call_id)
        self.assertEqual(worker.seat.ask(["", "nothing"], call_id=2), (VALUE, 2, b"done"))

    def test_tasks_that_user_code_cancels_are_exceptions_and_the_worker_goes_on(self):
        worker = self.started("door")
        self.waiting(worker, "meal", 1)
        worker.seat.call(["", "cancel all"], call_id=2)
        frames = {frame.id: frame for frame in (worker.seat.receive(), worker.seat.receive())}
        self.assertEqual(frames[2], (VALUE, 2, b"done"))
        self.assertEqual(frames[1].kind, RAISED)
        self.assertEqual(worker.seat.ask(["", "nothing"], call_id=3), (VALUE, 3, b"done"))


if __name__ == "__main__":
    unittest.main()
