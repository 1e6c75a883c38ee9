"""Many clients of many protocols in one process: they ask now and then, break off, fall silent, and come again."""

import base64
import collections
import os
import random
import select
import socket
import ssl
import struct
import time

KINDS = {"http": 40, "websocket": 24, "text": 16, "frame": 10, "https": 8, "udp": 2}  # of a hundred
TICK = 0.05
PATIENCE = 30  # seconds until an answer is missing
LINGER = struct.pack("ii", 1, 0)  # close() resets
UPGRADE = (b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n\r\n")


class WrongAnswer(Exception):
    pass


class Client:
    """One connection. `expected` is what has to come, None while nothing has."""

    __slots__ = ("kind", "socket", "state", "buffer", "expected", "since", "silent_until", "breaks_off")

    def __init__(self, kind):
        self.kind, self.buffer, self.expected, self.since, self.silent_until = kind, b"", None, 0.0, 0.0
        self.state, self.breaks_off = "connecting", False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
        self.socket.setblocking(False)


def message(kind):
    """What is sent, and what has to come back."""
    text = (b"%x" % random.getrandbits(64)) * random.choice((1, 1, 2, 5, 30))
    if kind in ("http", "https"):
        if random.random() < 0.2:
            return b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text), text
        return b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"Hello, World!"
    if kind == "text":
        return text + b"\n", text + b"\n"
    if kind == "frame":
        framed = struct.pack(">I", len(text) + 4) + text
        return framed, framed
    if kind == "websocket":
        head = bytes([0x81, len(text)]) if len(text) < 126 else b"\x81\x7e" + struct.pack(">H", len(text))
        # A mask of zeros leaves the text as it is.
        return head[:1] + bytes([head[1] | 0x80]) + head[2:] + bytes(4) + text, head + text
    return text, text


class Crowd:
    """All clients of this process."""

    def __init__(self, ports, count, rate, ramp, certificate):
        self.ports, self.rate, self.ramp = ports, rate, ramp
        self.poller, self.clients, self.order = select.epoll(), {}, []
        kinds = [kind for kind, share in KINDS.items() for _ in range(max(1, count * share // 100))]
        random.shuffle(kinds)
        self.absent = collections.deque(kinds)
        self.figures = collections.Counter()
        self.faults = []
        self.context = ssl.create_default_context(cafile=certificate)
        self.context.check_hostname = False

    def run(self, over):
        due = opening = 0.0
        while not over.is_set():
            end = time.monotonic() + TICK
            opening = min(opening + self.ramp * TICK, self.ramp)
            while self.absent and opening >= 1:
                opening -= 1
                self.open(self.absent.popleft())
            due = min(due + self.rate * TICK, self.rate)
            while due >= 1 and self.clients:
                due -= 1
                self.act()
            while (left := end - time.monotonic()) > 0:
                for fd, events in self.poller.poll(left, 256):
                    self.ready(fd, events)
                # A few at a time cost less together.
                time.sleep(max(0.0, min(0.01, end - time.monotonic())))
        for client in list(self.clients.values()):
            self.end(client, comes_again=False)

    def open(self, kind):
        client = Client(kind)
        fd = client.socket.fileno()
        self.clients[fd] = client
        self.figures["opened"] += 1
        code = client.socket.connect_ex(("127.0.0.1", self.ports[kind]))
        if code not in (0, 115):
            self.figures[f"not connected: {os.strerror(code)}"] += 1
            return self.end(client)
        self.poller.register(fd, select.EPOLLOUT | select.EPOLLIN)

    def end(self, client, resets=False, comes_again=True):
        self.clients.pop(client.socket.fileno(), None)
        if resets and client.kind != "udp":
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        client.socket.close()
        if comes_again:
            self.absent.append(client.kind)

    def act(self):
        """Something that one of them does."""
        if not self.order:
            self.order = list(self.clients.values())
            random.shuffle(self.order)
        client = self.order.pop()
        fd = client.socket.fileno()
        now = time.monotonic()
        if fd < 0 or client.state != "open" or now < client.silent_until:
            return
        if client.breaks_off:
            return self.end(client, resets=True)
        if client.expected is not None:
            if now - client.since > PATIENCE and client.kind != "udp":
                self.faults.append(f"{client.kind}: no answer within {PATIENCE} s")
                self.end(client, resets=True)
            elif client.kind == "udp" and now - client.since > 1:
                self.figures["datagrams lost"] += 1
                client.expected = None
            return
        chance = random.random()
        if chance < 0.02:
            self.figures["resets"] += 1
            self.say(client, breaks_off=chance < 0.01)
            self.end(client, resets=True)
        elif chance < 0.03:
            self.figures["closes"] += 1
            self.end(client)
        elif chance < 0.035 and client.kind != "udp":
            # Begins a message and never ends it: the server's time-out, or our reset, does.
            self.figures["broken off"] += 1
            self.say(client, breaks_off=True)
            client.breaks_off, client.silent_until = True, now + PATIENCE
        elif chance < 0.10:
            client.silent_until = now + random.uniform(5, 60)
        else:
            self.say(client)

    def say(self, client, breaks_off=False):
        data, expected = message(client.kind)
        if breaks_off:
            data = data[:random.randrange(1, len(data))]
        try:
            if client.socket.send(data) != len(data):
                self.faults.append(f"{client.kind}: a small message does not fit")
            client.expected, client.since = expected, time.monotonic()
            self.figures["messages"] += 1
        except OSError:
            pass  # its end is told by the poller

    def ready(self, fd, events):
        client = self.clients.get(fd)
        if client is None:
            return
        try:
            if client.state == "connecting":
                self.connected(client, fd)
            elif client.state == "handshake":
                self.shake_hands(client, fd)
            elif events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                self.receive(client)
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        except WrongAnswer as error:
            self.faults.append(f"{client.kind}: {error}")
            self.end(client, resets=True)
        except OSError:
            self.figures["ended by the server"] += 1
            self.end(client)

    def connected(self, client, fd):
        if code := client.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, os.strerror(code))
        self.poller.modify(fd, select.EPOLLIN)
        if client.kind == "https":
            client.state = "handshake"
            client.socket = self.context.wrap_socket(client.socket, do_handshake_on_connect=False)
            return self.shake_hands(client, fd)
        client.state = "open"
        if client.kind == "websocket":
            client.state = "upgrade"
            client.socket.send(UPGRADE)
        elif client.kind == "http":
            self.say(client)  # one that never asks is not kept

    def shake_hands(self, client, fd):
        client.socket.do_handshake()
        client.state = "open"
        self.say(client)

    def receive(self, client):
        data = client.socket.recv(65536)
        if not data and client.kind != "udp":
            self.figures["ended by the server"] += 1
            return self.end(client)
        client.buffer += data
        if client.state == "upgrade":
            if b"\r\n\r\n" not in client.buffer:
                return
            head, client.buffer = client.buffer.split(b"\r\n\r\n", 1)
            if not head.startswith(b"HTTP/1.1 101"):
                raise WrongAnswer(repr(head[:80]))
            client.state = "open"
        if client.buffer:
            self.judge(client)

    def judge(self, client):
        answer = client.buffer
        if client.kind in ("http", "https"):
            head, found, answer = answer.partition(b"\r\n\r\n")
            if not found:
                return
            if head.startswith(b"HTTP/1.1 408"):
                client.buffer = b""
                return
            if not head.startswith(b"HTTP/1.1 200"):
                raise WrongAnswer(repr(head[:80]))
        if client.expected is None:
            if client.kind == "udp" or client.buffer[:1] == b"\x88":
                client.buffer = b""  # late, or the close of a WebSocket
                return
            raise WrongAnswer(f"nothing was asked, and {client.buffer[:60]!r} came")
        if len(answer) < len(client.expected):
            if client.kind == "websocket" and answer[:1] == b"\x88":
                client.buffer, client.expected = b"", None
            return
        if client.kind == "websocket" and answer[len(client.expected):][:1] == b"\x88":
            answer = answer[:len(client.expected)]  # a server that leaves says so right behind its last answer
        if answer != client.expected:
            raise WrongAnswer(f"{answer[:60]!r} came instead of {client.expected[:60]!r}")
        client.buffer, client.expected = b"", None
        self.figures["answers"] += 1


def run_crowd(options, over, results, number):
    """The process of one crowd."""
    random.seed(options["seed"] + number)
    crowd = Crowd(options["ports"], options["count"], options["rate"], options["ramp"], options["certificate"])
    crowd.run(over)
    results.put((dict(crowd.figures), crowd.faults[:20], len(crowd.faults), time.process_time()))
