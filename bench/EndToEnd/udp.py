#!/usr/bin/env python3
"""Measures UDP echoes of Apus beside itself without batches, and a floor server in C. See ../README.md.

    bench/EndToEnd/udp.py
    bench/EndToEnd/udp.py --rounds 5 --turn-seconds 0.5 --load 4x64,64x4
"""

import argparse
import json
import socket
import statistics
import subprocess
import sys
from contextlib import ExitStack

sys.dont_write_bytecode = True  # the folder holds sources only

import compare  # noqa: E402
import report  # noqa: E402
from preparations import BUILD, EXAMPLES, add_core_options, check_cores, compile_c  # noqa: E402
from servers import Apus, Server, Target, run_script  # noqa: E402


class UDPFloor(Target):
    name = "udpfloor"

    def command(self, port, directory, single_process):
        return [str(BUILD / "udpfloor"), str(port)]


class UDPApus(Apus):
    def command(self, port, directory, single_process):
        command = super().command(port, directory, single_process)
        command[command.index("--http")] = "--udp"
        return command


class SingleCalls(UDPApus):
    """The same server with a system call for each datagram."""

    def __init__(self, prefix, backend):
        super().__init__(prefix, backend)
        self.name += "-single"
        self.environment = {"LD_PRELOAD": str(BUILD / "singlecalls.so")}


class UDPServer(Server):
    """A server that answers datagrams."""

    def _answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.1)
            try:
                client.connect(("127.0.0.1", self.port))
                client.send(b"ready?")
                return client.recv(64) == b"ready?"
            except OSError:
                return False


def loads(text):
    try:
        return [tuple(int(number) for number in part.split("x", 1)) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError("SOCKETSxWINDOW,…") from None


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--apus", metavar="PATH", default=str(EXAMPLES))
    add("--load", metavar="SOCKETSxWINDOW,…", type=loads, default=loads("4x64,64x4,64x1"),
        help="sockets, and datagrams under way on each (default: 4x64,64x4,64x1)")
    add("--size", metavar="BYTES", type=int, default=64, help="of a datagram (default: 64)")
    add("--rounds", metavar="N", type=compare.rounds, default=9)
    add("--turn-seconds", metavar="S", type=compare.seconds, default=1.0)
    add_core_options(parser)
    return parser.parse_args()


def build():
    for name in ("udpfloor", "udpclient"):
        compile_c(compare.HERE / f"{name}.c", name)
    compile_c(compare.HERE / "singlecalls.c", "singlecalls.so", "-shared", "-fPIC")


def take_turn(arguments, server, load):
    server.require_alive()
    command = ["taskset", "-c", str(arguments.client_core), str(BUILD / "udpclient")]
    command += ["-c", str(load[0]), "-w", str(load[1]), "-s", str(arguments.size)]
    command += ["-d", str(arguments.turn_seconds), "127.0.0.1", str(server.port)]
    before = server.cpu_nanoseconds()
    done = subprocess.run(command, capture_output=True, text=True, timeout=arguments.turn_seconds + 30)
    spent = server.cpu_nanoseconds() - before
    if done.returncode != 0:
        raise server.complaint(f"the client failed: {done.stderr.strip()}")
    turn = json.loads(done.stdout)
    if not turn["echoed"] or turn["wrong"]:
        raise server.complaint(f"nothing, or something else, came back: {done.stdout.strip()}")
    turn["cpu_us"] = spent / 1000 / turn["echoed"]
    turn["busy"] = spent / 1e9 / turn["seconds"]
    return turn


def measure(arguments, servers, load):
    rounds = []
    for number in range(arguments.rounds):
        print(f"… {load[0]} x {load[1]}, round {number + 1}", file=sys.stderr, flush=True)
        rounds.append({server.name: take_turn(arguments, server, load) for server in servers})
    names = [server.name for server in servers]
    rows = []
    for server in servers:
        turns = [each[server.name] for each in rounds]

        def ratios(other):
            """How many datagrams a second of processor time is good for, beside the other's of the same round."""
            return [each[other]["cpu_us"] / each[server.name]["cpu_us"] for each in rounds]

        beside_floor = ratios(names[0])
        single = f"{server.name}-single"
        beside_single = f"{statistics.median(ratios(single)):.3f}" if single in names else ""
        median = lambda key: statistics.median(turn[key] for turn in turns)  # noqa: E731
        rows.append((
            server.name, f"{median('datagrams_per_second'):,.0f}", f"{median('cpu_us'):.3f}",
            beside_single, f"{statistics.median(beside_floor):.3f}",
            f"{min(beside_floor):.3f} – {max(beside_floor):.3f}",
            f"{median('busy') * 100:.0f} %", f"{median('client_cpu_us_per_datagram'):.3f}",
            sum(turn["lost"] for turn in turns),
        ))
    headings = ["server", "datagrams/s", "CPU µs/datagram", "per CPU-s × single", "× floor", "min – max", "core busy",
                "client µs", "lost"]
    print(f"\n{load[0]} sockets, {load[1]} datagrams of {arguments.size} bytes under way on each\n")
    print(report.table(headings, rows), flush=True)


def run(arguments):
    check_cores(arguments)
    build()
    kinds = [(kind, backend) for backend in ("epoll", "libevent") for kind in (UDPApus, SingleCalls)]
    targets = [UDPFloor(), *(kind(arguments.apus, backend) for kind, backend in kinds)]
    for target in targets:
        target.check()
    with ExitStack() as stack:
        servers = [
            stack.enter_context(UDPServer(target, arguments.server_core, environment=target.environment))
            for target in targets
        ]
        for load in arguments.load:
            measure(arguments, servers, load)


if __name__ == "__main__":
    run_script("udp.py", lambda: run(parse_arguments()))
