#!/usr/bin/env python3
"""Measures what a request costs load generators: `apus load` beside wrk and a minimal client in C. See ../README.md.

    bench/EndToEnd/generators.py
    bench/EndToEnd/generators.py --scenario keepalive --rounds 5 --turn-seconds 1
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only

import compare  # noqa: E402
import report  # noqa: E402
from preparations import (EXAMPLES, TLS_FLAGS, add_core_options, check_cores, compile_c,  # noqa: E402
                          make_certificate)
from servers import BenchError, Floor, Server, run_script  # noqa: E402

CONNECTIONS = 64
SCENARIOS = {"keepalive": 1, "pipelined": 16, "https": 1}

# wrk has no option for it.
PIPELINE = """
init = function(args)
  batch = string.rep(wrk.format("GET", "/"), %d)
end
request = function() return batch end
"""


class Client:
    """A load generator: what it is called, its command, and how many requests it says it made."""

    def __init__(self, name, command, count):
        self.name, self.command, self.count = name, command, count

    def take_turn(self, core, patience):
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(["taskset", "-c", str(core), *self.command], stdout=output, stderr=output)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            text = output.read()
        if process.returncode != 0:
            raise BenchError(f"{self.name} ended with {process.returncode}:\n{text}")
        requests, seconds = self.count(text)
        spent = usage.ru_utime + usage.ru_stime
        return {"cpu_us": spent * 1e6 / requests, "rate": requests / seconds, "busy": spent / seconds}


def of_json(requests, seconds):
    def count(text):
        figures = json.loads(text[text.index("{"):])
        return figures[requests], figures[seconds]

    return count


def of_wrk(text):
    found = re.search(r"(\d+) requests in ([\d.]+)(m?s)", text)
    if not found or "Socket errors" in text or "Non-2xx" in text:
        raise BenchError(f"wrk failed:\n{text}")
    return int(found[1]), float(found[2]) / (1000 if found[3] == "ms" else 1)


def clients(arguments, scenario, port, folder):
    depth, seconds = SCENARIOS[scenario], str(arguments.turn_seconds)
    secure = scenario == "https"
    url = f"{'https' if secure else 'http'}://127.0.0.1:{port}/"
    minimal = compile_c(Path(__file__).with_name("client.c"), "client-tls" if secure else "client",
                        *(TLS_FLAGS if secure else ()))
    all_of_them = [
        Client("minimal C client", [str(minimal), "-c", str(CONNECTIONS), "-p", str(depth), "-d", seconds, "127.0.0.1",
                                    str(port)], of_json("requests", "seconds")),
        Client("apus load", [arguments.apus_tool, "load", "-q", "--json", "-c", str(CONNECTIONS), "-d", f"{seconds}s",
                             "--pipeline", str(depth), "--insecure", url], of_json("requests", "duration_seconds")),
    ]
    if shutil.which("wrk"):
        command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{max(1, round(arguments.turn_seconds))}s", url]
        if depth > 1:
            script = Path(folder, "pipeline.lua")
            script.write_text(PIPELINE % depth)
            command[1:1] = ["-s", str(script)]
        all_of_them.append(Client("wrk", command, of_wrk))
    return all_of_them


def measure(arguments, scenario):
    tls = make_certificate() if scenario == "https" else None
    floor = compile_c(Path(__file__).with_name("floor.c"), "floor-tls" if tls else "floor", *(TLS_FLAGS if tls else ()))
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(Server(Floor(floor, "keepalive", tls), arguments.server_core))
        everyone = clients(arguments, scenario, server.port, folder)
        for client in everyone:
            client.take_turn(arguments.client_core, 60)
        rounds = []
        for number in range(arguments.rounds):
            print(f"… {scenario}, round {number + 1}", file=sys.stderr, flush=True)
            rounds.append({each.name: each.take_turn(arguments.client_core, 60) for each in everyone})
    return rounds


def show(scenario, rounds):
    rows = []
    for name in rounds[0]:
        turns = [each[name] for each in rounds]

        def ratio(other, turns=rounds, name=name):
            if other not in turns[0]:
                return "–"
            ratios = [each[name]["cpu_us"] / each[other]["cpu_us"] for each in turns]
            return f"{statistics.median(ratios):.3f} ({min(ratios):.2f} – {max(ratios):.2f})"

        rows.append((name, f"{statistics.median(turn['cpu_us'] for turn in turns):.3f}", ratio("minimal C client"),
                     ratio("wrk"), f"{statistics.median(turn['rate'] for turn in turns):,.0f}",
                     f"{statistics.median(turn['busy'] for turn in turns) * 100:.0f} %"))
    headings = ["client", "CPU µs/request", "× minimal (min – max)", "× wrk (min – max)", "requests/s", "core busy"]
    print(f"\n{scenario}: {CONNECTIONS} connections, {len(rounds)} rounds\n\n{report.table(headings, rows)}", flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--apus-tool", metavar="PATH", default=str(EXAMPLES.with_name("apus")))
    add("--scenario", metavar="NAME,…", default=",".join(SCENARIOS), help=f"of {', '.join(SCENARIOS)} (default: all)")
    add("--rounds", metavar="N", type=compare.rounds, default=9)
    add("--turn-seconds", metavar="S", type=compare.seconds, default=2.0)
    add_core_options(parser)
    return parser.parse_args()


def run(arguments):
    check_cores(arguments)
    for scenario in arguments.scenario.split(","):
        if scenario not in SCENARIOS:
            raise BenchError(f"--scenario: some of {', '.join(SCENARIOS)}")
        show(scenario, measure(arguments, scenario))


if __name__ == "__main__":
    run_script("generators.py", lambda: run(parse_arguments()))
