#!/usr/bin/env python3
"""Opens and ends connections by the million and looks for what does not come back. See ../README.md.

    bench/Leaks/cycles.py                                       1,000,000 cycles per transport and backend
    bench/Leaks/cycles.py --cycles 100000 --only ipv4,unix --backend epoll
    bench/Leaks/cycles.py --sanitize                            10,000 each, under AddressSanitizer
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "EndToEnd"))

from preparations import (EXAMPLES, REPOSITORY, TLS_FLAGS, add_core_options, check_cores, compile_c,  # noqa: E402
                          describe_machine, make_certificate, print_heading, raise_descriptor_limit)
from report import table  # noqa: E402
from servers import Apus, BenchError, Server, run_script  # noqa: E402

MOST_GROWTH = 2**20  # bytes of memory per million cycles
NOISE = 2**20  # bytes that the heap moves up and down by, most of all under TLS handshakes
STEPS = 10
LEAST_WARM_UP = 5000  # cycles after which the heap has found its size
SETTLE_SECONDS = 15


@dataclass(frozen=True)
class Transport:
    """How the example listens, and what the cycle client is told to do about it."""

    option: str  # of AllProtocols
    kind: str  # for the client
    address: str  # with {port} or {directory}
    client: str = "cycle"


TRANSPORTS = {
    "ipv4": Transport("--text", "ipv4", "127.0.0.1:{port}"),
    "ipv6": Transport("--text", "ipv6", "[::1]:{port}"),
    "unix": Transport("--text", "unix", "unix:{directory}/socket"),
    "tls": Transport("--https", "ipv4", "127.0.0.1:{port}", "cycle-tls"),
    "udp": Transport("--udp", "udp", "127.0.0.1:{port}"),
}


class CycleServer(Apus):
    """`AllProtocols` with one address. Kept: where it listens and where its files are."""

    def __init__(self, program, backend, transport, tls):
        super().__init__(program, backend, tls)
        self.transport = transport
        self.directory = ""

    def command(self, port, directory, single_process):
        self.directory = directory
        address = self.transport.address.format(port=port, directory=directory)
        command = self.prefix + ["AllProtocols", "start", "--backend", self.backend, self.transport.option, address]
        return command + ["--cert", self.tls[0], "--key", self.tls[1], *self.files()]

    def files(self):
        return ["--pid-file", f"{self.directory}/pid", "--log-file", f"{self.directory}/log"]

    def answers(self, port):
        try:
            return self.worker()["connections"] == 0
        except BenchError:
            return False

    def worker(self):
        """What `status --json` says of the one worker process."""
        command = [*self.prefix, "AllProtocols", "status", "--json", *self.files()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        try:
            (process,) = json.loads(done.stdout)["processes"]
        except ValueError:
            raise BenchError(f"status --json: {(done.stdout + done.stderr).strip()}") from None
        return process


@dataclass(frozen=True)
class Sample:
    """The worker between two steps: no connection is open."""

    cycles: int
    pid: int
    rss: int
    pss: int
    descriptors: int
    connections: int


def take_sample(target, cycles):
    """Waits for the last connections to end; what is left after that is left over."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (worker := target.worker())["connections"] > 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    memory = Path(f"/proc/{worker['pid']}/smaps_rollup").read_text()
    kib = dict(re.findall(r"^(\w+):\s+(\d+) kB", memory, re.MULTILINE))
    descriptors = len(os.listdir(f"/proc/{worker['pid']}/fd"))
    rss, pss = int(kib["Rss"]) * 1024, int(kib["Pss"]) * 1024
    return Sample(cycles, worker["pid"], rss, pss, descriptors, worker["connections"])


def progress(sample):
    return (f"{sample.cycles:,} cycles, RSS {sample.rss // 1024:,} KiB, {sample.descriptors} descriptors, "
            f"{sample.connections} connections")


def run_cycles(arguments, server, count):
    transport = server.target.transport
    place = f"{server.directory}/socket" if transport.kind == "unix" else str(server.port)
    command = ["taskset", "-c", str(arguments.client_core), str(arguments.clients[transport.client])]
    command += ["-c", str(arguments.connections), transport.kind, place, str(count)]
    # The client gives up by itself when nothing comes; the time-out is for a bug in it.
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120 + count / 50)
    if done.returncode != 0:
        raise server.complaint((done.stderr or done.stdout).strip())
    return json.loads(done.stdout)


def run_transport(arguments, name, backend, environment=None):
    """The samples at the start and after each tenth, and how many cycles a second there were."""
    transport = TRANSPORTS[name]
    cycles = arguments.tls_cycles if name == "tls" else arguments.cycles
    target = CycleServer(arguments.apus, backend, transport, arguments.certificate)
    with Server(target, arguments.server_core, environment=environment, deadline=60) as server:
        run_cycles(arguments, server, arguments.warm_up or max(cycles // 10, LEAST_WARM_UP))
        samples = [take_sample(target, 0)]
        say(f"{name}, {backend}: {progress(samples[0])}")
        seconds = 0.0
        for step in range(1, STEPS + 1):
            share = cycles * step // STEPS - samples[-1].cycles
            seconds += run_cycles(arguments, server, share)["seconds"]
            samples.append(take_sample(target, samples[-1].cycles + share))
            say(f"{name}, {backend}: {progress(samples[-1])}")
        if not server.stop():
            raise BenchError(f"{name}, {backend}: did not end within 15 s of SIGTERM")
    return samples, cycles / seconds


def memory_growth(samples):
    """Bytes of memory, and between how many cycles. The heap gives its top back to the kernel and takes it again, so
    memory goes up and down by some hundred KiB; what a leak raises is the bottom. Compared is the least of the first
    three samples with the least of the last three."""
    early, late = samples[:3], samples[-3:]
    growth = min(sample.rss for sample in late) - min(sample.rss for sample in early)
    return growth, late[-1].cycles - early[-1].cycles


def faults(samples, judges_memory):
    """What is wrong, in words."""
    first, last = samples[0], samples[-1]
    found = []
    if any(sample.pid != first.pid for sample in samples):
        found.append("the worker process was replaced")
    if last.descriptors > first.descriptors:
        found.append(f"descriptors grew from {first.descriptors} to {last.descriptors}")
    if last.connections > 0:
        found.append(f"{last.connections} connections are left")
    growth, cycles = memory_growth(samples)
    if judges_memory and growth > max(MOST_GROWTH * cycles / 1e6, NOISE):
        found.append(f"memory grew by {growth / 1024:,.0f} KiB in {cycles:,} cycles")
    return found


def row(name, backend, samples, rate):
    kib = lambda figure: [f"{getattr(sample, figure) // 1024:,}" for sample in (samples[0], samples[-1])]  # noqa: E731
    first, last = samples[0], samples[-1]
    growth, cycles = memory_growth(samples)
    return (f"{name}, {backend}", f"{last.cycles:,}", f"{rate:,.0f}", *kib("rss"), *kib("pss"),
            f"{growth / 1024 * 1e6 / cycles:+,.0f}",
            f"{first.descriptors} → {last.descriptors}", f"{first.connections} → {last.connections}")


HEADINGS = ["transport", "cycles", "cycles/s", "RSS KiB", "last", "PSS KiB", "last", "RSS KiB/million", "descriptors",
            "connections"]


# ---- AddressSanitizer ----


def build_with_sanitizer():
    """The Examples product in a folder of its own; returns the program."""
    command = ["swift", "build", "-c", "debug", "--sanitize=address", "--scratch-path", ".build-asan"]
    say("building with AddressSanitizer")
    if subprocess.run([*command, "--product", "Examples"], cwd=REPOSITORY, stdout=sys.stderr).returncode != 0:
        raise BenchError("the build with AddressSanitizer failed")
    return str(REPOSITORY / ".build-asan/debug/Examples")


def sanitizer_environment(folder):
    # Leaks are looked for when a process ends, which it does on SIGTERM.
    options = f"log_path={folder}/report:detect_leaks=1:detect_stack_use_after_return=1:abort_on_error=0"
    return {"ASAN_OPTIONS": options, "LSAN_OPTIONS": f"suppressions={HERE / 'once.supp'}:print_suppressions=0"}


def sanitizer_reports(folder):
    return [path.read_text(errors="replace") for path in sorted(Path(folder).glob("report.*"))]


# ---- the command line ----


def say(text):
    print(f"… {text}", file=sys.stderr, flush=True)


def parse_arguments():
    verbatim = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=verbatim)
    add = parser.add_argument
    listed = lambda text: [name.strip() for name in text.split(",")]  # noqa: E731
    add("--cycles", metavar="N", type=int,
        help="per transport and backend (default: 1,000,000; 10,000 with --sanitize)")
    add("--tls-cycles", metavar="N", type=int,
        help="the same for TLS, which takes 20 times as long (default: --cycles)")
    add("--warm-up", metavar="N", type=int, help="cycles before the first sample (default: a tenth, 5,000 at least)")
    add("--connections", metavar="N", type=int, default=64, help="at a time (default: 64)")
    add("--only", metavar="NAME,…", type=listed, help=f"transports: {', '.join(TRANSPORTS)} (default: all)")
    add("--backend", metavar="NAME,…", type=listed, default=["epoll", "libevent"], help="default: epoll,libevent")
    add("--sanitize", action="store_true", help="build with AddressSanitizer, and fail on anything it reports")
    add("--apus", metavar="PATH", default=str(EXAMPLES), help="the Examples program (default: .build/release/Examples)")
    add_core_options(parser)
    add("--json", metavar="FILE", help="also write all samples")
    arguments = parser.parse_args()
    arguments.cycles = arguments.cycles or (10_000 if arguments.sanitize else 1_000_000)
    arguments.tls_cycles = arguments.tls_cycles or arguments.cycles
    unknown = set(arguments.only or ()) - set(TRANSPORTS) | set(arguments.backend) - {"epoll", "libevent"}
    if min(arguments.cycles, arguments.tls_cycles) < STEPS:
        parser.error(f"at least {STEPS} cycles")
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return arguments


def run(arguments):
    check_cores(arguments)
    raise_descriptor_limit()
    if arguments.sanitize:
        arguments.apus = build_with_sanitizer()
    arguments.certificate = make_certificate()
    arguments.clients = {
        "cycle": compile_c(HERE / "cycle.c", "cycle"),
        "cycle-tls": compile_c(HERE / "cycle.c", "cycle-tls", *TLS_FLAGS),
    }
    date = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    print_heading(date, " ".join(["cycles.py", *sys.argv[1:]]), describe_machine())
    rows, problems, results = [], [], {}
    for name in arguments.only or TRANSPORTS:
        for backend in arguments.backend:
            with tempfile.TemporaryDirectory(prefix="apus-bench-asan-") as folder:
                environment = sanitizer_environment(folder) if arguments.sanitize else None
                what = f"{name}, {backend}"
                try:
                    samples, rate = run_transport(arguments, name, backend, environment)
                    rows.append(row(name, backend, samples, rate))
                    results[what] = [vars(sample) for sample in samples]
                    problems += [f"{what}: {fault}" for fault in faults(samples, not arguments.sanitize)]
                except BenchError as error:
                    problems.append(f"{what}: {error}")
                problems += [f"{what}: AddressSanitizer:\n{text}" for text in sanitizer_reports(folder)]
    if rows:
        print(f"\n{table(HEADINGS, rows)}\n")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=2) + "\n")
    if problems:
        raise BenchError("\n" + "\n".join(problems))
    print("Nothing grew." if not arguments.sanitize else "AddressSanitizer reported nothing.")


if __name__ == "__main__":
    run_script("cycles.py", lambda: run(parse_arguments()))
