"""Connections that are held open and say little, in one thread."""

import itertools
import select
import socket
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
NOTHING = [b""] * 1000
HEAD = [b"GET / HTTP/1.1\r\nHost: h\r\n", *([b"A", b":", b"b", b"\r", b"\n"] * 1000)]
OPENINGS = {  # what is said, a piece each second
    "silent": NOTHING,
    "kept": [REQUEST, *NOTHING],
    "heads": HEAD,
    "cut": HEAD,
    "bodies": [b"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n", *([b"x"] * 1000)],
    "pipelines": [REQUEST * 1000] * 1000,
    "file": [b"GET /large/file HTTP/1.1\r\nHost: h\r\n\r\n", *NOTHING],
    "memory": [b"GET /large/memory HTTP/1.1\r\nHost: h\r\n\r\n", *NOTHING],
    "pieces": [b"GET /large/pieces HTTP/1.1\r\nHost: h\r\n\r\n", *NOTHING],
}
UNREAD = {"pipelines", "file", "memory", "pieces"}


class Crowd:
    """Many connections that are kept open; those that the server closes are made again, unless they are to be cut."""

    def __init__(self, port, count, name):
        self.port, self.count, self.name, self.opening = port, count, name, OPENINGS[name]
        self.open, self.lifetimes, self.made = {}, [], 0
        self.poller = select.epoll()

    def fill(self, limit=500):
        wanted = self.count - (self.made if self.name == "cut" else len(self.open))
        for _ in range(min(limit, wanted)):
            connection = socket.socket()
            connection.setblocking(False)
            # Other addresses of this machine: one has no ports for so many.
            connection.bind((f"127.0.{self.made % 8}.1", 0))
            connection.connect_ex(("127.0.0.1", self.port))
            self.made += 1
            self.open[connection.fileno()] = [connection, iter(self.opening), time.monotonic()]
            self.poller.register(connection, (0 if self.name in UNREAD else select.EPOLLIN) | select.EPOLLRDHUP)

    def speak(self):
        """Each connection says its next piece."""
        for entry in list(self.open.values()):
            connection, pieces, _ = entry
            piece, sent = next(pieces, b""), 0
            try:
                if piece:
                    sent = connection.send(piece)
            except BlockingIOError:
                pass
            except OSError:
                self.drop(connection.fileno())
            if sent < len(piece):
                entry[1] = itertools.chain([piece[sent:]], pieces)

    def listen(self):
        for fd, event in self.poller.poll(0):
            if fd in self.open and (event & ~select.EPOLLIN or self.is_over(fd)):
                self.drop(fd)

    def is_over(self, fd):
        try:
            return not self.open[fd][0].recv(4096)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def drop(self, fd):
        connection, _, since = self.open.pop(fd)
        self.lifetimes.append(time.monotonic() - since)
        self.poller.unregister(connection)
        connection.close()

    def run(self, seconds, watch):
        """Until the time is over, or, where they are to be cut, until all of them have been."""
        end, due = time.monotonic() + seconds, 0.0
        while (now := time.monotonic()) < end and not (self.made == self.count == len(self.lifetimes)):
            self.fill()
            if now >= due:
                due = max(due + 1, now)
                self.speak()
            self.listen()
            watch()
            time.sleep(0.05)

    def close(self):
        for connection, _, _ in self.open.values():
            connection.close()
        self.poller.close()
