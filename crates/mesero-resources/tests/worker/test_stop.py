"""Calls that are stopped while they run, and stacks that are looked at."""

import json
import random
import unittest

from test_wsgi import answer, environ
from worker_process import Worker

from mesero_worker.wire import BODY, BODY_BROKEN, CANCELED, END, HEAD, PIECE, RAISED, REQUEST, VALUE

RACES = 10_000


def stack_in(worker, text, call_id, seat=0):
    """The stack of a call, once it is at a line with this text."""
    while True:
        stack = worker.control.stack(call_id, seat)
        if text in stack:
            return stack


class Interrupting(unittest.TestCase):
    def stopped(self, name, threads=1, seat=0):
        """A worker in which this call, of id 7, was begun."""
        worker = Worker("stopping:serve", threads)
        worker.start()
        self.addCleanup(worker.stop)
        worker.seats[seat].call([name, 5], call_id=7)
        return worker

    def test_a_call_that_spins_is_interrupted_and_the_seat_serves_on(self):
        for threads, seat in ((1, 0), (3, 2)):
            with self.subTest(threads=threads):
                worker = self.stopped("spin", threads, seat)
                self.assertEqual(worker.line(), "spinning")
                worker.control.interrupt(7, seat)
                worker.control.interrupt(7, seat)
                self.assertEqual(worker.seats[seat].receive(), (CANCELED, 7, b""))
                self.assertEqual(worker.seats[seat].ask(["count", 3], call_id=8), (VALUE, 8, b"3"))

    def test_what_the_function_has_to_tidy_up_is_tidied_up(self):
        worker = self.stopped("tidy")
        self.assertEqual(worker.line(), "spinning")
        worker.control.interrupt(7)
        self.assertEqual(worker.seat.receive(), (CANCELED, 7, b""))
        self.assertEqual(worker.seat.ask(["tidied_up"], call_id=8), (VALUE, 8, b"[5]"))

    def test_a_call_that_swallows_the_interruption_continues_and_is_answered_with_its_result(self):
        worker = self.stopped("stubborn", threads=2)
        self.assertEqual(worker.line(), "spinning")
        worker.control.interrupt(7)
        self.assertEqual(worker.line(), "swallowed Interrupted the result of this call is no longer needed")
        self.assertIn("door.wait()", stack_in(worker, "in wait\n", 7))
        self.assertEqual(worker.seats[1].ask(["open_door"], call_id=8).payload, b"opened")
        self.assertEqual(worker.seat.receive(), (VALUE, 7, b"continued"))

    def test_a_call_that_raises_something_else_when_it_is_interrupted_says_so(self):
        worker = self.stopped("failing")
        self.assertEqual(worker.line(), "spinning")
        worker.control.interrupt(7)
        frame = worker.seat.receive()
        self.assertEqual((frame.kind, json.loads(frame.payload)["text"]), (RAISED, "while it was stopped"))

    def test_a_call_that_was_canceled_before_it_began_never_begins(self):
        worker = self.stopped("count")
        self.assertEqual(worker.seat.receive().kind, VALUE)
        worker.control.interrupt(8)
        self.assertEqual(worker.control.stack(8), "")  # Once this is answered, the interruption is known.
        self.assertEqual(worker.seat.ask(["spin"], call_id=8), (CANCELED, 8, b""))
        self.assertEqual(worker.seat.ask(["count", 9], call_id=9), (VALUE, 9, b"9"))

    def test_a_call_that_is_over_or_at_another_seat_is_not_interrupted(self):
        worker = self.stopped("stubborn", threads=2)
        self.assertEqual(worker.line(), "spinning")
        worker.control.interrupt(6, seat=0)
        worker.control.interrupt(7, seat=1)
        self.assertEqual(worker.seats[1].ask(["open_door"], call_id=9).payload, b"opened")
        self.assertIn("in stubborn", worker.control.stack(7))

    def race(self, threads):
        """Ten thousand interruptions that meet the ends of their calls, at any distance."""
        random.seed(threads)
        with Worker("stopping:serve", threads) as worker:
            kinds = {VALUE: 0, CANCELED: 0}
            for call_id in range(0, 2 * RACES, 2):
                seat = call_id // 2 % threads
                if random.random() < 0.5:
                    worker.control.interrupt(call_id, seat)
                    worker.seats[seat].call(["count", call_id], call_id=call_id)
                else:
                    worker.seats[seat].call(["count", call_id], call_id=call_id)
                    for _ in range(random.randrange(200)):
                        pass
                    worker.control.interrupt(call_id, seat)
                # It is sent at once, so that it begins when the call before has just ended.
                worker.seats[seat].call(["count", call_id + 1], call_id=call_id + 1)
                first, second = worker.seats[seat].receive(), worker.seats[seat].receive()
                self.assertEqual(first.id, call_id)
                kinds[first.kind] += 1
                if first.kind == VALUE:
                    self.assertEqual(first.payload, str(call_id).encode())
                self.assertEqual(second, (VALUE, call_id + 1, str(call_id + 1).encode()))
            self.assertTrue(all(kinds.values()), kinds)
            self.assertEqual(worker.stop(), (0, "", ""))

    def test_an_interruption_that_races_the_end_of_its_call_never_reaches_the_next(self):
        for threads in (1, 2):
            with self.subTest(threads=threads):
                self.race(threads)


class Applications(unittest.TestCase):
    def begun(self, path, body="none", word="spinning"):
        worker = Worker("stopping:application", serves="wsgi")
        worker.start()
        self.addCleanup(worker.stop)
        worker.seat.send(REQUEST, 7, environ(body, path))
        if body == "none" and path == "/spins":
            self.assertEqual([worker.seat.receive().kind for _ in range(2)], [HEAD, PIECE])
        self.assertEqual(worker.line(), word)
        return worker

    def ask_again(self, worker):
        worker.seat.send(REQUEST, 8, environ())
        return answer(worker.seat)

    def test_a_view_that_spins_is_interrupted(self):
        worker = self.begun("/view")
        self.assertIn("in application", worker.control.stack(7))
        worker.control.interrupt(7)
        self.assertEqual(answer(worker.seat), (b"", CANCELED))
        self.assertEqual(self.ask_again(worker), (b"[]", END))

    def test_an_answer_that_stops_between_two_pieces_is_interrupted_and_closed(self):
        worker = self.begun("/spins")
        worker.control.interrupt(7)
        self.assertEqual(answer(worker.seat), (b"", CANCELED))
        self.assertEqual(self.ask_again(worker), (b"['closed']", END))

    def test_an_application_that_waits_for_the_body_is_interrupted_when_that_has_ended(self):
        worker = self.begun("/reads", "coming", "reading")
        stack_in(worker, ".read()", 7)
        worker.control.interrupt(7)
        worker.control.stack(7)  # Once this is answered, the interruption is known; mostly while it waits.
        worker.seat.send(BODY, 7, b"more")
        worker.seat.send(BODY_BROKEN, 7)
        self.assertEqual(answer(worker.seat), (b"", CANCELED))
        self.assertEqual(self.ask_again(worker), (b"[]", END))


class Stacks(unittest.TestCase):
    def test_the_stack_of_a_call_is_the_users_part_of_it(self):
        for threads in (1, 2):
            with self.subTest(threads=threads), Worker("stopping:serve", threads) as worker:
                seat = threads - 1
                worker.seats[seat].call(["sleeping"], call_id=7)
                self.assertEqual(worker.line(), "sleeping")
                lines = stack_in(worker, "time.sleep(", 7, seat).splitlines()
                self.assertRegex(lines[0], r'^  File ".*stopping\.py", line \d+, in serve$')
                self.assertRegex(lines[2], r'^  File ".*stopping\.py", line \d+, in sleeping$')
                self.assertEqual(lines[3], "    time.sleep(600)")
                self.assertEqual(len(lines), 4)
                self.assertEqual(worker.control.stack(6, seat), "")

    def test_a_deep_stack_is_cut_at_its_outer_end(self):
        with Worker("stopping:serve", 2) as worker:
            worker.seat.call(["deep", 900], call_id=1)
            self.assertEqual(worker.line(), "deep down")
            lines = stack_in(worker, "in wait\n", 1).splitlines()
            self.assertEqual(lines[0], "  (frames further out are left out)")
            self.assertIn("in wait", lines[-2])  # That of `threading`, which the user's code calls.
            self.assertTrue(any("[Previous line repeated" in line for line in lines), lines)

    def test_a_seat_without_a_call_has_no_stack(self):
        with Worker("stopping:serve") as worker:
            worker.seat.ask(["count", 1], call_id=1)
            self.assertEqual((worker.control.stack(1), worker.control.stack(2)), ("", ""))

    def test_a_task_that_waits_has_a_stack_and_so_has_one_that_blocks_its_loop(self):
        with Worker("stopping:outer") as worker:
            worker.seat.call(["waiting"], call_id=1)
            worker.seat.call(["blocked"], call_id=2)
            self.assertEqual((worker.line(), worker.line()), ("waiting", "blocked"))
            for call_id, text in ((1, "create_future()"), (2, "in wait\n")):
                lines = stack_in(worker, text, call_id).splitlines()
                self.assertIn("in outer", lines[0])
                self.assertIn("in inner", lines[2])
            self.assertEqual(worker.control.stack(3), "")


if __name__ == "__main__":
    unittest.main()
