"""A WSGI application in the worker: forms of bodies, ends of answers, and what is closed when."""

import json
import os
import socket
import tempfile
import unittest

from worker_process import Worker

from mesero_worker.wire import (
    BODY,
    BODY_BROKEN,
    BODY_END,
    CANCEL,
    CANCELED,
    END,
    FAILED,
    HEAD,
    HEADER,
    PIECE,
    RAISED,
    REQUEST,
    SEAT,
)


def application(name, **settings):
    return Worker(f"applications:{name}", serves="wsgi", **settings)


def environ(body="none", path="/", method="GET"):
    return lines(REQUEST_METHOD=method, SCRIPT_NAME="", PATH_INFO=path) + lines(**{"wsgi.input": body})


def lines(**variables):
    return "".join(f"{name}\n{value}\n" for name, value in variables.items()).encode("latin-1")


def answer(seat):
    """The bytes of an answer, once its last frame has come; that frame's kind."""
    body = b""
    while True:
        frame = seat.receive()
        if frame.kind == PIECE:
            body += frame.payload
        elif frame.kind != HEAD:
            return body, frame.kind


WANTED = repr([b"one\n", b"two", [b"\n", b"three"], b"", b""]).encode()


class Bodies(unittest.TestCase):
    def test_a_body_reads_the_same_however_it_comes(self):
        with application("lines") as worker, tempfile.TemporaryFile() as file:
            seat = worker.seat
            seat.send(REQUEST, 1, environ("whole"))
            seat.send(BODY, 1, b"one\ntwo\nthree")
            self.assertEqual(answer(seat), (WANTED, END))
            seat.send(REQUEST, 2, environ("coming"))
            for piece in (b"o", b"ne\ntw", b"o\nthree"):
                seat.send(BODY, 2, piece)
            seat.send(BODY_END, 2)
            self.assertEqual(answer(seat), (WANTED, END))
            file.write(b"one\ntwo\nthree")
            file.flush()
            payload = environ("file")
            frame = HEADER.pack(len(payload), REQUEST, 3) + payload
            for _ in range(2):  # Its position is neither used nor moved, so the same file serves again.
                socket.send_fds(seat.sock, [frame], [file.fileno()])
                self.assertEqual(answer(seat), (WANTED, END))
            self.assertEqual(file.tell(), len(b"one\ntwo\nthree"))

    def test_what_is_left_unread_does_not_reach_the_next_request(self):
        for name in ("ignores", "detaches"):
            with self.subTest(name), application(name) as worker:
                for call_id, end in enumerate((BODY_END, BODY_BROKEN, BODY_END)):
                    worker.seat.send(REQUEST, call_id, environ("coming", f"/{call_id}"))
                    worker.seat.send(BODY, call_id, b"unread" * 10_000)
                    wanted = f"/{call_id}".encode() if name == "ignores" else b"detached"
                    self.assertEqual(answer(worker.seat), (wanted, END))
                    worker.seat.send(end, call_id)

    def test_a_body_that_breaks_off_raises_where_it_is_read(self):
        with application("lines") as worker:
            worker.seat.send(REQUEST, 1, environ("coming"))
            worker.seat.send(BODY, 1, b"one")
            worker.seat.send(BODY_BROKEN, 1)
            frame = worker.seat.receive()
            self.assertEqual((frame.kind, json.loads(frame.payload)["type"]), (RAISED, "ConnectionResetError"))

    def test_no_file_stays_open(self):
        with application("ignores") as worker, tempfile.TemporaryFile() as file:
            payload = environ("file")
            frame = HEADER.pack(len(payload), REQUEST, 3) + payload
            counts = []
            for _ in range(5):
                socket.send_fds(worker.seat.sock, [frame], [file.fileno()])
                answer(worker.seat)
                worker.seat.send(REQUEST, 4, environ())  # Once this is answered, the one before is tidied up.
                answer(worker.seat)
                counts.append(len(os.listdir(f"/proc/{worker.pid}/fd")))
            self.assertEqual(len(set(counts)), 1, counts)


class Endings(unittest.TestCase):
    def test_a_canceled_endless_answer_is_closed_and_the_seat_serves_on(self):
        with application("endless", threads=2) as worker:
            for seat in worker.seats:
                seat.send(REQUEST, 7 + worker.seats.index(seat), environ())
                self.assertEqual(seat.receive().kind, HEAD)
            worker.control.send(CANCEL, 7, SEAT.pack(0))
            worker.control.send(CANCEL, 99, SEAT.pack(0))
            self.assertEqual(answer(worker.seats[0])[1], CANCELED)
            worker.seats[0].send(REQUEST, 9, environ(path="/closed"))
            self.assertEqual(answer(worker.seats[0]), (b"1", END))
            self.assertEqual(worker.seats[1].receive().kind, PIECE)

    def test_the_answer_to_head_has_no_body(self):
        with application("ignores") as worker:
            worker.seat.send(REQUEST, 1, environ(method="HEAD"))
            self.assertEqual(answer(worker.seat), (b"", END))

    def test_no_header_can_pose_as_another_one(self):
        with application("heads") as worker:
            for path in ("/line-end", "/return", "/null", "/beyond", "/digits"):
                worker.seat.send(REQUEST, 1, environ(path=path))
                frame = worker.seat.receive()
                self.assertEqual((frame.kind, json.loads(frame.payload)["type"]), (RAISED, "ValueError"), path)
            worker.seat.send(REQUEST, 2, environ(path="/reason"))
            self.assertEqual(worker.seat.receive().payload, b"200\nX-Tag\ncaf\xe9\nX-Empty\n")
            self.assertEqual(answer(worker.seat), (b"body", END))


class Environ(unittest.TestCase):
    def test_only_paths_are_decoded_and_the_last_one_of_a_name_counts(self):
        more = lines(SCRIPT_NAME="/a%2F%0A", PATH_INFO="/caf%C3%A9\xe9%zz", REQUEST_URI="/%41", HTTP_X_EMPTY="")
        with application("variables") as worker:
            worker.seat.send(REQUEST, 1, environ() + more)
            wanted = ["/a/\n", "/caf\xc3\xa9\xe9%zz", "/%41", ""]
            self.assertEqual(answer(worker.seat), (repr(wanted).encode(), END))


class Starting(unittest.TestCase):
    def test_a_factory_is_called_and_its_application_served(self):
        with application("make()") as worker:
            worker.seat.send(REQUEST, 1, environ(path="/made"))
            self.assertEqual(answer(worker.seat), (b"/made", END))

    def test_what_is_no_wsgi_application_is_refused(self):
        for name, text in (("asynchronous", "is async"), ("closed", "is not callable"), ("dict()", "no attribute")):
            with self.subTest(name):
                worker = application(name)
                worker.start()
                worker.stop_after_exit()
                self.assertEqual(worker.greeting.kind, FAILED)
                self.assertIn(text, worker.hello["text"])


if __name__ == "__main__":
    unittest.main()
