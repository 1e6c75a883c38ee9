"""The measurements. Each returns plain dictionaries and lists, ready for the tables and for JSON."""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from servers import BenchError, Server


@dataclass
class Settings:
    client: Path
    counter: Path  # the library that counts allocations
    server_core: int
    client_core: int
    rounds: int
    turn_seconds: float
    profiles: Path | None = None  # where callgrind's files are kept
    say: callable = field(default=print)
    problems: list = field(default_factory=list)

    @contextmanager
    def part(self, name):
        """What goes wrong inside is noted and ends this part only: one server's fault spares the rest."""
        self.say(name)
        try:
            yield
        except BenchError as error:
            self.note(name, error)

    def note(self, name, error):
        self.problems.append(f"{name}: {error}")
        self.say(f"failed: {error}")


@dataclass(frozen=True)
class Load:
    """What the client does in a turn."""

    connections: int
    depth: int = 1
    close: bool = False
    path: str = "/"
    protocol: str = "http"

    @property
    def floor(self):
        """The name of the floor that serves it."""
        if self.protocol != "http":
            return f"floor-{self.protocol}"
        return "floor-close" if self.close else "floor"

    def arguments(self):
        arguments = ["-c", str(self.connections), "-p", str(self.depth)]
        arguments += ["--path", self.path] if self.protocol == "http" else ["--echo", self.protocol]
        return arguments + (["--close"] if self.close else [])

    def __str__(self):
        if self.protocol != "http":
            text = f"{self.protocol} echo of 64 bytes, {self.connections} connections"
            return text + (f", {self.depth} messages at a time" if self.depth > 1 else "")
        text = f"GET {self.path}, {self.connections} connections"
        if self.depth > 1:
            text += f", {self.depth} requests at a time"
        return text + (", a new connection for each request" if self.close else "")


@dataclass(frozen=True)
class Lane:
    """One server under one load; the lanes of a scenario take turns."""

    name: str
    server: str
    load: Load
    reference: str  # the lane whose figure of the same round this one is divided by


@dataclass(frozen=True)
class Scenario:
    name: str
    load: Load
    lanes: tuple


KEEP_ALIVE = Load(connections=64)
PIPELINED = Load(connections=64, depth=16)
CLOSE = Load(connections=256, close=True)
ECHOES = {
    name: Load(connections=64, depth=depth, protocol=protocol)
    for name, protocol, depth in (
        ("text", "text", 1), ("frame", "frame", 1), ("text16", "text", 16), ("frame16", "frame", 16)
    )
}
LOADS = {"keepalive": KEEP_ALIVE, "pipelined": PIPELINED, "close": CLOSE, **ECHOES}
SCENARIOS = ("keepalive", "pipelined", "close", "async", "await", *ECHOES)


def targets_for(load, targets):
    """The floor of a load, and the other servers that can serve it."""
    fit = [target.speaking(load.protocol) for target in targets if not target.is_floor or target.name == load.floor]
    return [target for target in fit if target]


def scenario(name, servers):
    """The scenario for the named servers."""
    if name in ("async", "await"):
        lanes = []
        for server in (s for s in servers if s.startswith("apus-")):
            lanes.append(Lane(server, server, KEEP_ALIVE, server))
            load = Load(KEEP_ALIVE.connections, path=f"/{name}")
            lanes.append(Lane(f"{server}/{name}", server, load, server))
        return Scenario(name, Load(KEEP_ALIVE.connections, path=f"/{name}"), tuple(lanes))
    load = LOADS[name]
    return Scenario(name, load, tuple(Lane(server, server, load, load.floor) for server in servers))


# ---- the client ----


def run_client(settings, server, load, seconds=None, requests=None, stall=5.0):
    """Runs the client to its end and returns what it reports."""
    server.require_alive()
    bound = ["-n", str(requests)] if requests else ["-d", str(seconds)]
    command = ["taskset", "-c", str(settings.client_core), str(settings.client)]
    command += load.arguments() + bound + ["--stall", str(stall), "127.0.0.1", str(server.port)]
    # The client gives up by itself; the time-out is for a bug in it.
    limit = (seconds or 0) + stall * 2 + 120
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        raise server.complaint(f"the client did not end within {limit:.0f} s ({load}).") from None
    if done.returncode != 0:
        raise server.complaint(f"the client failed ({load}): {(done.stderr or done.stdout).strip()}")
    return json.loads(done.stdout)


# ---- turns ----


def take_turn(settings, server, load, seconds):
    before = server.cpu_nanoseconds()
    report = run_client(settings, server, load, seconds=seconds)
    spent = server.cpu_nanoseconds() - before
    return {
        "requests": report["requests"],
        "requests_per_second": report["requests_per_second"],
        "cpu_us_per_request": spent / 1000 / report["requests"],
        "server_core_share": spent / 1e9 / report["seconds"],
        "client_cpu_us_per_request": report["client_cpu_us_per_request"],
    }


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summarise(turns_by_lane, lanes):
    """Medians, and ratios to (and differences from) the reference lane's figure of the same round."""
    result = {}
    for lane in lanes:
        turns = turns_by_lane[lane.name]
        own = [turn["cpu_us_per_request"] for turn in turns]
        reference = [turn["cpu_us_per_request"] for turn in turns_by_lane[lane.reference]]
        keys = [key for key in turns[0] if key != "requests"]
        result[lane.name] = {
            **{key: statistics.median(turn[key] for turn in turns) for key in keys},
            "reference": lane.reference,
            "ratio": spread([mine / other for mine, other in zip(own, reference)]),
            "difference_us": spread([mine - other for mine, other in zip(own, reference)]),
            "turns": turns,
        }
    return result


def run_scenario(settings, servers, wanted):
    """`servers` maps names to running servers. A round gives each lane one turn, always in the same order."""
    lanes = [lane for lane in wanted.lanes if lane.server in servers]
    turns = {lane.name: [] for lane in lanes}
    for number in range(settings.rounds + 1):
        # Round 0 is short and not counted: caches, branch predictors, and what a server makes on first use.
        length = settings.turn_seconds if number else min(0.2, settings.turn_seconds)
        for lane in lanes.copy():
            if lane not in lanes:
                continue
            try:
                turn = take_turn(settings, servers[lane.server], lane.load, length)
            except BenchError as error:
                settings.note(f"{wanted.name}: {lane.name}", error)
                lanes = [other for other in lanes if lane.name not in (other.name, other.reference)]
                continue
            if number:
                turns[lane.name].append(turn)
    return {"load": str(wanted.load), "lanes": summarise(turns, lanes)} if lanes else None


def run_turns(settings, targets, name):
    """All servers are up for the whole time, so that each is measured under the same conditions."""
    targets = targets_for(LOADS.get(name, KEEP_ALIVE), targets)
    wanted = scenario(name, [target.name for target in targets])
    needed = {lane.server for lane in wanted.lanes}
    if not needed:
        return None
    seconds = len(wanted.lanes) * settings.rounds * settings.turn_seconds
    settings.say(f"{name}: {settings.rounds} rounds of {len(wanted.lanes)} turns, about {seconds:.0f} s")
    with ExitStack() as stack:
        servers = {}
        for target in (t for t in targets if t.name in needed):
            try:
                servers[target.name] = stack.enter_context(Server(target, settings.server_core))
            except BenchError as error:
                settings.note(name, error)
        return run_scenario(settings, servers, wanted)


# ---- system calls ----

CALL_REQUESTS = {"keepalive": 20000, "pipelined": 200000, "close": 5000}
CALL_REQUESTS |= {"text": 20000, "frame": 20000, "text16": 200000, "frame16": 200000}


def counted(requests, targets, scenarios):
    """(scenario, load, numbers of requests, server) for all that is to be counted; without scenarios, for each."""
    for name, numbers in requests.items():
        if name in scenarios or not scenarios:
            for target in targets_for(LOADS[name], targets):
                yield name, LOADS[name], numbers, target


def row(target):
    """The floors of all loads share a row."""
    return "floor" if target.is_floor else target.name


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise BenchError(what)
        time.sleep(0.01)


def is_traced(pid):
    return not re.search(r"^TracerPid:\s+0$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)


def parse_strace(text):
    """{call: count} from the table of `strace -c`: % time, seconds, usecs/call, calls, [errors,] name."""
    calls = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) in (5, 6) and re.fullmatch(r"[\d.]+", fields[0]) and fields[-1] != "total":
            calls[fields[-1]] = int(fields[3])
    return calls


def finish(process, patience):
    """Waits for a process that should be ending, and kills it when it does not."""
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def tracing(settings, server, pid, table):
    """Counts the system calls of a process into the file `table` while the body of the `with` runs."""
    command = ["taskset", "-c", str(settings.server_core)]
    command += ["strace", "-c", "-f", "-p", str(pid), "-o", str(table)]
    quiet = subprocess.DEVNULL
    tracer = subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        ready = lambda: tracer.poll() is not None or is_traced(pid)  # noqa: E731
        wait_for(ready, 5, f"strace did not attach to {server.name} within 5 s.")
        if tracer.poll() is not None:
            raise BenchError(f"strace cannot attach to {server.name}: {tracer.stderr.read().strip()}")
        yield
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)  # it detaches, writes its table and ends
        finish(tracer, 10)
        tracer.stderr.close()


def count_calls(settings, server, load, requests):
    pid = server.busiest_pid(lambda: run_client(settings, server, load, requests=2000))
    with tempfile.TemporaryDirectory(prefix="apus-bench-strace-") as directory:
        table = Path(directory, "calls")
        with tracing(settings, server, pid, table):
            report = run_client(settings, server, load, requests=requests, stall=20)
        calls = parse_strace(table.read_text())
    if not calls:
        raise BenchError(f"strace reported no system calls for {server.name}.")
    per_request = {call: count / report["requests"] for call, count in calls.items()}
    ordered = dict(sorted(per_request.items(), key=lambda item: -item[1]))
    return {"requests": report["requests"], "total": sum(ordered.values()), "calls": ordered}


def run_system_calls(settings, targets, scenarios):
    if not shutil.which("strace"):
        raise BenchError("strace is not installed; leave this part out with --counts or --quick.")
    results = {}
    for name, load, requests, target in counted(CALL_REQUESTS, targets, scenarios):
        with settings.part(f"system calls: {target.name}, {name}"):
            with Server(target, settings.server_core) as server:
                calls = count_calls(settings, server, load, requests)
            results.setdefault(name, {})[row(target)] = calls
    return results


# ---- user instructions ----

# (shorter run, longer run): their difference holds neither the server's start nor the connections'.
INSTRUCTION_REQUESTS = {
    name: (16384, 102400) if LOADS[name].depth > 1 else (6400, 32000) for name in ("keepalive", "pipelined", *ECHOES)
}


def per_request(fewer, low, more, high):
    return {"runs": {fewer: low, more: high}, "per_request": (high - low) / (more - fewer)}


def instructions_of_run(settings, target, load, requests):
    """User-space instructions of a whole life of the server: start, `requests` requests, end."""
    with tempfile.TemporaryDirectory(prefix="apus-bench-callgrind-") as directory:
        os.chmod(directory, 0o755)
        wrapper = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/%p.out"]
        valgrind_target = target.for_valgrind(directory)
        server = Server(valgrind_target, settings.server_core, wrapper, single_process=True, deadline=120)
        try:
            run_client(settings, server, load, requests=requests, stall=30)
        finally:
            obeyed = server.stop(patience=60)
        if not obeyed:
            raise BenchError(f"{target.name} did not end within 60 s of SIGTERM: callgrind wrote no counts.")
        totals = [
            int(match.group(1))
            for path in Path(directory).glob("*.out")
            for match in [re.search(r"^(?:totals|summary):\s+(\d+)", path.read_text(), re.MULTILINE)]
            if match
        ]
        if settings.profiles:
            settings.profiles.mkdir(parents=True, exist_ok=True)
            for path in Path(directory).glob("*.out"):
                shutil.copy(path, settings.profiles / f"{target.name}-{target.protocol}-{load.depth}-{requests}.out")
    if not totals:
        raise BenchError(f"callgrind wrote no counts for {target.name}: did it end cleanly on SIGTERM?")
    return sum(totals)


def run_instructions(settings, targets, scenarios):
    if not shutil.which("valgrind"):
        raise BenchError("valgrind is not installed; leave this part out with --counts or --quick.")
    results = {}
    for name, load, (fewer, more), target in counted(INSTRUCTION_REQUESTS, targets, scenarios):
        with settings.part(f"user instructions: {target.name}, {name}"):
            low = instructions_of_run(settings, target, load, fewer)
            high = instructions_of_run(settings, target, load, more)
            results.setdefault(name, {})[row(target)] = per_request(fewer, low, more, high)
    return results


# ---- heap allocations ----

ALLOCATION_REQUESTS = {
    name: (16000, 160000) if LOADS[name].depth > 1 else (10000, 60000) for name in ("keepalive", "pipelined", *ECHOES)
}


def read_counter(path):
    return int.from_bytes(path.read_bytes()[:8], "little")


def allocations_of_run(settings, server, counter, load, requests):
    before = read_counter(counter)
    run_client(settings, server, load, requests=requests)
    return read_counter(counter) - before


def count_allocations(settings, target, load, fewer, more):
    with tempfile.TemporaryDirectory(prefix="apus-bench-malloc-") as directory:
        counter = Path(directory, "count")
        counter.write_bytes(bytes(4096))
        environment = {"LD_PRELOAD": str(settings.counter), "APUS_BENCH_MALLOC_FILE": str(counter)}
        with Server(target, settings.server_core, environment=environment, single_process=True) as server:
            if str(settings.counter) not in Path(f"/proc/{server.process.pid}/maps").read_text():
                raise BenchError(f"{target.name} did not load the counting library (statically linked?).")
            allocations_of_run(settings, server, counter, load, fewer)  # what is made once and kept
            low = allocations_of_run(settings, server, counter, load, fewer)
            high = allocations_of_run(settings, server, counter, load, more)
            return per_request(fewer, low, more, high)


def run_allocations(settings, targets, scenarios):
    results = {}
    for name, load, (fewer, more), target in counted(ALLOCATION_REQUESTS, targets, scenarios):
        with settings.part(f"heap allocations: {target.name}, {name}"):
            allocations = count_allocations(settings, target, load, fewer, more)
            results.setdefault(name, {})[row(target)] = allocations
    return results


# ---- memory of idle connections ----

IDLE_CONNECTIONS = 10000


def proportional_set_size(pid):
    """Bytes of memory of a process, shared pages counted in proportion."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024


def hold_connections(settings, server, connections, measure):
    """Opens connections, has one request served on each, and returns `measure()` taken while they idle."""
    command = ["taskset", "-c", str(settings.client_core), str(settings.client)]
    command += ["-c", str(connections), "--hold", "127.0.0.1", str(server.port)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as holder:
        try:
            line = holder.stdout.readline()  # comes when all are open; the client itself gives up on a stall
            if not line:
                said = holder.stderr.read().strip()
                raise server.complaint(f"did not take {connections} connections: {said}")
            time.sleep(0.5)
            return measure()
        finally:
            holder.stdin.close()  # what the client waits for
            finish(holder, 10)


def idle_memory(settings, target, connections):
    with Server(target, settings.server_core) as server:
        pid = server.busiest_pid(lambda: run_client(settings, server, KEEP_ALIVE, requests=20000))
        measure = lambda: proportional_set_size(pid)  # noqa: E731
        # One is held while the first figure is taken too: the client shares the C library with the server,
        # and its coming alone would make the server's share of those pages smaller.
        before = hold_connections(settings, server, 1, measure)
        after = hold_connections(settings, server, connections, measure)
    return {
        "connections": connections,
        "pss_before": before,
        "pss_after": after,
        "bytes_per_connection": (after - before) / (connections - 1),
    }


def run_memory(settings, targets, descriptors):
    connections = min(IDLE_CONNECTIONS, descriptors - 200)
    if connections < 100:
        raise BenchError(f"only {descriptors} descriptors are allowed here (ulimit -n), too few for --memory")
    results = {}
    for target in targets_for(KEEP_ALIVE, targets):
        with settings.part(f"memory: {target.name}, {connections} idle connections"):
            results[target.name] = idle_memory(settings, target, connections)
    return results
