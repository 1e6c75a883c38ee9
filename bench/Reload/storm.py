#!/usr/bin/env python3
"""Reloads a service again and again under load, kills what can be killed, and counts what clients noticed.

    swift build -c release --product Examples
    swift build -c release --product apus
    bench/Reload/storm.py
    bench/Reload/storm.py --parts secure --seconds 10 --reloads 30 --only apus-epoll

Needs Linux, Python 3, wrk, openssl, and nginx for the comparison. Listens on 127.0.0.1 only, on ports the kernel hands
out, and stops every process it started. Ends with status 1 when a reload of Apus costs a request, or cuts a WebSocket.
See bench/README.md.
"""
import argparse
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # the folder holds sources only
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RELEASE = os.path.join(ROOT, ".build", "release")
sys.path.insert(0, os.path.join(ROOT, "bench", "EndToEnd"))

from echoes import Echoes  # noqa: E402
from preparations import make_certificate  # noqa: E402


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return None


def is_running(pid):
    return state(pid) not in (None, "Z", "X")


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def listening_sockets(port):
    with open("/proc/net/tcp") as file:
        return sum(1 for line in file if f":{port:04X} " in line and line.split()[3] == "0A")


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.002)
    print(f"  not within {seconds} s: {what}", file=sys.stderr)
    return False


class Apus:
    """Two workers of HTTP; or of each of HTTPS and WebSocket, plain and over TLS."""

    path = "/"

    def __init__(self, folder, backend, program, certificate=None):
        self.name = f"apus-{backend}"
        self.folder = folder
        self.port = free_port()
        self.pid_file = os.path.join(folder, "pid")
        self.log = os.path.join(folder, "log")
        self.program = program
        self.options = ["--count", "2", "--backend", backend, "--pid-file", self.pid_file, "--log-file", self.log]
        self.websockets, self.workers = [], 2
        if certificate:
            self.url, self.workers = f"https://127.0.0.1:{self.port}/", 6
            self.websockets = [(free_port(), False), (free_port(), True)]
            self.options += ["--https", f"127.0.0.1:{self.port}", "--cert", certificate[0], "--key", certificate[1]]
            for port, tls in self.websockets:
                self.options += ["--wss" if tls else "--websocket", f"127.0.0.1:{port}"]
        else:
            self.url = f"http://127.0.0.1:{self.port}/"
            self.options += ["--http", f"127.0.0.1:{self.port}"]

    def run(self, *command):
        return subprocess.run([self.program, "AllProtocols", *command, *self.options], capture_output=True, text=True)

    def start(self):
        outcome = self.run("start", "-d")
        if outcome.returncode != 0:
            raise SystemExit(f"{self.name} does not start: {outcome.stdout}{outcome.stderr}")
        with open(self.pid_file) as file:
            self.master = int(file.read())

    def reload(self):
        os.kill(self.master, signal.SIGUSR1)

    def reloads_done(self):
        with open(self.log) as file:
            return sum(1 for line in file if line.rstrip().endswith("reloaded"))

    def stop(self):
        self.run("stop")


class Nginx:
    """nginx speaks no WebSocket; it passes that on to an Apus that is not reloaded."""

    name = "nginx"
    path = "/websocket"
    workers = 2

    def __init__(self, folder, certificate=None, upstream=None):
        self.folder = folder
        self.port = free_port()
        self.pid_file = os.path.join(folder, "nginx.pid")
        self.configuration = os.path.join(folder, "nginx.conf")
        self.url, self.websockets = f"http://127.0.0.1:{self.port}/", []
        listen, websocket = f"listen 127.0.0.1:{self.port} backlog=65535", ""
        if certificate:
            self.url, self.websockets = f"https://127.0.0.1:{self.port}/", [(free_port(), False), (self.port, True)]
            listen += (f" ssl; listen 127.0.0.1:{self.websockets[0][0]} backlog=65535; "
                       f"ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]}")
            websocket = f"""location /websocket {{ proxy_pass http://127.0.0.1:{upstream}/; proxy_http_version 1.1;
                proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }}"""
        with open(self.configuration, "w") as file:
            file.write(f"""
                worker_processes 2; pid {self.pid_file}; error_log {folder}/error.log;
                events {{ worker_connections 4096; }}
                http {{ access_log off; keepalive_requests 1000000000;
                    server {{ {listen};
                        {websocket}
                        location / {{ default_type text/plain; return 200 "Hello, World!"; }} }} }}""")

    def start(self):
        outcome = subprocess.run(["nginx", "-c", self.configuration], capture_output=True, text=True)
        if outcome.returncode != 0:
            raise SystemExit(f"nginx does not start: {outcome.stderr}")
        wait_until(lambda: os.path.exists(self.pid_file) and os.path.getsize(self.pid_file) > 0, 5, "pid file")
        with open(self.pid_file) as file:
            self.master = int(file.read())

    def reload(self):
        os.kill(self.master, signal.SIGHUP)

    def reloads_done(self):
        return None

    def stop(self):
        subprocess.run(["nginx", "-c", self.configuration, "-s", "stop"], capture_output=True)


def wrk(server, seconds, keep_alive):
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "--timeout", "10s"]
    if not keep_alive:
        command += ["-H", "Connection: close"]
    return subprocess.Popen([*command, server.url], stdout=subprocess.PIPE, text=True)


def wrk_result(process):
    text = process.communicate()[0]
    requests = int(re.search(r"(\d+) requests in", text).group(1))
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    failed = sum(map(int, errors.groups())) if errors else 0
    return requests, failed + (int(other.group(1)) if other else 0)


def apus_load(tool, server, seconds, keep_alive):
    command = [tool, "load", "--insecure", "-q", "-c", "16", "-d", f"{seconds}s", "--timeout", "10s", "--json"]
    if not keep_alive:
        command.append("--no-keepalive")
    return subprocess.Popen([*command, server.url], stdout=subprocess.PIPE, text=True)


def apus_load_result(process):
    report = json.loads(process.communicate()[0])
    others = sum(count for kind, count in report["status"].items() if kind != "2xx")
    return report["requests"], report["errors"]["total"] + others


def reload_until(end, server, arguments, kills):
    """How many reloads were asked for, and how many workers were killed."""
    start = time.monotonic()
    signals = killed = 0
    while (now := time.monotonic() - start) < end:
        if signals < arguments.reloads and now >= signals * (arguments.seconds - 1) / arguments.reloads:
            server.reload()
            signals += 1
        if kills and now >= killed + 1:
            workers = children(server.master)
            try:
                os.kill(random.choice(workers), signal.SIGKILL)
                killed += 1
            except (IndexError, ProcessLookupError):
                pass  # It had just ended by itself.
        time.sleep(0.01)
    return signals, killed


def is_whole(server):
    return len(children(server.master)) == server.workers


def storm(server, tool, arguments, kills):
    """Reloads under wrk and apus load, one keeping its connections, the other not, and the other way round.

    What Apus must not do, in words."""
    problems = []
    for wrk_keeps in (True, False):
        wait_until(lambda: is_whole(server), 40, "all workers before")
        before = (descriptors(server.master), max(map(descriptors, children(server.master))))
        done = server.reloads_done() or 0
        seconds = arguments.seconds
        echoes = Echoes(server.websockets, server.path, arguments.echoes) if server.websockets else None
        loads = [("wrk", wrk(server, seconds, wrk_keeps), wrk_result, wrk_keeps),
                 ("apus load", apus_load(tool, server, seconds, not wrk_keeps), apus_load_result, not wrk_keeps)]
        signals, killed = reload_until(seconds - 0.5, server, arguments, kills)
        for name, process, result, keeps in loads:
            requests, failed = result(process)
            print(f"  {server.name:14} {name:10} {'keep-alive' if keeps else 'new connections':15} "
                  f"{requests:9} requests  {failed:6} failed")
            if failed:
                problems.append(f"{server.name}: {failed} requests of {name} failed")
        if echoes:
            problems += judge_echoes(server, echoes)
        settled = wait_until(lambda: is_whole(server), 40, "all workers after")
        after = (descriptors(server.master), max(map(descriptors, children(server.master)), default=0))
        finished = "" if server.reloads_done() is None else f", {server.reloads_done() - done} finished"
        print(f"  {server.name:14} {signals} reloads asked for{finished}; {killed} killed; "
              f"descriptors of master and worker {before} -> {after}; "
              f"listening sockets {listening_sockets(server.port)}; {'settled' if settled else 'NOT SETTLED'}",
              flush=True)
        if not settled:
            problems.append(f"{server.name}: {len(children(server.master))} workers instead of {server.workers}")
    return [] if kills or server.name == "nginx" else problems


def judge_echoes(server, echoes):
    workers = len(children(server.master))
    try:
        figures = echoes.end()
    finally:
        echoes.abandon()
    told = ", ".join(f"{number:,} {what}" for what, number in sorted(figures.items()))
    print(f"  {server.name:14} WebSocket: {told}; {workers} workers before these left")
    bad = [what for what in figures if what not in ("opened", "echoes", "told 1001", "left by themselves")]
    if "echoes" not in figures:
        bad.append("no echo")
    return [f"{server.name}: WebSocket: {figures.get(what, '')} {what}" for what in bad]


def idle_connections(server):
    """Connections that were served one request and wait while the service reloads."""
    connections = []
    for _ in range(300):
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        client.recv(4096)
        connections.append(client)
    for _ in range(5):
        server.reload()
        time.sleep(0.5)
    failed = closed = 0
    for client in connections:
        client.settimeout(5)
        try:
            client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            if not client.recv(4096):
                closed += 1
        except OSError:
            closed += 1
        client.close()
    print(f"  {server.name:14} 300 idle keep-alive connections and 5 reloads: {closed} were closed by the server")


def straddle(server):
    """Requests whose answer takes three seconds, asked before a reload."""
    answers = []

    def ask(delay):
        time.sleep(delay)
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            client.settimeout(10)
            data = b""
            while b"Hello, World!" not in data:
                piece = client.recv(4096)
                if not piece:
                    break
                data += piece
            answers.append(data.startswith(b"HTTP/1.1 200") and data.endswith(b"Hello, World!"))

    threads = [threading.Thread(target=ask, args=(i * 0.05,)) for i in range(60)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(1)
        server.reload()
    for thread in threads:
        thread.join()
    print(f"  {server.name:14} requests of 3 s over 3 reloads: {sum(answers)} of {len(threads)} answered")


def respawn(server):
    times = []
    for _ in range(4):
        wait_until(lambda: len(children(server.master)) == 2, 10, "two workers")
        victim = children(server.master)[0]
        start = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in children(server.master) and len(children(server.master)) == 2, 10, "respawn")
        times.append(time.monotonic() - start)
        time.sleep(3)  # Several deaths in ten seconds would make the next start wait.
    print(f"  {server.name:14} respawn after kill -9: {max(times) * 1000:.0f} ms at most")


def orphans(server):
    workers = children(server.master)
    os.kill(server.master, signal.SIGKILL)
    start = time.monotonic()
    deadline = start + 5
    while time.monotonic() < deadline and any(map(is_running, workers)):
        time.sleep(0.002)
    left = [pid for pid in workers if is_running(pid)]
    if left:
        print(f"  {server.name:14} master killed -9: {len(left)} of {len(workers)} workers still run after 5 s")
    else:
        print(f"  {server.name:14} master killed -9: workers gone after {time.monotonic() - start:.2f} s")
    try:
        server.start()
        print(f"  {server.name:14} start works again")
    except SystemExit as failure:
        print(f"  {server.name:14} start fails: {str(failure).splitlines()[0][:110]}")
    for pid in left:
        os.kill(pid, signal.SIGKILL)


def secure_storm(name, arguments):
    """HTTPS, and WebSocket over both. What Apus must not do, in words."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as beside:
        os.chmod(folder, 0o755)
        certificate, upstream = make_certificate(), None
        if name == "nginx":
            upstream = Apus(beside, "epoll", arguments.program, certificate)
            server = Nginx(folder, certificate, upstream.websockets[0][0])
        else:
            server = Apus(folder, name.split("-")[1], arguments.program, certificate)
        try:
            if upstream:
                upstream.start()
            server.start()
            print(f"{name}: {arguments.reloads} reloads in {arguments.seconds} s, over TLS and with WebSocket clients",
                  flush=True)
            return storm(server, arguments.tool, arguments, kills=False)
        finally:
            server.stop()
            if upstream:
                upstream.stop()


def plain_parts(name, arguments, parts):
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        server = Nginx(folder) if name == "nginx" else Apus(folder, name.split("-")[1], arguments.program)
        server.start()
        try:
            if "http" in parts:
                print(f"{name}: {arguments.reloads} reloads in {arguments.seconds} s", flush=True)
                problems = storm(server, arguments.tool, arguments, kills=False)
            if "kills" in parts:
                print(f"{name}: the same, and a worker killed -9 each second", flush=True)
                storm(server, arguments.tool, arguments, kills=True)
            if "rest" in parts:
                print(f"{name}: the rest", flush=True)
                idle_connections(server)
                if name != "nginx":
                    straddle(server)
                respawn(server)
                orphans(server)
        finally:
            server.stop()
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--echoes", type=int, default=12, help="WebSocket clients, plain and over TLS (12 each)")
    parser.add_argument("--only", default="apus-epoll,apus-libevent,nginx")
    parser.add_argument("--parts", default="http,secure,kills,rest")
    parser.add_argument("--program", default=os.path.join(RELEASE, "Examples"))
    parser.add_argument("--tool", default=os.path.join(RELEASE, "apus"))
    arguments = parser.parse_args()
    parts, problems = arguments.parts.split(","), []
    for name in arguments.only.split(","):
        if "secure" in parts:
            problems += secure_storm(name, arguments)
        if set(parts) - {"secure"}:
            problems += plain_parts(name, arguments, parts)
    if problems:
        sys.exit("\n".join(["storm.py:", *problems]))


if __name__ == "__main__":
    main()
