#!/usr/bin/env python3
"""Measures WebSocket echoes and broadcasts of Apus beside a floor server in C. See ../README.md.

    bench/EndToEnd/websocket.py
    bench/EndToEnd/websocket.py --only apus-epoll --scenario echo,broadcast1000 --rounds 5 --turn-seconds 0.5
    bench/EndToEnd/websocket.py --only floor-again       how far two equal programs are apart here
"""

import argparse
import json
import select
import shlex
import socket
import statistics
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only

import compare  # noqa: E402
import report  # noqa: E402
from measurements import proportional_set_size  # noqa: E402
from preparations import (BUILD, EXAMPLES, add_core_options, check_cores, compile_c,  # noqa: E402
                          raise_descriptor_limit)
from servers import Apus, BenchError, Server, Target, run_script  # noqa: E402


@dataclass(frozen=True)
class Scenario:
    name: str
    connections: int  # a broadcast has one more, which sends
    depth: int  # messages sent at once
    size: int
    is_broadcast: bool = False

    def arguments(self):
        arguments = ["-c", str(self.connections), "-p", str(self.depth), "-s", str(self.size)]
        return arguments + (["--broadcast"] if self.is_broadcast else [])

    def __str__(self):
        at_once = f", {self.depth} at a time" if self.depth > 1 else ""
        if self.is_broadcast:
            return f"broadcast of {self.size} bytes to {self.connections:,} connections{at_once}"
        return f"echo of {self.size:,} bytes, {self.connections} connections{at_once}"


SCENARIOS = {
    each.name: each
    for each in (
        Scenario("echo", 64, 1, 20),
        Scenario("echo16", 64, 16, 20),
        Scenario("large", 16, 1, 16 * 1024),
        Scenario("broadcast1000", 1000, 1, 64, is_broadcast=True),
        Scenario("broadcast1000x16", 1000, 16, 64, is_broadcast=True),
        Scenario("broadcast10000", 10000, 1, 64, is_broadcast=True),
        Scenario("broadcast10000x16", 10000, 16, 64, is_broadcast=True),
    )
}


# ---- the servers ----

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def opens_websocket(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(HANDSHAKE)
            return connection.recv(4096).startswith(b"HTTP/1.1 101 ")
    except OSError:
        return False


class Floor(Target):
    is_floor = True

    def __init__(self, name, mode):
        self.name, self.mode = name, mode

    def command(self, port, directory, single_process):
        return [str(BUILD / "floor-websocket"), str(port), self.mode]

    def answers(self, port):
        return opens_websocket(port)


# What follows the program's name, for echoes and for broadcasts.
APUS_COMMANDS = {
    False: "AllProtocols start --backend {backend} --count 1 --websocket 127.0.0.1:{port}",
    True: "Broadcast start --backend {backend} --count 1 --websocket 127.0.0.1:{port}",
}


class WebSocketApus(Apus):
    def __init__(self, prefix, backend, is_broadcast):
        super().__init__(prefix, backend)
        self.is_broadcast = is_broadcast

    def command(self, port, directory, single_process):
        words = shlex.split(APUS_COMMANDS[self.is_broadcast].format(backend=self.backend, port=port))
        command = self.prefix + words + ["--pid-file", f"{directory}/pid", "--log-file", f"{directory}/log"]
        return command + (["--single-process"] if single_process else [])

    def answers(self, port):
        return opens_websocket(port)


NAMES = ("floor-again", "apus-epoll", "apus-libevent")


def targets(arguments, scenario):
    """The servers of a scenario; the first one is what the others are divided by."""
    floors = [Floor("floor", "broadcast" if scenario.is_broadcast else "echo")]
    if scenario.is_broadcast and scenario.depth > 1:
        floors.append(Floor("floor-batched", "batched"))
    others = []
    for name in arguments.only:
        if name == "floor-again":
            others.append(Floor(name, floors[0].mode))
        else:
            others.append(WebSocketApus(arguments.apus, name.removeprefix("apus-"), scenario.is_broadcast))
    return floors + others


# ---- the client ----


class Client:
    """The client of one server, whose connections stay open from turn to turn."""

    def __init__(self, arguments, scenario, server):
        self.server, self.patience = server, arguments.turn_seconds + 60
        command = ["taskset", "-c", str(arguments.client_core), str(BUILD / "websocket-client")]
        command += [*scenario.arguments(), "-d", str(arguments.turn_seconds), str(server.port)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    def __enter__(self):
        try:
            self._line()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def _line(self):
        # The client gives up by itself; the time-out is for a bug in it.
        if not select.select([self.process.stdout], [], [], self.patience)[0]:
            raise self.server.complaint(f"the client did not answer within {self.patience:.0f} s.")
        line = self.process.stdout.readline()
        if not line:
            raise self.server.complaint(f"the client failed: {self.process.stderr.read().strip()}")
        return json.loads(line)

    def take_turn(self):
        self.server.require_alive()
        before = self.server.cpu_nanoseconds()
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # its last words follow
        turn = self._line()
        spent = self.server.cpu_nanoseconds() - before
        if turn["errors"] or not turn["messages"]:
            raise self.server.complaint(f"messages are missing or wrong: {json.dumps(turn)}")
        turn["cpu_us"] = spent / 1000 / turn["messages"]
        turn["busy"] = spent / 1e9 / turn["seconds"]
        return turn


# ---- turns ----


def measure(arguments, scenario):
    with ExitStack() as stack:
        servers = [
            stack.enter_context(Server(target, arguments.server_core)) for target in targets(arguments, scenario)
        ]
        clients = [stack.enter_context(Client(arguments, scenario, server)) for server in servers]
        for client in clients:
            client.take_turn()  # what is made once and kept
        rounds = []
        for number in range(arguments.rounds):
            print(f"… {scenario.name}, round {number + 1}", file=sys.stderr, flush=True)
            rounds.append({client.server.name: client.take_turn() for client in clients})
    return rounds


def show(scenario, rounds):
    names = list(rounds[0])
    # What sends each message alone is no measure for what sends sixteen at once.
    reference = "floor-batched" if "floor-batched" in names else names[0]
    rows = []
    for name in names:
        turns = [each[name] for each in rounds]
        ratios = [each[name]["cpu_us"] / each[reference]["cpu_us"] for each in rounds]
        median = lambda key: statistics.median(turn[key] for turn in turns)  # noqa: E731, B023
        rows.append((
            name, f"{median('cpu_us'):.3f}", f"{statistics.median(ratios):.3f}",
            f"{min(ratios):.3f} – {max(ratios):.3f}", f"{median('messages_per_second'):,.0f}",
            f"{median('busy') * 100:.0f} %", f"{median('client_cpu_us_per_message'):.3f}",
        ))
    headings = ["server", "CPU µs/message", f"× {reference}", "min – max", "messages/s", "core busy", "client µs"]
    print(f"\n{scenario.name}: {scenario}\n")
    print(report.table(headings, rows), flush=True)


# ---- memory ----


def idle_memory(arguments, target, connections):
    """Bytes of memory that one more connection takes which has echoed a message and waits."""
    one = Scenario("one", 1, 1, 20)
    many = Scenario("many", connections, 1, 20)
    with Server(target, arguments.server_core) as server:
        pid = server.pids()[-1]
        # One stays while the first figure is taken too: see `idle_memory` of measurements.py.
        with Client(arguments, one, server) as client:
            client.take_turn()
            before = proportional_set_size(pid)
        with Client(arguments, many, server) as client:
            client.take_turn()
            after = proportional_set_size(pid)
    return (after - before) / (connections - 1)


def resident_bytes(pid, peak=False):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:" if peak else "VmRSS:"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"process {pid} has gone.")


def broadcast_memory(arguments, target, connections):
    """Bytes that the process grows by at most while all connections get bursts, beside all of them idle."""
    scenario = Scenario("bursts", connections, 16, 64, is_broadcast=True)
    with Server(target, arguments.server_core) as server, Client(arguments, scenario, server) as client:
        client.take_turn()  # what is made once and kept
        pid = server.pids()[-1]
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is that of now
        before = resident_bytes(pid)
        client.take_turn()
        return resident_bytes(pid, peak=True) - before


def run_memory(arguments, descriptors):
    connections = min(10_000, descriptors - 200)
    rows = []
    for target in targets(arguments, SCENARIOS["echo"]):
        rows.append((target.name, f"{idle_memory(arguments, target, connections):,.0f}"))
    print(f"\n{connections:,} idle connections, after a message on each\n")
    print(report.table(["server", "bytes each"], rows), flush=True)
    counts = (connections // 100, connections // 10, connections)
    rows = [
        [target.name, *(f"{broadcast_memory(arguments, target, count) / 1024:,.0f}" for count in counts)]
        for target in targets(arguments, SCENARIOS["broadcast1000"])
    ]
    print("\ngrowth of the resident set while bursts of 16 messages of 64 bytes go to all, KiB at most\n")
    print(report.table(["server", *(f"{count:,} connections" for count in counts)], rows), flush=True)


# ---- the command line ----


def some_of(known):
    def parse(text):
        chosen = [part for part in text.split(",") if part]
        unknown = [part for part in chosen if part not in known]
        if unknown or not chosen:
            raise argparse.ArgumentTypeError(f"some of {', '.join(known)}")
        return chosen

    return parse


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--apus", metavar="PATH", default=str(EXAMPLES))
    add("--only", metavar="NAME,…", type=some_of(NAMES), default=["apus-epoll", "apus-libevent"],
        help=f"of {', '.join(NAMES)}; the floor always runs (default: both of Apus)")
    add("--scenario", metavar="NAME,…", type=some_of(SCENARIOS), default=list(SCENARIOS),
        help=f"of {', '.join(SCENARIOS)} (default: all)")
    add("--rounds", metavar="N", type=compare.rounds, default=9)
    add("--turn-seconds", metavar="S", type=compare.seconds, default=1.0)
    add("--memory", action="store_true", help="what an idle connection takes, and a broadcast to many, instead of the scenarios")
    add("--json", metavar="FILE", help="all results, turn by turn")
    add_core_options(parser)
    return parser.parse_args()


def run(arguments):
    check_cores(arguments)
    descriptors = raise_descriptor_limit()
    for name in ("floor-websocket", "websocket-client"):
        compile_c(compare.HERE / f"{name}.c", name)
    if arguments.memory:
        return run_memory(arguments, descriptors)
    results, problems = {}, []
    for name in arguments.scenario:
        scenario = SCENARIOS[name]
        try:
            if scenario.connections + 200 > descriptors:
                raise BenchError(f"needs {scenario.connections + 200} descriptors, {descriptors} are allowed.")
            results[name] = measure(arguments, scenario)
        except BenchError as error:
            problems.append(f"{name}: {error}")
            continue
        show(scenario, results[name])
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=1)
    if problems:
        raise BenchError("\n".join(problems))


if __name__ == "__main__":
    run_script("websocket.py", lambda: run(parse_arguments()))
