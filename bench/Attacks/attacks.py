#!/usr/bin/env python3
"""Attacks a server in the ways that cost an attacker little, and looks whether it still answers others.

See ../README.md.

    swift build -c release --product Examples
    swift build -c release --package-path bench/Web
    bench/Attacks/attacks.py                             each attack for 20 s, both backends and nginx
    bench/Attacks/attacks.py --seconds 60                as long as their bounds are meant for
    bench/Attacks/attacks.py --seconds 5 --connections 1000 --attack heads --only apus-epoll

Ends with status 1 when Apus breaks a bound.
"""

import argparse
import datetime
import os
import resource
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "EndToEnd"))

from crowds import Crowd  # noqa: E402
from noise import greet, make_noise  # noqa: E402
from preparations import (EXAMPLES, add_core_options, check_cores, compile_c, describe_machine,  # noqa: E402
                          make_certificate, print_heading)
from probes import Probe  # noqa: E402
from report import table  # noqa: E402
from servers import Apus, BenchError, Nginx, Server, free_port, run_script  # noqa: E402
from web import WEB, WebServer  # noqa: E402

KIB, MIB = 1024, 1024 * 1024
LARGE = 50_000_000
HELD, STALLED, FLOOD = (16 * KIB, "each"), (MIB, "each"), (64 * MIB, "in all")
ATTACKS = {  # what it is, and what memory may grow by
    "silent": ("connections that say nothing", HELD),
    "kept": ("connections that were answered and say nothing more", HELD),
    "heads": ("heads that arrive a byte a second", HELD),
    "bodies": ("bodies that arrive a byte a second", HELD),
    "cut": ("200 heads that arrive a byte a second, until they are cut", FLOOD),
    "pipelines": ("pipelined requests by clients that read no answer", FLOOD),
    "file": ("50 who ask for a file of 50 MB and read nothing", STALLED),
    "memory": ("50 who ask for 50 MB that are in memory and read nothing", STALLED),
    "pieces": ("50 who ask for 50 MB that are made in pieces and read nothing", STALLED),
    "flood": ("requests as fast as one core makes them", FLOOD),
    "resets": ("connections that are reset, 10,000 a second", FLOOD),
    "noise": ("random bytes on every port", FLOOD),
}
NOT_NGINX = {"memory", "pieces"}
PORTS = ("http", "https", "tcp", "text", "frame", "udp", "websocket", "wss")
SERVERS = ("apus-epoll", "apus-libevent", "nginx")
PATIENCE = 0.5  # seconds within which everybody else is to be answered
CUT = 75.0  # seconds within which a head is cut that does not end
RESETS = 10_000  # a second


class WebFiles(WebServer):
    """The server of bench/Web, with a file to hand out."""

    def __init__(self, prefix, backend, file):
        super().__init__(prefix, "handler", backend)
        self.name, self.file = f"apus-{backend}", file

    def command(self, port, directory, single_process):
        self.addresses = {"http": port}
        return [*super().command(port, directory, single_process), "--file", self.file]


class AllPorts(Apus):
    """`AllProtocols` with everything that it speaks; raw TCP is spoken over a Unix socket."""

    def command(self, port, directory, single_process):
        self.addresses = {**{kind: free_port() for kind in PORTS}, "http": port, "tcp": f"{directory}/socket"}
        command = self.prefix + ["AllProtocols", "start", "--backend", self.backend, "--count", "1"]
        command += ["--cert", self.certificate[0], "--key", self.certificate[1]]
        for kind, address in self.addresses.items():
            command += [f"--{kind}", f"unix:{address}" if isinstance(address, str) else f"127.0.0.1:{address}"]
        return [*command, "--pid-file", f"{directory}/pid", "--log-file", f"{directory}/log"]


class PlainNginx(Nginx):
    """nginx with the time-outs and limits that it has by itself."""

    CONFIGURATION = """
daemon off; worker_processes 1; worker_rlimit_nofile {descriptors}; pid {directory}/pid; error_log {directory}/log crit;
events {{ worker_connections {connections}; }}
http {{
    access_log off; sendfile on; default_type text/plain;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096; listen 127.0.0.1:{tls} ssl backlog=4096;
        ssl_certificate {certificate}; ssl_certificate_key {key};
        location / {{ return 200 "Hello, World!"; }}
        location = /large/file {{ alias {file}; }}
        # What is passed on is received first: nobody has to be there for bodies that never end.
        location = /body {{ proxy_pass http://127.0.0.1:9; }}
    }}
}}
"""

    def __init__(self, descriptors, certificate, file):
        super().__init__(descriptors)
        self.certificate, self.file = certificate, file

    def command(self, port, directory, single_process):
        self.addresses = {"http": port, "https": free_port()}
        path = Path(directory, "nginx.conf")
        path.write_text(self.CONFIGURATION.format(
            directory=directory, port=port, tls=self.addresses["https"], file=self.file, descriptors=self.descriptors,
            connections=self.descriptors - 100, certificate=self.certificate[0], key=self.certificate[1]))
        return [self.binary, "-p", str(directory), "-e", f"{directory}/log", "-c", str(path)]


def memory(pids):
    """Resident bytes of processes."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
        except OSError:
            pass
    return total


def fetch(port, request):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        while connection.recv(MIB):
            pass


def flood(port, seconds):
    """Pipelined requests on one connection after the other."""
    end = time.monotonic() + seconds
    block = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 64
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                flood_one(connection, block, end)
        except OSError:
            pass  # the probe tells whether it answers


def flood_one(connection, block, end):
    for _ in range(200):
        if time.monotonic() >= end:
            return
        connection.sendall(block)
        left = 64
        while left > 0:
            piece = connection.recv(65536)
            if not piece:
                return
            left -= piece.count(b"HTTP/1.1 200")


class Attack:
    """One attack on one server, and what came of it."""

    def __init__(self, name, server, arguments, helper):
        self.name, self.server, self.arguments, self.helper = name, server, arguments, helper
        self.pids = server.pids()
        if name == "memory":
            # There are such bytes before anybody asks for them.
            fetch(server.port, b"GET /large/memory HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        self.before = self.peak = memory(self.pids)
        self.looked = 0.0
        self.count, self.closed, self.remark, self.problems = 0, 0, "", []

    def watch(self):
        if time.monotonic() - self.looked > 0.1:
            self.peak = max(self.peak, memory(self.pids))
            self.looked = time.monotonic()

    def run(self, control):
        # Where processes of the server compete with one another, waiting for a processor is its own affair.
        pids = [] if self.name == "noise" else self.pids
        probe = Probe(self.server.port, control.port, pids, self.arguments.client_core)
        try:
            getattr(self, f"run_{self.name}", self.run_crowd)()
            self.answers = probe.end()
        finally:
            probe.abandon()
        self.server.require_alive()
        if sorted(self.server.pids()) != sorted(self.pids):
            self.problems.append("a process was replaced")
        self.problems += filter(None, (greet(*port) for port in self.server.target.addresses.items()))
        self.judge()

    def run_crowd(self, seconds=None, count=None):
        arguments = self.arguments
        counts = {"pipelines": arguments.connections // 10, "file": 50, "memory": 50, "pieces": 50}
        crowd = Crowd(self.server.port, count or counts.get(self.name, arguments.connections), self.name)
        try:
            crowd.run(seconds or arguments.seconds, self.watch)
        finally:
            crowd.close()
        self.count, self.closed = len(crowd.open) or crowd.made, len(crowd.lifetimes)
        return crowd

    def run_cut(self):
        crowd = self.run_crowd(CUT + 10, 200)
        if crowd.lifetimes:
            self.remark = (f"cut after {min(crowd.lifetimes):.0f} to {max(crowd.lifetimes):.0f} s, "
                           f"{statistics.median(crowd.lifetimes):.0f} s mostly")
        if self.closed < crowd.made or max(crowd.lifetimes) > CUT:
            self.problems.append(f"{crowd.made - self.closed} heads not cut within {CUT:.0f} s")

    def run_flood(self):
        self.count = 4
        threads = [threading.Thread(target=flood, args=(self.server.port, self.arguments.seconds), daemon=True)
                   for _ in range(self.count)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.watch()
            time.sleep(0.1)

    def run_resets(self):
        seconds = min(10, self.arguments.seconds)
        process = subprocess.Popen([self.helper, str(self.server.port), str(RESETS), str(seconds)],
                                   stdout=subprocess.PIPE, text=True)
        try:
            while process.poll() is None:
                self.watch()
                time.sleep(0.05)
        finally:
            process.kill()
        if process.returncode != 0:
            raise BenchError("resets ended too early")
        begun, established, took = process.stdout.read().split()
        self.count = int(begun)
        self.remark = f"{int(begun) / float(took):,.0f} a second, {int(established):,} established"

    def run_noise(self):
        self.count, said, refused = make_noise(self.server.target.addresses, self.arguments.client_core,
                                               self.arguments.seconds, self.watch)
        self.remark = f"{said / 1e6:,.0f} MB on {len(self.server.target.addresses)} ports, {refused:,} refused"

    def growth(self):
        return self.peak - self.before

    def each(self):
        return self.growth() / max(self.count, 1)

    def judge(self):
        bound, of = ATTACKS[self.name][1]
        if (self.each() if of == "each" else self.growth()) > bound:
            self.problems.append(f"memory grew by more than {bound // KIB:,} KiB {of}")
        if self.answers.failures:
            self.problems.append(f"{len(self.answers.failures)} probes failed: {self.answers.failures[0]}")
        if self.answers.own > PATIENCE:
            self.problems.append(f"a probe took longer than {PATIENCE * 1000:.0f} ms")
        if self.answers.count == 0:
            self.problems.append("no probe")

    def row(self, who):
        each = f"{self.each() / KIB:.1f}" if ATTACKS[self.name][1][1] == "each" else ""
        answers = self.answers
        times = (answers.slowest, answers.control, answers.without, answers.own)
        times = [f"{seconds * 1000:.0f}" for seconds in times]
        return (f"{self.name}: {who}", f"{self.count:,}", f"{self.closed:,}", answers.count, *times,
                f"{self.before / MIB:.1f}", f"{self.growth() / MIB:.1f}", each, "broken" if self.problems else "kept")


HEADINGS = ["attack", "number", "closed by it", "probes", "slowest ms", "idle server", "no processor", "its own",
            "MiB before", "growth", "KiB each", "bounds"]


def target(who, name, arguments, certificate, file):
    if who == "nginx":
        return PlainNginx(resource.getrlimit(resource.RLIMIT_NOFILE)[0], certificate, file)
    backend = who.removeprefix("apus-")
    if name != "noise":
        return WebFiles(arguments.servers, backend, file)
    server = AllPorts(arguments.apus, backend)
    server.certificate = certificate
    return server


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--servers", metavar="PATH", default=str(WEB), help="(default: bench/Web/.build/release/WebServers)")
    add("--apus", metavar="PATH", default=str(EXAMPLES), help="for noise (default: .build/release/Examples)")
    add("--attack", metavar="NAME,…", default=",".join(ATTACKS), help=f"{', '.join(ATTACKS)} (default: all)")
    add("--only", metavar="NAME,…", default=",".join(SERVERS), help=f"{', '.join(SERVERS)} (default: all)")
    add("--connections", metavar="N", type=int, default=10_000,
        help="that are held, a tenth of them for pipelines (default: 10,000)")
    add("--seconds", metavar="N", type=float, default=20,
        help="how long each attack lasts; resets at most 10, cut until all are cut (default: 20)")
    add_core_options(parser)
    return parser.parse_args()


def check(arguments):
    check_cores(arguments)
    for option, chosen, known in (("--attack", arguments.attack, ATTACKS), ("--only", arguments.only, SERVERS)):
        if not set(chosen.split(",")) <= set(known):
            raise BenchError(f"{option}: choose from {', '.join(known)}.")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < arguments.connections + 200:
        raise BenchError(f"{arguments.connections} connections need as many descriptors; the limit is {hard}.")


def run_all(arguments, certificate, file, helper):
    """Rows of all attacks, remarks, and what Apus broke."""
    rows, remarks, broken = [], [], []
    for name in arguments.attack.split(","):
        for who in arguments.only.split(","):
            if who == "nginx" and name in NOT_NGINX:
                continue
            print(f"… {who}: {ATTACKS[name][0]}", file=sys.stderr, flush=True)
            targets = (target(who, name, arguments, certificate, file) for _ in range(2))
            with (Server(next(targets), arguments.server_core) as server,
                  Server(next(targets), arguments.server_core) as control):
                os.sched_setaffinity(0, {arguments.client_core})
                attack = Attack(name, server, arguments, helper)
                attack.run(control)
            rows.append(attack.row(who))
            remarks += [f"{name}, {who}: {remark}" for remark in (attack.remark, *attack.problems) if remark]
            if who != "nginx":
                broken += [f"{name}, {who}: {problem}" for problem in attack.problems]
    return rows, remarks, broken


def run(arguments):
    check(arguments)
    print_heading(datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
                  shlex.join(["attacks.py", *sys.argv[1:]]), describe_machine())
    helper = compile_c(Path(__file__).with_name("resets.c"), "resets")
    with tempfile.NamedTemporaryFile(prefix="apus-attacks-") as file:
        file.truncate(LARGE)
        os.chmod(file.name, 0o644)  # nginx gives up its privileges
        rows, remarks, broken = run_all(arguments, make_certificate(), file.name, helper)
    print("\n".join(["", table(HEADINGS, rows), "", *remarks]), f"load {os.getloadavg()[0]:.0f} at the end", sep="\n")
    if broken:
        raise BenchError("\n" + "\n".join(broken))


if __name__ == "__main__":
    run_script("attacks.py", lambda: run(parse_arguments()))
