"""Clients that ask for many things, and know of each answer whether it is that of its question."""

import random
import socket
import threading
import time
from dataclasses import dataclass, field

PATIENCE = 45  # seconds; a process that keeps being killed is started again after up to 30


class Broken(Exception):
    """The connection ended before the answer."""


@dataclass
class Question:
    verb: str
    token: str
    path: str
    body: bytes = b""
    number: int = 0
    size: int = 0
    sent: float = 0.0

    def bytes(self):
        head = f"{'POST' if self.body else 'GET'} {self.path} HTTP/1.1\r\nHost: h\r\n"
        if self.body:
            head += f"Content-Length: {len(self.body)}\r\n"
        return head.encode() + b"\r\n" + self.body


@dataclass
class Answer:
    """When a question was sent and answered, and with what: life and number of a counter, or a number alone."""

    sent: float
    ended: float
    life: str
    value: int


@dataclass
class Ledger:
    """What all clients have asked for and got. Lists and sets are appended to by many threads, which is atomic."""

    questions: list = field(default_factory=list)  # verbs
    answers: list = field(default_factory=list)  # verbs answered with 200
    refused: list = field(default_factory=list)  # verbs of which it is known that nothing was done
    unknown: list = field(default_factory=list)  # (verb, sent, ended): perhaps done
    counts: dict = field(default_factory=lambda: {"hit": [], "row": [], "add": [], "tally": []})
    attempted: dict = field(default_factory=lambda: {"jobs": set(), "mail": set()})
    kept: dict = field(default_factory=lambda: {"jobs": set(), "mail": set()})
    failures: list = field(default_factory=list)  # (sent, ended, what): to be explained by a kill
    violations: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    last: int = 0

    def next(self):
        with self.lock:
            self.last += 1
            return self.last


VERBS = {"echo": 20, "wait": 10, "blob": 5, "hit": 15, "row": 10, "jobs": 18, "mail": 8, "add": 12, "tally": 5,
         "publish": 4}


class Asker(threading.Thread):
    """One client, which asks up to six questions at a time on a connection that it keeps for a while."""

    def __init__(self, port, ledger, seed, pause):
        super().__init__(daemon=True)
        self.port, self.ledger, self.pause = port, ledger, pause
        self.random = random.Random(seed)
        self.over = threading.Event()
        self.connection, self.buffer = None, b""

    def run(self):
        try:
            while not self.over.wait(self.random.uniform(0, self.pause)):
                self.ask([self.question() for _ in range(self.random.choice((1, 1, 1, 2, 3, 6)))])
                if self.random.random() < 0.03:
                    self.leave()
        except Exception as error:  # noqa: BLE001: whatever ends a client is to be seen
            self.ledger.violations.append(f"a client ended: {error!r}")
        self.leave()

    def question(self):
        verb = self.random.choices(list(VERBS), list(VERBS.values()))[0]
        number = self.ledger.next()
        token = f"t{number}"
        question = Question(verb, token, f"/{verb}/{token}", number=number)
        if verb in ("jobs", "mail"):
            question.path += f"/{number}"
        elif verb == "echo":
            question.body = self.random.randbytes(self.random.choice((1, 10, 1000, 40000))).hex().encode()
        elif verb == "blob":
            question.size = self.random.choice((1, 100, 20000))
            question.path += f"/{question.size}"
        return question

    def ask(self, questions):
        ledger = self.ledger
        now = time.monotonic()
        for question in questions:
            question.sent = now
            ledger.questions.append(question.verb)
            if question.verb in ledger.attempted:
                ledger.attempted[question.verb].add(question.number)
        waiting = list(questions)
        try:
            self.connect()
            self.connection.sendall(b"".join(map(Question.bytes, questions)))
            while waiting:
                closes = self.receive(waiting[0])
                waiting.pop(0)
                if closes:
                    # What stands behind it was not read: HTTP lets it be sent again, which is the next question here.
                    ledger.refused.extend(question.verb for question in waiting)
                    return self.leave()
        except (OSError, Broken) as error:
            ended = time.monotonic()
            ledger.failures.append((now, ended, f"{questions[0].path} …: {error or type(error).__name__}"))
            ledger.unknown.extend((question.verb, question.sent, ended) for question in waiting)
            self.leave()

    def connect(self):
        if self.connection is None:
            self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            self.buffer = b""

    def leave(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def more(self):
        piece = self.connection.recv(1 << 16)
        if not piece:
            raise Broken("closed in the midst of an answer" if self.buffer else "closed before the answer")
        self.buffer += piece

    def receive(self, question):
        """Whether the connection is closed behind this answer."""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        size = int(fields["content-length"])
        while len(self.buffer) < size:
            self.more()
        body, self.buffer = self.buffer[:size].decode(), self.buffer[size:]
        self.judge(question, lines[0].split(" ")[1], body)
        return fields.get("connection", "").lower() == "close"

    def judge(self, question, status, body):
        ledger, ended = self.ledger, time.monotonic()
        token, _, text = body.partition(" ")
        if token != question.token:
            return ledger.violations.append(f"{question.path} was answered {status} «{body[:80]}»")
        if status == "502":
            return ledger.refused.append(question.verb)
        if status == "503":
            return ledger.unknown.append((question.verb, question.sent, ended))
        if status != "200" or text.startswith("fault"):
            return ledger.violations.append(f"{question.path} was answered {status} «{body[:300]}»")
        ledger.answers.append(question.verb)
        self.keep(question, text, ended)

    def keep(self, question, text, ended):
        ledger, verb, expected = self.ledger, question.verb, None
        if verb in ("jobs", "mail"):
            ledger.kept[verb].add(question.number)
            expected = "kept"
        elif verb == "echo":
            expected = question.body.decode()
        elif verb == "blob":
            expected = f"{question.token} " * question.size
        elif verb == "wait":
            expected = "waited"
        elif verb == "add":
            ledger.counts[verb].append(Answer(question.sent, ended, "", int(text)))
        elif verb in ledger.counts:
            life, value = text.split(" ")
            ledger.counts[verb].append(Answer(question.sent, ended, life, int(value)))
        if expected is not None and text != expected:
            ledger.violations.append(f"{question.path} was answered «{text[:80]}», not «{expected[:80]}»")


def ask_once(port, verb):
    """The text of one answer, without its token."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"GET /{verb}/t HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    head, _, body = answer.decode().partition("\r\n\r\n")
    if " 200 " not in head.split("\r\n")[0]:
        raise Broken(f"/{verb} was answered «{head[:60]} … {body[:100]}»")
    return body.partition(" ")[2]
