#!/usr/bin/env python3
"""Holds thousands of clients of all protocols for a long time, and looks whether the server stays as it is.

    swift build -c release --product Examples
    bench/Soak/soak.py                                       600 s, 10,000 clients
    bench/Soak/soak.py --seconds 3600 --connections 15000 --backend libevent

A quarter warms up; half of the time is judged, without reloads; the last quarter has reloads. See ../README.md.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only
BENCH = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(BENCH / "EndToEnd"), str(BENCH / "Faults")]

from crowd import KINDS, run_crowd  # noqa: E402
from preparations import (EXAMPLES, compile_c, describe_machine, make_certificate,  # noqa: E402
                          print_heading, raise_descriptor_limit)
from processes import children, descriptors, is_running, kill, processes_of, resident, title, wait_until  # noqa: E402
from report import table  # noqa: E402
from servers import BenchError, cpu_nanoseconds, free_port, run_script  # noqa: E402
from trend import trend  # noqa: E402

GRAIN = 1024  # KiB that the memory of one program differs by, from one start of it to the next
PER_CROWD = 9000  # clients of one process, below what it may have of descriptors


class Soak:
    """`AllProtocols` with a worker for each protocol, and the crowds that use it."""

    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.ports = {kind: free_port() for kind in KINDS}
        certificate, key = make_certificate()
        self.command = [arguments.apus, "AllProtocols"]
        self.options = ["--backend", arguments.backend, "--count", str(arguments.workers), "--cert", certificate,
                        "--key", key, "--pid-file", f"{folder}/pid", "--log-file", f"{folder}/log"]
        self.options += [word for kind, port in self.ports.items() for word in (f"--{kind}", f"127.0.0.1:{port}")]
        self.log, self.pid_file, self.master = Path(folder, "log"), Path(folder, "pid"), 0
        self.certificate = certificate
        self.heaps = Path(folder, "heaps")
        self.heaps.mkdir()
        library = compile_c(Path(__file__).with_name("heap.c"), "libheap.so", "-shared", "-fPIC")
        self.environment = {**os.environ, "LD_PRELOAD": str(library), "APUS_HEAP": str(self.heaps)}
        self.samples, self.problems = [], []
        self.crowds, self.over, self.results = [], multiprocessing.Event(), multiprocessing.Queue()
        self.masters, self.began = [], time.monotonic()  # the master's memory after each reload

    def run(self, *words):
        return subprocess.run([*self.command, *words, *self.options], capture_output=True, text=True, timeout=60)

    def start(self):
        done = subprocess.run([*self.command, "start", "-d", *self.options], capture_output=True, text=True, timeout=60,
                              env=self.environment)
        if done.returncode != 0:
            raise BenchError(f"start: {(done.stdout + done.stderr).strip()}")
        self.master = int(self.pid_file.read_text())

    def status(self):
        done = self.run("status", "--json")
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise BenchError(f"status --json: {(done.stdout + done.stderr).strip()}") from None

    def gather(self):
        count = self.arguments.connections
        crowds = -(-count // PER_CROWD)
        options = {"ports": self.ports, "count": count // crowds, "rate": self.arguments.rate / crowds,
                   "ramp": self.arguments.ramp / crowds, "certificate": self.certificate, "seed": self.arguments.seed}
        for number in range(crowds):
            crowd = multiprocessing.Process(target=run_crowd, args=(options, self.over, self.results, number))
            crowd.start()
            self.crowds.append(crowd)

    def disperse(self):
        self.over.set()
        told = [self.results.get(timeout=60) for _ in self.crowds]
        for crowd in self.crowds:
            crowd.join(30)
        return told

    # ---- looking ----

    def sample(self):
        """Once: of each process what it is, its memory and its descriptors; of workers the heap that is in use."""
        now = time.monotonic() - self.began
        pids = children(self.master)
        names = {pid: title(pid).split("//")[0].split()[-1] if "//" in title(pid) else "worker" for pid in pids}
        self.samples.append((now, {
            "master": (self.master, resident(self.master), len(descriptors(self.master))),
            **{f"{names[pid]} {pid}": (pid, resident(pid), len(os.listdir(f"/proc/{pid}/fd")), self.heap(pid))
               for pid in pids if is_running(pid)}}))

    def heap(self, pid):
        """KiB that are in use; 0 before the process has said it."""
        try:
            return int(Path(self.heaps, str(pid)).read_text()) / 1024
        except (OSError, ValueError):
            return 0

    def watch(self, until, reload_every=None):
        """Samples until that second; reloads as often as that."""
        reload_at = time.monotonic() + (reload_every or 1e9) / 2
        while (now := time.monotonic()) - self.began < until:
            if now >= reload_at:
                reload_at += reload_every
                self.reload()
            try:
                self.sample()
            except OSError:
                pass  # one has ended while we looked
            time.sleep(max(0.0, self.arguments.every - (time.monotonic() - now)))

    def reload(self):
        done = self.run("reload")
        time.sleep(1)
        self.masters.append(resident(self.master))
        if done.returncode != 0:
            self.problems.append(f"reload: {done.returncode} {(done.stdout + done.stderr).strip()}")

    def idle(self):
        """By kind of process, when no client is there: descriptors; and timers and connections of all."""
        wait_until(lambda: self.status()["summary"]["connections"] == 0, 20, pause=0.5)
        time.sleep(2)
        expected = len(KINDS) * self.arguments.workers
        if not wait_until(lambda: len(children(self.master)) == expected, 40, pause=0.2):
            self.problems.append(f"{len(children(self.master))} workers instead of {expected}")
        summary = self.status()["summary"]
        workers = sorted(len(os.listdir(f"/proc/{pid}/fd")) for pid in children(self.master))
        return {"master's descriptors": self.resting_descriptors(), "workers' descriptors": workers,
                "timers": summary["timers"], "connections": summary["connections"]}

    def resting_descriptors(self):
        """The fewest of several looks: the connection of the last command may not be closed yet."""
        counts = []
        for _ in range(10):
            counts.append(len(descriptors(self.master)))
            time.sleep(0.2)
        return min(counts)

    # ---- judging ----

    def judge(self, begin, end):
        """Rows of all series between two seconds, and what is wrong."""
        allowed, rows = self.arguments.allow, []
        inside = [(now, processes) for now, processes in self.samples if begin <= now <= end]
        for name in inside[0][1] if inside else ():
            for index, unit in ((1, "KiB"), (3, "KiB in use"), (2, "descriptors")):
                if index == 3 and name == "master":
                    continue
                series = [(now, processes[name][index]) for now, processes in inside if name in processes]
                if len(series) < len(inside):
                    self.problems.append(f"{name} has ended without a reload")
                    break
                try:
                    found = trend(series)
                except ValueError as error:
                    self.problems.append(str(error))
                    return rows
                # Descriptors follow the clients; whether some are left over is seen when those have gone.
                grows = unit == "KiB" and found.low * (end - begin) / 3600 > allowed
                if grows:
                    self.problems.append(f"{name}: memory grows by {found.low:,.0f} … {found.high:,.0f} KiB an hour")
                rows.append((f"{name.split()[0]}, {unit}", f"{series[0][1]:,.0f}", f"{series[-1][1]:,.0f}",
                             f"{found.slope:+,.0f}", f"{found.low:+,.0f} … {found.high:+,.0f}",
                             "grows" if grows else "flat"))
        return rows

    def whole(self):
        seconds = self.arguments.seconds
        self.start()
        before = self.idle()
        self.began = time.monotonic()
        cpu_at = {}
        self.gather()
        self.watch(seconds / 4)
        pids = [self.master, *children(self.master)]
        cpu_at = {pid: cpu_nanoseconds(pid) for pid in pids}
        crowd_at = {crowd.pid: cpu_nanoseconds(crowd.pid) for crowd in self.crowds}
        connections = self.status()["summary"]["connections"]
        self.watch(seconds * 3 / 4)
        server = sum(cpu_nanoseconds(pid) - was for pid, was in cpu_at.items()) / 1e9 / (seconds / 2)
        clients = sum(cpu_nanoseconds(pid) - was for pid, was in crowd_at.items()) / 1e9 / (seconds / 2)
        rows = self.judge(seconds / 4, seconds * 3 / 4)
        print(f"{connections:,} connections after a quarter; {server:.1%} of a core for the server, {clients:.1%} for "
              "its clients\n")
        print(table(["from a quarter to three", "first", "last", "an hour", "95 %", "it"], rows) + "\n")
        self.watch(seconds, reload_every=max(10.0, seconds / 4 / self.arguments.reloads))
        told = self.disperse()
        after = self.idle()
        self.conclude(before, after, told)

    def conclude(self, before, after, told):
        for what, was in before.items():
            print(f"{what}, without clients: {was} before, {after[what]} after")
            if after[what] != was:
                self.problems.append(f"{what}: {was} before, {after[what]} after")
        print("master, KiB after each reload: " + ", ".join(f"{memory:,}" for memory in self.masters))
        if self.masters and self.masters[-1] > self.masters[0] + GRAIN:
            self.problems.append(f"the master grew from {self.masters[0]:,} to {self.masters[-1]:,} KiB over reloads")
        figures = {}
        for mine, faults, count, _ in told:
            for what, number in mine.items():
                figures[what] = figures.get(what, 0) + number
            self.problems += faults
            if count > len(faults):
                self.problems.append(f"{count - len(faults)} faults more")
        print(", ".join(f"{number:,} {what}" for what, number in sorted(figures.items())))
        for line in self.log.read_text(errors="replace").splitlines():
            if "exit with status" in line:
                self.problems.append(line)

    def stop(self):
        self.over.set()
        for crowd in self.crowds:
            if crowd.is_alive():
                crowd.terminate()
        self.run("stop")
        for pid in [self.master, *children(self.master)]:
            if pid and is_running(pid) and pid in processes_of(os.path.realpath(self.arguments.apus)):
                kill(pid)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--seconds", type=float, default=600)
    add("--connections", type=int, default=10_000)
    add("--workers", type=int, default=1, help="processes for each of the six protocols (1)")
    add("--backend", choices=["epoll", "libevent"], default="epoll")
    add("--rate", type=float, default=600, help="things that clients do in a second (600)")
    add("--ramp", type=float, default=300, help="connections that are opened in a second, at most (300)")
    add("--every", type=float, help="seconds between samples (2, and less in short runs)")
    add("--reloads", type=int, default=5, help="in the last quarter, ten seconds apart at least (5)")
    add("--allow", type=float, default=512, help="KiB in the judged half that are not taken for growth (512)")
    add("--seed", type=int, default=1)
    add("--apus", default=str(EXAMPLES), help="the Examples program (default: .build/release/Examples)")
    arguments = parser.parse_args()
    arguments.every = arguments.every or min(2.0, arguments.seconds / 150)
    return arguments


def run(arguments):
    if not os.path.exists(arguments.apus):
        raise BenchError("swift build -c release --product Examples comes first")
    raise_descriptor_limit()
    print_heading(time.strftime("%Y-%m-%dT%H:%M:%S%z"), " ".join(["soak.py", *sys.argv[1:]]), describe_machine())
    with tempfile.TemporaryDirectory(prefix="apus-soak-") as folder:
        soak = Soak(arguments, folder)
        try:
            soak.whole()
        finally:
            soak.stop()
        if soak.problems:
            raise BenchError("\n" + "\n".join(soak.problems))
    print("Nothing grew.")


if __name__ == "__main__":
    run_script("soak.py", lambda: run(parse_arguments()))
