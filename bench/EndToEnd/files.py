#!/usr/bin/env python3
"""Measures what files cost the server that sends them, beside nginx with sendfile and open_file_cache.

See ../README.md.

    bench/EndToEnd/files.py                              1 GB once; 1 MiB and 1 KiB over and over; 7 rounds
    bench/EndToEnd/files.py --tls --bytes 200000000 --rounds 3 --scenario large --only apus-epoll,nginx
"""

import argparse
import datetime
import os
import shlex
import shutil
import socket
import ssl
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only

from measurements import Lane, Load, Scenario, Settings, run_scenario  # noqa: E402
from preparations import (EXAMPLES, TLS_FLAGS, add_core_options, check_cores, compile_c,  # noqa: E402
                          describe_machine, make_certificate, print_heading)
from report import scenario_table, table  # noqa: E402
from servers import BenchError, Server, Target, nginx_tls, run_script  # noqa: E402

NAME = "large.bin"
MEDIUM = ("medium.bin", 1024 * 1024)
REPEATED = {  # files that many connections ask for again and again, with a client that reads: name, size, connections
    "small": ("small.html", 1024, 64),
    "readers": (*MEDIUM, 16),
}
SCENARIOS = ("large", "medium", *REPEATED)
TICKS = os.sysconf("SC_CLK_TCK")


class FileServer(Target):
    """Serves the folder of the file."""

    def __init__(self, name, folder, tls):
        self.name, self.folder, self.tls = name, folder, tls

    def answers(self, port):
        try:
            with self._connect(port) as connection:
                connection.sendall(f"HEAD /{NAME} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
                return connection.recv(4096).startswith(b"HTTP/1.1 200")
        except OSError:
            return False


class ApusFiles(FileServer):
    def __init__(self, prefix, backend, folder, tls):
        super().__init__(f"apus-{backend}", folder, tls)
        self.prefix, self.backend = shlex.split(prefix), backend

    def check(self):
        if not self.prefix or not shutil.which(self.prefix[0]):
            raise BenchError(f"{self.name}: no program at '{shlex.join(self.prefix)}'; see --apus.")

    def command(self, port, directory, single_process):
        command = self.prefix + ["WebSite", "start", "--backend", self.backend, "--on", f"127.0.0.1:{port}"]
        command += ["--folder", self.folder] + (["--cert", self.tls[0], "--key", self.tls[1]] if self.tls else [])
        return command + ["--pid-file", f"{directory}/pid", "--log-file", f"{directory}/log"]


class NginxFiles(FileServer):
    def __init__(self, folder, tls):
        super().__init__("nginx", folder, tls)
        self.binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

    def check(self):
        if not self.binary:
            raise BenchError("nginx is not installed; leave it out of --only.")

    def command(self, port, directory, single_process):
        temporary = " ".join(f"{what}_temp_path {directory}/{what};"
                             for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        configuration = Path(directory, "nginx.conf")
        configuration.write_text(f"""
            daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/log warn; events {{ }}
            http {{
                access_log off; sendfile on; {temporary}
                open_file_cache max=1000 inactive=60s; open_file_cache_valid 1s;
                keepalive_requests 1000000000;
                server {{ listen 127.0.0.1:{port} {"ssl" if self.tls else ""}; {nginx_tls(self.tls)} root {self.folder}; }}
            }}""")
        return [self.binary, "-p", directory, "-e", f"{directory}/log", "-c", str(configuration)]


def parse_arguments():
    verbatim = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=verbatim)
    add = parser.add_argument
    add("--apus", metavar="PATH", default=str(EXAMPLES), help="the Examples program (default: .build/release/Examples)")
    add("--only", metavar="NAME,…", default="apus-epoll,apus-libevent,nginx", help="these servers only")
    add("--bytes", metavar="N", type=int, default=1_000_000_000, help="bytes of the file (default: 1,000,000,000)")
    add("--rounds", metavar="N", type=int, default=7, help="turns of each server (default: 7)")
    add("--scenario", metavar="NAME,…", default=",".join(SCENARIOS),
        help="large: --bytes once; medium: 1 MiB over and over; both on one connection, and dropped as it arrives. "
             "small, readers: 1 KiB for 64, 1 MiB for 16 connections that read (default: all)")
    add("--turn-seconds", metavar="N", type=float, default=1, help="seconds of a turn of all but large (default: 1)")
    add("--tls", action="store_true", help="over TLS")
    add_core_options(parser)
    return parser.parse_args()


def user_seconds(pid):
    """User time of a process, in the clock's ticks; 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(text[text.rindex(")") + 2:].split()[11]) / TICKS


def download(server, connection, name, count):
    """Fetches the file and drops it where it arrives: TCP can do that in the kernel."""
    connection.sendall(f"GET /{name} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    start = b""
    while b"\r\n\r\n" not in start:
        piece = connection.recv(4096)
        if not piece:
            raise server.complaint("closed before the head was complete")
        start += piece
    head, _, body = start.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200") or f"content-length: {count}".encode() not in head.lower():
        raise server.complaint(f"answered {head!r}")
    left, block = count - len(body), bytearray(262144)
    flags = () if isinstance(connection, ssl.SSLSocket) else (socket.MSG_TRUNC,)
    while left > 0:
        got = connection.recv_into(block, min(left, len(block)), *flags)
        if got == 0:
            raise server.complaint(f"closed with {left} bytes missing")
        left -= got


def take_turn(server, name, count, seconds):
    """Fetches the file at least once, and for so long; returns CPU, user and wall seconds for each GB."""
    server.require_alive()
    pids = server.pids()
    with server.target._connect(server.port) as connection:
        connection.settimeout(30)
        spent, user, began = server.cpu_nanoseconds(), sum(map(user_seconds, pids)), time.monotonic()
        gigabytes = 0
        while gigabytes == 0 or time.monotonic() - began < seconds:
            download(server, connection, name, count)
            gigabytes += count / 1e9
        wall = time.monotonic() - began
    return ((server.cpu_nanoseconds() - spent) / 1e9 / gigabytes, (sum(map(user_seconds, pids)) - user) / gigabytes,
            wall / gigabytes)


def make_file(path, count):
    with open(path, "wb") as file:
        block = os.urandom(min(count, 1_000_000))
        for start in range(0, count, len(block)):
            file.write(block[: count - start])
    old = time.time() - 60  # one that has just been changed may not be kept yet
    os.utime(path, (old, old))


def measure_downloads(name, count, seconds, servers, rounds):
    """Ratios are to nginx, or to the last server without it, in the same round."""
    turns = {server.name: [] for server in servers}
    for number in range(rounds):
        print(f"… round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for server in servers:
            turns[server.name].append(take_turn(server, name, count, seconds))
    reference = "nginx" if "nginx" in turns else servers[-1].name
    rows = []
    for server, each in turns.items():
        totals = [turn[0] for turn in each]
        ratios = [mine / other[0] for mine, other in zip(totals, turns[reference])]
        rows.append((server, f"{statistics.median(totals):.3f}", f"{min(totals):.3f} – {max(totals):.3f}",
                     f"{statistics.median(ratios):.3f}", f"{min(ratios):.3f} – {max(ratios):.3f}",
                     f"{statistics.mean(turn[1] for turn in each):.3f}",
                     f"{statistics.median(turn[2] for turn in each):.2f}"))
    headings = ["server", "CPU s/GB", "min – max", f"× {reference}", "min – max", "of it user", "wall s/GB"]
    print(f"\n{name}: {count:,} bytes, one connection, {rounds} rounds\n\n{table(headings, rows)}")


def measure_repeated(scenario, servers, arguments):
    """Ratios are to nginx, or to the first server without it."""
    name, _, connections = REPEATED[scenario]
    client = compile_c(Path(__file__).with_name("client.c"), "client-tls" if arguments.tls else "client",
                       *(TLS_FLAGS if arguments.tls else ()))
    settings = Settings(client, None, arguments.server_core, arguments.client_core, arguments.rounds,
                        arguments.turn_seconds, say=lambda text: print(f"… {text}", file=sys.stderr, flush=True))
    servers = sorted(servers, key=lambda server: server.name != "nginx")
    load = Load(connections, path=f"/{name}")
    lanes = tuple(Lane(server.name, server.name, load, servers[0].name) for server in servers)
    result = run_scenario(settings, {server.name: server for server in servers}, Scenario(scenario, load, lanes))
    if settings.problems:
        raise BenchError("\n".join(settings.problems))
    print(f"\n{scenario_table(result, scenario)}")


def run(arguments):
    check_cores(arguments)
    with ExitStack() as stack:
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="apus-bench-files-", dir=memory))
        os.chmod(folder, 0o755)  # nginx gives up its privileges
        scenarios = arguments.scenario.split(",")
        if not set(scenarios) <= set(SCENARIOS):
            raise BenchError(f"--scenario: choose from {', '.join(SCENARIOS)}.")
        make_file(f"{folder}/{NAME}", arguments.bytes if "large" in scenarios else 1)
        for name, size, _ in REPEATED.values():
            make_file(f"{folder}/{name}", size)
        tls = make_certificate() if arguments.tls else None
        known = {f"apus-{backend}": ApusFiles(arguments.apus, backend, folder, tls) for backend in ("epoll", "libevent")}
        known["nginx"] = NginxFiles(folder, tls)
        wanted = arguments.only.split(",")
        if not set(wanted) <= set(known):
            raise BenchError(f"--only: choose from {', '.join(known)}.")
        print_heading(datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
                      shlex.join(["files.py", *sys.argv[1:]]), describe_machine(nginx=[known["nginx"].binary, "-v"]))
        servers = [stack.enter_context(Server(known[name], arguments.server_core)) for name in wanted]
        os.sched_setaffinity(0, {arguments.client_core})
        for scenario in scenarios:
            if scenario == "large":
                measure_downloads(NAME, arguments.bytes, 0, servers, arguments.rounds)
            elif scenario == "medium":
                measure_downloads(*MEDIUM, arguments.turn_seconds, servers, arguments.rounds)
            else:
                measure_repeated(scenario, servers, arguments)


if __name__ == "__main__":
    run_script("files.py", lambda: run(parse_arguments()))
