#!/usr/bin/env python3
"""Measures what a TCP proxy costs: so many bytes each way at once, every one of them compared. See ../README.md.

    bench/EndToEnd/proxy.py                                        1 GB each way, 5 rounds
    bench/EndToEnd/proxy.py --bytes 200000000 --rounds 3 --only apus-epoll,nginx
"""

import argparse
import datetime
import json
import re
import shlex
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only

from preparations import (EXAMPLES, add_core_options, check_cores, compile_c, describe_machine,  # noqa: E402
                          print_heading)
from proxies import ApusProxy, HAProxy, NginxStream  # noqa: E402
from report import table  # noqa: E402
from servers import BenchError, Server, free_port, run_script  # noqa: E402

PROXIES = ("apus-epoll", "apus-libevent", "nginx", "haproxy", "haproxy-splice")
DIRECT = "none"  # no proxy between: what the pump itself can do


def parse_arguments():
    verbatim = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=verbatim)
    add = parser.add_argument
    add("--apus", metavar="PATH", default=str(EXAMPLES), help="the Examples program (default: .build/release/Examples)")
    add("--only", metavar="NAME,…", help=f"proxies: {', '.join(PROXIES)} (default: all that are installed)")
    add("--bytes", metavar="N", type=int, default=1_000_000_000, help="bytes each way (default: 1,000,000,000)")
    add("--rounds", metavar="N", type=int, default=5, help="turns of each proxy (default: 5)")
    add_core_options(parser)
    add("--json", metavar="FILE", help="also write all results, turn by turn")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or not 1 <= arguments.bytes <= 10**12:
        parser.error("at least one round, and between 1 and 10^12 bytes")
    return arguments


def choose_proxies(arguments):
    known = {"apus-epoll": ApusProxy(arguments.apus, "epoll"), "apus-libevent": ApusProxy(arguments.apus, "libevent"),
             "nginx": NginxStream(), "haproxy": HAProxy(splices=False), "haproxy-splice": HAProxy(splices=True)}
    wanted = arguments.only.split(",") if arguments.only else PROXIES
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise BenchError(f"{', '.join(unknown)}: choose from {', '.join(PROXIES)}.")
    chosen = []
    for proxy in (known[name] for name in wanted):
        if not arguments.only and proxy.name not in ("apus-epoll", "apus-libevent") and not proxy.binary:
            print(f"{proxy.program} is not installed and is left out.\n")
            continue
        proxy.check()
        proxy.backend_port = free_port()
        chosen.append(proxy)
    return chosen


# ---- turns ----


def run_pump(arguments, pump, backend_port, proxy_port):
    command = ["taskset", "-c", str(arguments.client_core), str(pump)]
    command += [str(arguments.bytes), str(backend_port), str(proxy_port)]
    # The pump gives up by itself when nothing comes; the time-out is for a bug in it.
    limit = 60 + arguments.bytes / 10_000_000
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit)
    if done.returncode != 0:
        raise BenchError((done.stderr or done.stdout).strip())
    return json.loads(done.stdout)


def take_turn(arguments, pump, server):
    """One run through a proxy, or without one. CPU time is that of all processes of the proxy."""
    gigabytes = 2 * arguments.bytes / 1e9  # both ways
    if server is None:
        port = free_port()
        report = run_pump(arguments, pump, port, port)
        return {"seconds": report["seconds"], "client_cpu_per_gb": report["client_cpu_seconds"] / gigabytes}
    server.require_alive()
    before = server.cpu_nanoseconds()
    try:
        report = run_pump(arguments, pump, server.target.backend_port, server.port)
    except BenchError as error:
        raise server.complaint(str(error)) from None
    spent = server.cpu_nanoseconds() - before
    return {
        "seconds": report["seconds"],
        "cpu_per_gb": spent / 1e9 / gigabytes,
        "client_cpu_per_gb": report["client_cpu_seconds"] / gigabytes,
    }


def peak_memory(pid):
    """Bytes of memory that a process had at most so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE).group(1)) * 1024


def measure(arguments, pump, proxies):
    """All proxies are up for the whole time and take turns; the first, short turn of each finds its busy process."""
    with ExitStack() as stack:
        servers = {proxy.name: stack.enter_context(Server(proxy, arguments.server_core)) for proxy in proxies}
        short = argparse.Namespace(**{**vars(arguments), "bytes": min(arguments.bytes, 50_000_000)})
        workers = {
            name: server.busiest_pid(lambda server=server: take_turn(short, pump, server))
            for name, server in servers.items()
        }
        turns = {name: [] for name in (DIRECT, *servers)}
        for number in range(arguments.rounds):
            print(f"… round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
            for name in turns:
                turns[name].append(take_turn(arguments, pump, servers.get(name)))
        return turns, {name: peak_memory(pid) for name, pid in workers.items()}


def result_text(turns, peaks):
    rows = []
    for name, each in turns.items():
        median = {key: statistics.median(turn[key] for turn in each) for key in each[0]}
        costs = [turn["cpu_per_gb"] for turn in each if "cpu_per_gb" in turn]
        rows.append((
            name if name != DIRECT else "no proxy",
            f"{median['cpu_per_gb']:.3f}" if costs else "–",
            f"{min(costs):.3f} – {max(costs):.3f}" if costs else "–",
            f"{median['seconds']:.2f}",
            f"{peaks[name] / 2**20:.1f}" if name in peaks else "–",
            f"{median['client_cpu_per_gb']:.3f}",
        ))
    headings = ["proxy", "CPU s/GB", "min – max", "wall s", "peak RSS, MiB", "client CPU s/GB"]
    return table(headings, rows)


def run(arguments):
    check_cores(arguments)
    pump = compile_c(Path(__file__).resolve().parent / "pump.c", "pump")
    proxies = choose_proxies(arguments)
    date = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    command = shlex.join(["proxy.py", *sys.argv[1:]])
    installed = {proxy.program: [proxy.binary, "-v"] for proxy in proxies if hasattr(proxy, "program")}
    machine = describe_machine(**installed)
    print_heading(date, command, machine)
    turns, peaks = measure(arguments, pump, proxies)
    print(f"\n{arguments.bytes:,} bytes each way at once, one connection, {arguments.rounds} rounds, medians; "
          f"per GB carried, both ways counted\n\n{result_text(turns, peaks)}")
    if arguments.json:
        results = {"date": date, "command": command, "machine": machine, "bytes_each_way": arguments.bytes,
                   "turns": turns, "peak_rss": peaks}
        Path(arguments.json).write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    run_script("proxy.py", lambda: run(parse_arguments()))
