"""Calls to sync callables: values, exceptions, sizes, threads, and noise."""

import json
import unittest

from worker_process import Worker

from mesero_worker.wire import CALL_JSON, CALL_TEXT, HEADER, RAISED, VALUE

HUGE = 10 * 1024 * 1024


class Calls(unittest.TestCase):
    def answers(self, function, *calls, kind=CALL_TEXT):
        """What one worker answers to each of these calls."""
        with Worker(f"sync_calls:{function}") as worker:
            self.assertEqual(worker.hello.get("kind"), "sync", worker.hello)
            frames = [worker.seat.ask(arguments, kind, call_id) for call_id, arguments in enumerate(calls, 1)]
            self.assertEqual([frame.id for frame in frames], list(range(1, len(calls) + 1)))
        return frames

    def values(self, function, *calls, kind=CALL_TEXT):
        frames = self.answers(function, *calls, kind=kind)
        for frame in frames:
            self.assertEqual(frame.kind, VALUE, frame)
        return [frame.payload for frame in frames]

    def exceptions(self, function, *calls, kind=CALL_TEXT):
        frames = self.answers(function, *calls, kind=kind)
        for frame in frames:
            self.assertEqual(frame.kind, RAISED, frame)
        return [json.loads(frame.payload.decode()) for frame in frames]

    def test_positional_and_keyword_arguments(self):
        self.assertEqual(self.values("square", [3], {"num": 4}), [b"9.0", b"16.0"])
        self.assertEqual(self.values("echo", [], {"a": 1, "b": "é"}), [b"", b"{'a': 1, 'b': '\xc3\xa9'}"])

    def test_numbers_beyond_json_come_in_as_python_reads_them(self):
        calls = (b"[NaN]", b"[Infinity]", b"[-Infinity]", b"[1e400]", b"[1e16]", b"[-3]", b"[1.5]", b"[0]")
        expected = [b"nan", b"inf", b"inf", b"inf", b"1e+32", b"9.0", b"2.25", b"0.0"]
        self.assertEqual(self.values("square", *calls), expected)

    def test_a_text_reply_is_the_bytes_the_text_or_what_str_says(self):
        names = ["bytes", "bytearray", "memoryview", "text", "none", "list"]
        expected = [b"\x00\xff", b"ab", b"ace", "é€".encode(), b"", b"[1, 'a']"]
        self.assertEqual(self.values("value", *([name] for name in names)), expected)
        self.assertEqual(self.values("value", ["wide memoryview"]), [b"abcdefgh"])
        self.assertEqual(self.values("echo", [True], [7], [""]), [b"True", b"7", b""])

    def test_a_json_reply_is_compact_and_in_utf_8(self):
        expected = ['"é€"'.encode(), b"null", b'[1,"a"]']
        self.assertEqual(self.values("value", ["text"], ["none"], ["list"], kind=CALL_JSON), expected)
        self.assertEqual(self.values("echo", {"a": [1, None], "b": True}, kind=CALL_JSON), [b'{"a":[1,null],"b":true}'])

    def test_what_json_can_not_say_is_an_exception(self):
        bytes_, set_, key = self.exceptions("value", ["bytes"], ["set"], ["tuple key"], kind=CALL_JSON)
        self.assertEqual([report["type"] for report in (bytes_, set_, key)], ["TypeError"] * 3)
        self.assertEqual(bytes_["text"], "a value of type bytes cannot be written as JSON")
        nan, inf = self.exceptions("echo", b"[NaN]", b"[[1e400]]", kind=CALL_JSON)
        self.assertEqual((nan["type"], inf["type"]), ("ValueError", "ValueError"))
        self.assertEqual(self.exceptions("circular", [], kind=CALL_JSON)[0]["type"], "ValueError")

    def test_text_that_is_not_unicode_is_an_exception(self):
        for kind in (CALL_TEXT, CALL_JSON):
            with self.subTest(kind):
                (report,) = self.exceptions("value", ["surrogate"], kind=kind)
                self.assertEqual(report["type"], "UnicodeEncodeError")

    def test_an_exception_has_its_type_text_and_the_users_part_of_the_traceback(self):
        (overflow,) = self.exceptions("square", b"[1e200]")
        self.assertEqual(overflow["type"], "OverflowError")
        self.assertEqual(overflow["bases"], ["ArithmeticError", "Exception", "BaseException", "object"])
        self.assertIn("out of range", overflow["text"])
        self.assertTrue(overflow["traceback"].startswith("Traceback (most recent call last):\n"))
        self.assertIn("sync_calls.py", overflow["traceback"])
        self.assertIn("return float(num) ** 2", overflow["traceback"])
        self.assertNotIn("mesero_worker", overflow["traceback"])
        bad, chained = self.exceptions("raising", ["bad"], ["chained"])
        self.assertEqual((bad["type"], bad["text"]), ("sync_calls.Bad", "spoiled \\udc80"))
        self.assertIn("KeyError: 'first'", chained["traceback"])

    def test_a_traceback_and_a_text_are_bounded_and_the_traceback_keeps_its_end(self):
        (report,) = self.exceptions("raising", ["long"])
        self.assertEqual(len(report["text"]), 16 * 1024)
        self.assertEqual(len(report["traceback"]), 16 * 1024)
        self.assertTrue(report["traceback"].endswith("xxthe end\n"))

    def test_an_exception_that_can_not_be_printed_is_still_reported(self):
        (report,) = self.exceptions("raising", ["unprintable"])
        self.assertEqual(report["type"], "sync_calls.Unprintable")
        self.assertEqual(report["text"], "<no text: __str__ raised ValueError>")

    def test_the_callable_can_not_end_the_worker(self):
        reports = self.exceptions("raising", ["exit"], ["interrupt"], ["recursion"])
        self.assertEqual([report["type"] for report in reports], ["SystemExit", "KeyboardInterrupt", "RecursionError"])
        self.assertEqual(reports[0]["text"], "3")

    def test_arguments_that_do_not_fit_are_an_exception(self):
        reports = self.exceptions("square", [], [1, 2], {"other": 1}, b"3", b"[1", b"\xff")
        types = ["TypeError"] * 4 + ["json.decoder.JSONDecodeError", "UnicodeDecodeError"]
        self.assertEqual([report["type"] for report in reports], types)
        self.assertIn("missing 1 required positional argument: 'num'", reports[0]["text"])

    def test_an_awaitable_from_a_sync_callable_is_an_exception_that_says_so(self):
        for kind in (CALL_TEXT, CALL_JSON):
            with self.subTest(kind):
                (report,) = self.exceptions("awaitable", [], kind=kind)
                self.assertEqual(report["type"], "TypeError")
                self.assertIn("returned an awaitable (coroutine)", report["text"])


class Frames(unittest.TestCase):
    def test_ten_megabytes_go_both_ways(self):
        text = "é" + "x" * (HUGE - 2)
        with Worker("sync_calls:echo") as worker:
            self.assertEqual(worker.seat.ask([text]).payload, text.encode())
            self.assertEqual(worker.seat.ask(["small"], call_id=2), (VALUE, 2, b"small"))

    def test_a_frame_may_come_in_pieces_and_two_may_come_at_once(self):
        payload = b"[3]"
        frames = [HEADER.pack(len(payload), CALL_TEXT, call_id) + payload for call_id in (2**64 - 1, 2, 3)]
        with Worker("sync_calls:square") as worker:
            for byte in frames[0]:
                worker.seat.sock.sendall(bytes([byte]))
            self.assertEqual(worker.seat.receive(), (VALUE, 2**64 - 1, b"9.0"))
            worker.seat.sock.sendall(frames[1] + frames[2][:-1])
            self.assertEqual(worker.seat.receive(), (VALUE, 2, b"9.0"))
            worker.seat.sock.sendall(frames[2][-1:])
            self.assertEqual(worker.seat.receive(), (VALUE, 3, b"9.0"))

    def test_noise_never_reaches_the_protocol(self):
        with Worker("sync_calls:noisy", threads=2) as worker:
            for seat in worker.seats:
                self.assertEqual(seat.ask([]), (VALUE, 1, b"''"))  # Standard input is empty.
                self.assertEqual(worker.line(), "from print")
                self.assertEqual(worker.line(), "from the descriptor")
                self.assertEqual(worker.line(), "from a child")
            self.assertEqual(worker.stop(), (0, "", "to stderr\nto stderr\n"))

    def test_a_printed_line_is_in_the_log_before_the_answer(self):
        with Worker("sync_calls:unflushed") as worker:
            worker.seat.ask([])
            self.assertEqual(worker.stop()[1], "one line\n")


class Threads(unittest.TestCase):
    def test_sixty_four_seats_are_served_at_once(self):
        with Worker("sync_calls:meet", threads=64) as worker:
            for number, seat in enumerate(worker.seats):
                seat.call([], call_id=number)
            for number, seat in enumerate(worker.seats):
                self.assertEqual(seat.receive(), (VALUE, number, b"True"))

    def test_one_seat_is_served_by_the_main_thread(self):
        with Worker("sync_calls:thread") as worker:
            self.assertEqual(json.loads(worker.seat.ask([], CALL_JSON).payload)[1:], [True, False])

    def test_each_of_several_seats_has_its_own_named_daemon_thread(self):
        with Worker("sync_calls:thread", threads=4, name="square-7") as worker:
            for number, seat in enumerate(worker.seats):
                expected = [f"square-7-seat-{number}", False, True]
                self.assertEqual(json.loads(seat.ask([], CALL_JSON).payload), expected)


if __name__ == "__main__":
    unittest.main()
