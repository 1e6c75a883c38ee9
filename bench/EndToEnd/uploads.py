#!/usr/bin/env python3
"""Measures what a large upload costs the server that writes it to a file, beside nginx. See ../README.md.

    swift build -c release --package-path bench/Web
    bench/EndToEnd/uploads.py                             2 GB, 3 rounds
    bench/EndToEnd/uploads.py --bytes 200000000 --rounds 5

Apus takes a multipart form and a body as it is, nginx a body as it is (PUT of its DAV module). Files go to /dev/shm, so
that no disk is measured.
"""

import argparse
import datetime
import os
import shlex
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only

from preparations import add_core_options, check_cores, describe_machine, print_heading  # noqa: E402
from report import table  # noqa: E402
from servers import BenchError, Server, Target, run_script  # noqa: E402
from web import WEB, WebServer  # noqa: E402

BLOCK = os.urandom(1 << 20)
HEAD = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.bin"\r\n\r\n'
TAIL = b"\r\n--b--\r\n"


class ApusUploads(WebServer):
    def __init__(self, prefix, backend, folder):
        super().__init__(prefix, "handler", backend)
        self.name, self.folder = f"apus-{backend}", folder

    def command(self, port, directory, single_process):
        return super().command(port, directory, single_process) + ["--temporary", self.folder]


class NginxUploads(Target):
    name = "nginx"

    def __init__(self, folder):
        self.folder = folder
        self.binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

    def check(self):
        if not self.binary:
            raise BenchError("nginx is not installed.")

    def command(self, port, directory, single_process):
        temporary = " ".join(f"{what}_temp_path {self.folder}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        Path(directory, "nginx.conf").write_text(f"""
            daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/log warn; events {{ }}
            http {{
                access_log off; {temporary} client_max_body_size 0; client_body_buffer_size 64k;
                server {{
                    listen 127.0.0.1:{port}; root {self.folder};
                    location = / {{ return 200 "x"; }}
                    location /put/ {{ dav_methods PUT; create_full_put_path on; }}
                }}
            }}""")
        return [self.binary, "-p", directory, "-e", f"{directory}/log", "-c", f"{directory}/nginx.conf"]


def upload(server, line, fields, head, tail, count):
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        length = len(head) + count + len(tail)
        connection.sendall(f"{line} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n{fields}\r\n".encode() + head)
        left = count
        while left > 0:
            connection.sendall(BLOCK[: min(left, len(BLOCK))])
            left -= min(left, len(BLOCK))
        connection.sendall(tail)
        answer = connection.recv(4096)
        if answer[9:10] != b"2":
            raise server.complaint(f"answered {answer!r}")


class Watch(threading.Thread):
    """The most memory that is the server's own; pages of files it maps or shares are not."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.over, self.peak = server, threading.Event(), 0

    def run(self):
        while not self.over.wait(0.02):
            total = 0
            for pid in self.server.pids():
                try:
                    total += sum(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("RssAnon"))
                except OSError:
                    pass
            self.peak = max(self.peak, total)


def take_turn(server, way, count):
    watch = Watch(server)
    watch.start()
    spent, began = server.cpu_nanoseconds(), time.monotonic()
    upload(server, *way, count)
    result = ((server.cpu_nanoseconds() - spent) / 1e9 / (count / 1e9), (time.monotonic() - began) / (count / 1e9))
    watch.over.set()
    watch.join()
    return (*result, watch.peak / 1024)


def run(arguments):
    check_cores(arguments)
    print_heading(datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
                  shlex.join(["uploads.py", *sys.argv[1:]]), describe_machine())
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="apus-bench-uploads-", dir="/dev/shm"))
        os.chmod(folder, 0o777)  # nginx gives up its privileges
        apus = {backend: stack.enter_context(Server(ApusUploads(arguments.servers, backend, folder), arguments.server_core))
                for backend in ("epoll", "libevent")}
        nginx = stack.enter_context(Server(NginxUploads(folder), arguments.server_core))
        form = ("POST /upload", "Content-Type: multipart/form-data; boundary=b\r\n", HEAD, TAIL)
        ways = [("nginx: PUT", nginx, ("PUT /put/x", "", b"", b""))]
        for backend, server in apus.items():
            ways += [(f"apus-{backend}: body", server, ("POST /save", "", b"", b"")),
                     (f"apus-{backend}: form", server, form)]
        os.sched_setaffinity(0, {arguments.client_core})
        turns = {name: [] for name, _, _ in ways}
        for number in range(arguments.rounds):
            print(f"… round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
            for name, server, way in ways:
                turns[name].append(take_turn(server, way, arguments.bytes))
    rows = []
    for name, each in turns.items():
        ratios = [mine[0] / other[0] for mine, other in zip(each, turns["nginx: PUT"])]
        rows.append((name, f"{statistics.median(turn[0] for turn in each):.3f}", f"{statistics.median(ratios):.3f}",
                     f"{min(ratios):.3f} – {max(ratios):.3f}", f"{statistics.median(turn[1] for turn in each):.2f}",
                     f"{max(turn[2] for turn in each):.1f}"))
    headings = ["server", "CPU s/GB", "× nginx", "min – max", "wall s/GB", "own MiB, most"]
    print(f"\n{arguments.bytes:,} bytes, {arguments.rounds} rounds\n\n{table(headings, rows)}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--servers", metavar="PATH", default=str(WEB), help="the program (default: bench/Web/.build/release/WebServers)")
    add("--bytes", metavar="N", type=int, default=2_000_000_000, help="bytes of the file (default: 2,000,000,000)")
    add("--rounds", metavar="N", type=int, default=3, help="turns of each (default: 3)")
    add_core_options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    run_script("uploads.py", lambda: run(parse_arguments()))
