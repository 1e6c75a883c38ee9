"""Clients of the services that errnos.py starts. Each knows the only answer that is right; a connection that ends
before it has come, or in its midst, is no fault of the server's, but a wrong byte is, and silence."""

import base64
import os
import socket
import ssl
import struct

SILENCE = 4  # seconds without a byte, while the connection is open


class Wrong(Exception):
    """An answer that is not the right one, or none on a connection that stays open."""


class Ended(Exception):
    """The connection ended before the answer."""


class Line:
    """A connection that is read piece by piece."""

    def __init__(self, port, secured=False):
        self.held = bytearray()
        try:
            self.socket = socket.create_connection(("127.0.0.1", port), timeout=SILENCE)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if secured:
                context = ssl.create_default_context()
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                self.socket = context.wrap_socket(self.socket)
        except TimeoutError as error:
            raise Wrong("no handshake, and the connection stays open") from error
        except OSError as error:
            raise Ended(str(error)) from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except TimeoutError as error:
            raise Wrong("nothing is read, and the connection stays open") from error
        except OSError as error:
            raise Ended(str(error)) from error

    def more(self):
        try:
            data = self.socket.recv(262144)
        except TimeoutError as error:
            raise Wrong(f"silence after {bytes(self.held[:60])}") from error
        except OSError as error:
            raise Ended(str(error)) from error
        if not data:
            raise Ended("end of file")
        self.held += data

    def take(self, count):
        while len(self.held) < count:
            self.more()
        taken = bytes(self.held[:count])
        del self.held[:count]
        return taken

    def take_exactly(self, expected):
        """Takes what must come; compares what came of it also if the rest does not."""
        done = 0
        while done < len(expected):
            if not self.held:
                self.more()
            piece = self.held[:len(expected) - done]
            if piece != expected[done:done + len(piece)]:
                raise Wrong(f"not the answer at byte {done}: {bytes(piece[:60])}")
            del self.held[:len(piece)]
            done += len(piece)

    def take_head(self):
        while (end := self.held.find(b"\r\n\r\n")) < 0:
            if self.held and not b"HTTP/1.1 ".startswith(self.held[:9]):
                raise Wrong(f"no head: {bytes(self.held[:60])}")
            self.more()
        head = self.take(end + 4).decode("latin-1")
        lines = head.split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split()[1]), fields

    def answer(self, expected, may_refuse=False):
        status, fields = self.take_head()
        count = int(fields["content-length"])
        if status != 200:
            if not may_refuse or status not in (403, 404, 500, 503):
                raise Wrong(f"status {status}")
            self.take(count)
        elif count != len(expected):
            raise Wrong(f"{count} bytes for {len(expected)}")
        else:
            self.take_exactly(expected)
        if fields.get("connection") == "close":
            raise Ended("told to")


def post(body):
    return b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


class Visitors:
    """`ports` of http, https, text, websocket, udp, site and proxy; `files` by path; `big` is what /big answers."""

    def __init__(self, ports, files, big):
        self.ports = ports
        self.files = files
        self.big = b"a" * big
        self.asked = self.answered = self.ended = self.lost = 0
        self.number = 0

    def token(self, size):
        self.number += 1
        start = b"%d:" % self.number
        return start + os.urandom(max(0, size - len(start)) // 2 + 1).hex().encode()[:max(0, size - len(start))]

    def visit(self, is_strict, sends_much):
        """Everything once; in a strict visit nothing may end before it is done."""
        visits = [
            lambda: self.echoes("http", [10, 300, 5000]), lambda: self.echoes("http", [20000, 10, 70000]),
            lambda: self.pipeline(), lambda: self.echoes("https", [10, 5000, 40000], True),
            lambda: self.echoes("https", [10], True), lambda: self.text(), lambda: self.websocket(),
            lambda: self.datagrams(is_strict), lambda: self.download(is_strict), lambda: self.download(is_strict),
            lambda: self.echoes("proxy", [10, 30000]), lambda: self.echoes("proxy", [300]),
        ]
        if sends_much or is_strict:
            visits.append(self.large)
        for visit in visits:
            try:
                visit()
            except Ended as error:
                self.ended += 1
                if is_strict:
                    raise Wrong(f"ended: {error}") from error

    def echoes(self, port, sizes, secured=False):
        with Line(self.ports[port], secured) as line:
            for size in sizes:
                body = self.token(size)
                self.asked += 1
                line.send(post(body))
                line.answer(body)
                self.answered += 1

    def pipeline(self):
        bodies = [self.token(50 + 700 * index) for index in range(12)]
        with Line(self.ports["http"]) as line:
            self.asked += len(bodies)
            line.send(b"".join(post(body) for body in bodies))
            for body in bodies:
                line.answer(body)
                self.answered += 1

    def large(self):
        with Line(self.ports["http"]) as line:
            self.asked += 1
            line.send(get("/big"))
            line.answer(self.big)
            self.answered += 1

    def text(self):
        with Line(self.ports["text"]) as line:
            for size in (10, 200, 3000, 10):
                message = self.token(size) + b"\n"
                self.asked += 1
                line.send(message)
                line.take_exactly(message)
                self.answered += 1

    def websocket(self):
        with Line(self.ports["websocket"]) as line:
            key = base64.b64encode(os.urandom(16)).decode()
            line.send(f"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
            if line.take_head()[0] != 101:
                raise Wrong("no WebSocket")
            for size in (10, 130, 3000, 60000):
                message = self.token(size)
                head = bytes([len(message)]) if len(message) < 126 else b"\x7e" + struct.pack(">H", len(message))
                self.asked += 1
                line.send(b"\x81" + bytes([head[0] | 0x80]) + head[1:] + bytes(4) + message)
                if line.held[:1] == b"\x88" or (not line.held and line.more() is None and line.held[0] == 0x88):
                    raise Ended("close frame")
                line.take_exactly(b"\x81" + head + message)
                self.answered += 1

    def datagrams(self, is_strict):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", self.ports["udp"]))
            client.settimeout(SILENCE if is_strict else 0.02)
            sent = set()
            for _ in range(5):
                message = self.token(40)
                sent.add(message)
                self.asked += 1
                try:
                    client.send(message)
                    answer = client.recv(1000)
                except OSError as error:
                    if is_strict:
                        raise Ended(str(error)) from error
                    self.lost += 1
                    continue
                if answer not in sent:
                    raise Wrong(f"no datagram of ours: {answer[:40]}")
                self.answered += 1

    def download(self, is_strict):
        with Line(self.ports["site"]) as line:
            for path, content in self.files.items():
                self.asked += 1
                line.send(get(path))
                line.answer(content, may_refuse=not is_strict)
                self.answered += 1
