#!/usr/bin/env python3
"""Runs the Autobahn WebSocket cases against Apus, as server and as client, over each backend, plain and TLS.

    Tests/Autobahn/run.py [--quick] [--role server|client] [--backend epoll|libevent] [--transport plain|tls]
        [--program PATH] [--cases 1.*,2.*]

Needs python3-venv: the cases come from PyPI, into ~/.cache/ws_autobahn. The program is the release build of `Examples`
unless `--program` names another. `--quick` leaves out the long cases (9, 12 and 13) and most combinations. A case that
passes with NON-STRICT fails here; 7.1.6, 7.13.1 and 7.13.2 are informational for everyone. It ends with status 0 when
every case of every combination has passed.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import pathlib
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # the folder holds sources only

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def certificate(folder):
    """A certificate for the loopback address, and its key."""
    paths = [os.path.join(folder, name) for name in ("cert.pem", "key.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "30", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]],
                   check=True, capture_output=True)
    return paths


@contextlib.contextmanager
def apus_server(program, backend, transport, folder):
    """An echo server; gives its address."""
    cert, key = certificate(folder)
    name = "websocket" if transport == "plain" else "wss"
    output = pathlib.Path(folder, "output")
    with open(output, "wb") as file:
        process = subprocess.Popen([program, "AllProtocols", "start", "--single-process", "--backend", backend,
                                    f"--{name}", "127.0.0.1:0", "--cert", cert, "--key", key,
                                    "--pid-file", os.path.join(folder, "pid"),
                                    "--log-file", os.path.join(folder, "log")],
                                   stdout=file, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 20
        while not (found := re.search(r"127\.0\.0\.1:(\d+)", output.read_text())):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the server does not start:\n{output.read_text()}")
            time.sleep(0.05)
        yield f"{'ws' if transport == 'plain' else 'wss'}://127.0.0.1:{found.group(1)}/"
        if process.poll() is not None:
            sys.exit(f"the server has ended with {process.returncode}")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


class TLSRelay:
    """Speaks TLS with a client and hands the bytes on: the suite's server is a plain one."""

    def __init__(self, port, cert, key):
        self.target = port
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        threading.Thread(target=self._run, args=(ready,), daemon=True).start()
        ready.wait(20)

    def _run(self, ready):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.context))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            return writer.close()
        await asyncio.gather(self._pump(reader, inner_writer), self._pump(inner_reader, writer))

    async def _pump(self, reader, writer):
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()


def free_port():
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def has_packages():
    """Whether the suite is there, or can be fetched."""
    python = os.path.join(os.path.expanduser("~/.cache/ws_autobahn"), "bin", "python")
    imports = "import autobahn, twisted, wsaccel"
    for interpreter in (sys.executable, python):
        if os.path.exists(interpreter) and \
                subprocess.run([interpreter, "-c", imports], stderr=subprocess.DEVNULL).returncode == 0:
            return True
    import ws_autobahn
    try:
        subprocess.run([sys.executable, "-m", "venv", os.path.dirname(os.path.dirname(python))], check=True)
        subprocess.run([python, "-m", "pip", "-q", "install", *ws_autobahn.PINS], check=True)
    except subprocess.CalledProcessError:
        return False
    return True


def run(arguments, role, backend, transport):
    """One combination; True when all has passed."""
    print(f"{role}, {backend}, {transport}:", flush=True)
    command = [sys.executable, str(HERE / "ws_autobahn.py"), "--mode", role, "--strict", "--quiet"]
    if arguments.cases:
        command += ["--cases", arguments.cases]
    elif arguments.quick:
        command += ["--exclude", "9.*,12.*,13.*"]
    with tempfile.TemporaryDirectory() as folder:
        if role == "server":
            with apus_server(arguments.program, backend, transport, folder) as url:
                return subprocess.run(command + ["--shards", "2", "--url", url]).returncode == 0
        port = free_port()
        address = f"ws://127.0.0.1:{port}"
        client = [arguments.program, "WebSocketEcho", "--backend", backend, "--to", address]
        if transport == "tls":
            cert, key = certificate(folder)
            client[-1] = f"wss://127.0.0.1:{TLSRelay(port, cert, key).port}"
            client += ["--authority", cert]
        # As soon as the suite's server listens.
        listens = f"until (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.05; done"
        waiting = f"exec bash -c '{listens}; exec {' '.join(client)} >/dev/null'"
        command += ["--url", address, "--client-cmd", waiting, "--client-timeout", "7200"]
        return subprocess.run(command).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--role", choices=["server", "client"])
    parser.add_argument("--backend", choices=["epoll", "libevent"])
    parser.add_argument("--transport", choices=["plain", "tls"])
    parser.add_argument("--program", default=str(ROOT / ".build/release/Examples"))
    parser.add_argument("--cases")
    arguments = parser.parse_args()
    if not os.path.exists(arguments.program):
        sys.exit(f"{arguments.program} is missing: swift build -c release --product Examples")
    if not has_packages():
        # Tests that need no network go on; whoever asks for this suite alone is told.
        print("Autobahn: skipped, since its packages cannot be fetched from PyPI", file=sys.stderr)
        sys.exit(0 if arguments.quick else 1)
    combinations = list(itertools.product(["server", "client"], ["epoll", "libevent"], ["plain", "tls"]))
    if arguments.quick:
        # Each role, each backend, each transport.
        combinations = [("server", "epoll", "plain"), ("server", "libevent", "tls"), ("client", "epoll", "tls"),
                        ("client", "libevent", "plain")]
    chosen = [each for each in combinations
              if all(wanted in (None, value) for wanted, value in
                     zip((arguments.role, arguments.backend, arguments.transport), each))]
    # Once more where something failed: the cases have deadlines, and a busy machine must not decide. As a server, the
    # suite's script repeats single cases itself.
    failed = [each for each in chosen if not run(arguments, *each) and not run(arguments, *each)]
    for each in failed:
        print("failed: " + ", ".join(each))
    sys.exit(1 if failed else 0)


main()
