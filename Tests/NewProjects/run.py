#!/usr/bin/env python3
"""Makes a package of each template of `apus new` and does with it what its user would: builds it with SwiftPM, runs its
tests, starts it, asks it something, reloads it while it is asked, and stops it. Says how long each step took.

    Tests/NewProjects/run.py                 all templates; some minutes each, since each builds Apus
    Tests/NewProjects/run.py http tcp        some of them
    Tests/NewProjects/run.py --keep FOLDER   the packages stay there

It needs what a user needs: Swift, and the packages that README.md names. GeneratedProjectTests does most of it without
building Apus again.
"""

import argparse
import json
import pathlib
import re
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TEMPLATES = ["http", "websocket", "tcp", "full"]


class Steps:
    """What was done, and how long it took."""

    def __init__(self):
        self.seconds = {}

    def run(self, name, action):
        start = time.monotonic()
        result = action()
        self.seconds[name] = time.monotonic() - start
        print(f"  {name:<12} {self.seconds[name]:7.1f} s", flush=True)
        return result


def command(words, folder=None, status=0):
    """Runs a command to its end, which must have that status, and returns what it says."""
    done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != status:
        raise SystemExit(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def ask(template, port):
    """One question that the template's README shows, over a connection of its own, and its answer."""
    if template == "tcp":
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(b"\0\x09+\0\0\0\2\0\0\0\3")
            answer = client.makefile("rb").read(7)
            assert answer == b"\0\5\0\0\0\0\5", answer
            return
    path, expected = {"http": ("/hello/Ann", b"Hello, Ann!"), "websocket": ("/", b"new WebSocket"),
                      "full": ("/visits", b'"visits":')}[template]
    # Straight to it, whatever proxies there are.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        body = answer.read()
        assert answer.status == 200 and expected in body, body


def workers(program):
    """The worker processes that run."""
    status = json.loads(command([program, "status", "--json"]))
    return {process["pid"] for process in status["processes"]}


def reload(template, program, port):
    """Every request that is made meanwhile has to be answered."""
    before = workers(program)
    command([program, "reload"])
    while workers(program) & before or len(workers(program)) < len(before):
        ask(template, port)


def check(template, tool, folder):
    name = f"my-{template}"
    package = folder / name
    steps = Steps()
    print(template, flush=True)
    steps.run("apus new", lambda: command([tool, "new", name, "--template", template, "--path", package]))
    steps.run("swift build", lambda: command(["swift", "build"], package))
    report = steps.run("swift test", lambda: command(["swift", "test"], package))
    # There is a summary of XCTest, too, which finds no tests.
    count = re.search(r"Test run with (\d+) tests.* passed", report)
    assert count and int(count[1]) > 5, report
    program = package / ".build" / "debug" / name
    banner = steps.run("start -d", lambda: command([program, "start", "-d", "--listen", "127.0.0.1:0"]))
    port = int(re.search(r"://127\.0\.0\.1:(\d+)", banner)[1])
    try:
        steps.run("a request", lambda: ask(template, port))
        steps.run("reload", lambda: reload(template, program, port))
    finally:
        steps.run("stop", lambda: command([program, "stop"]))
    command([program, "status"], status=1)
    # What it makes is the user's, and compiles without a remark.
    assert "warning:" not in report, report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("templates", nargs="*", metavar="TEMPLATE", help=", ".join(TEMPLATES))
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="where the packages are made, and stay")
    options = parser.parse_args()
    if unknown := set(options.templates) - set(TEMPLATES):
        parser.error(f"there is no template {', '.join(unknown)}")
    command(["swift", "build", "--product", "apus"], ROOT)
    tool = ROOT / ".build" / "debug" / "apus"
    with tempfile.TemporaryDirectory(prefix="apus-new-") as temporary:
        folder = (options.keep or pathlib.Path(temporary)).resolve()
        for template in options.templates or TEMPLATES:
            check(template, tool, folder)
    print("all is well")


if __name__ == "__main__":
    main()
