#!/usr/bin/env python3
"""Attacks a server in the ways that cost an attacker little, and looks whether it still answers others.

See ../README.md.

    swift build -c release --package-path bench/Web
    bench/Attacks/attacks.py                             each attack for 20 s, both backends
    bench/Attacks/attacks.py --seconds 5 --connections 1000 --attack heads
"""

import argparse
import datetime
import os
import resource
import select
import shlex
import socket
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "EndToEnd"))

from preparations import BENCH, add_core_options, check_cores, describe_machine, print_heading  # noqa: E402
from report import table  # noqa: E402
from servers import BenchError, Server, run_script  # noqa: E402
from web import WEB, WebServer  # noqa: E402

ATTACKS = {
    "idle": "connections that say nothing",
    "heads": "heads that arrive a byte a second",
    "bodies": "bodies that arrive a byte a second",
    "readers": "pipelined requests by clients that read no answer",
    "flood": "requests as fast as one core makes them",
}
PATIENCE = 1.0  # seconds within which everybody else is to be answered


def memory(server):
    """Resident bytes of all processes of a server."""
    total = 0
    for pid in server.pids():
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
        except OSError:
            pass
    return total


class Probe(threading.Thread):
    """Asks on a new connection four times a second and keeps how long the answers took."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.over, self.times, self.failures = port, threading.Event(), [], []

    def run(self):
        while not self.over.wait(0.25):
            began = time.monotonic()
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                    if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
                        self.failures.append("a wrong answer")
            except OSError as error:
                self.failures.append(str(error))
            self.times.append(time.monotonic() - began)


class Attackers:
    """Many connections that are kept open; those that the server closes are made again."""

    def __init__(self, port, count, opening):
        self.port, self.count, self.opening = port, count, opening
        self.open, self.closed = {}, 0
        self.poller = select.epoll()

    def fill(self, limit=500):
        for _ in range(min(limit, self.count - len(self.open))):
            connection = socket.socket()
            connection.setblocking(False)
            # Other addresses of this machine: one has no ports for so many.
            connection.bind((f"127.0.{len(self.open) % 8}.1", 0))
            try:
                connection.connect(("127.0.0.1", self.port))
            except BlockingIOError:
                pass
            self.open[connection.fileno()] = (connection, iter(self.opening))
            self.poller.register(connection, select.EPOLLIN | select.EPOLLRDHUP)

    def step(self):
        """Each connection that is open says its next byte."""
        self.fill()
        for connection, bytes_left in list(self.open.values()):
            piece = next(bytes_left, b"x")
            try:
                if piece:
                    connection.send(piece)
            except BlockingIOError:
                pass
            except OSError:
                self.drop(connection.fileno())
        for fd, event in self.poller.poll(0):
            if fd in self.open and (event & ~select.EPOLLIN or self.is_over(fd)):
                self.drop(fd)

    def is_over(self, fd):
        if self.opening is READERS:
            return False
        try:
            return not self.open[fd][0].recv(4096)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def drop(self, fd):
        connection, _ = self.open.pop(fd)
        self.poller.unregister(connection)
        connection.close()
        self.closed += 1

    def close(self):
        for connection, _ in self.open.values():
            connection.close()
        self.poller.close()


READERS = [b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 1000] * 1000
OPENINGS = {
    "idle": [b""] * 1000,
    "heads": [b"GET / HTTP/1.1\r\nHost: h\r\n", *([b"A", b":", b"b", b"\r", b"\n"] * 1000)],
    "bodies": [b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"],
    "readers": READERS,
}


def flood(port, seconds):
    """One connection after the other in a thread of its own, and pipelined requests on the others."""
    end = time.monotonic() + seconds
    block = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 64
    while time.monotonic() < end:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            for _ in range(200):
                connection.sendall(block)
                left = 64
                while left > 0:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    left -= piece.count(b"HTTP/1.1 200")


def attack(name, server, arguments):
    before = memory(server)
    probe = Probe(server.port)
    probe.start()
    peak, closed = before, 0
    if name == "flood":
        threads = [threading.Thread(target=flood, args=(server.port, arguments.seconds), daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            peak = max(peak, memory(server))
            time.sleep(0.25)
        count = len(threads)
    else:
        number = arguments.connections // (10 if name == "readers" else 1)
        attackers = Attackers(server.port, number, OPENINGS[name])
        end = time.monotonic() + arguments.seconds
        while time.monotonic() < end:
            began = time.monotonic()
            attackers.step()
            peak = max(peak, memory(server))
            time.sleep(max(0, 1 - (time.monotonic() - began)) if len(attackers.open) == attackers.count else 0.02)
        count, closed = len(attackers.open), attackers.closed
        attackers.close()
    probe.over.set()
    probe.join()
    server.require_alive()
    if probe.failures:
        raise BenchError(f"{name}: {len(probe.failures)} of {len(probe.times)} probes failed: {probe.failures[0]}")
    return count, closed, probe.times, before, peak


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--servers", metavar="PATH", default=str(WEB), help="the program (default: bench/Web/.build/release/WebServers)")
    add("--attack", metavar="NAME,…", default=",".join(ATTACKS), help=f"{', '.join(ATTACKS)} (default: all)")
    add("--connections", metavar="N", type=int, default=10_000, 
        help="of each attack, a tenth of them for readers (default: 10,000)")
    add("--seconds", metavar="N", type=float, default=20, help="how long each attack lasts (default: 20)")
    add_core_options(parser)
    return parser.parse_args()


def run(arguments):
    check_cores(arguments)
    wanted = arguments.attack.split(",")
    if not set(wanted) <= set(ATTACKS):
        raise BenchError(f"--attack: choose from {', '.join(ATTACKS)}.")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < arguments.connections + 200:
        raise BenchError(f"{arguments.connections} connections need as many descriptors; the limit is {hard}.")
    print_heading(datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
                  shlex.join(["attacks.py", *sys.argv[1:]]), describe_machine())
    rows, slow = [], False
    for backend in ("epoll", "libevent"):
        for name in wanted:
            with Server(WebServer(arguments.servers, "handler", backend), arguments.server_core) as server:
                os.sched_setaffinity(0, {arguments.client_core})
                print(f"… {backend}: {ATTACKS[name]}", file=sys.stderr, flush=True)
                count, closed, times, before, peak = attack(name, server, arguments)
            slow |= max(times) > PATIENCE
            rows.append((f"{backend}: {name}", f"{count:,}", f"{closed:,}", f"{len(times)}", f"{max(times) * 1000:.0f}",
                         f"{before / 2**20:.1f}", f"{peak / 2**20:.1f}",
                         f"{(peak - before) / max(count, 1) / 1024:.1f}"))
    headings = ["attack", "open at the end", "closed by the server", "probes", "slowest ms", "MiB before", "MiB peak",
                "KiB each"]
    print(f"\n{table(headings, rows)}")
    if slow:
        raise BenchError(f"a probe took longer than {PATIENCE:.0f} s")


if __name__ == "__main__":
    run_script("attacks.py", lambda: run(parse_arguments()))
