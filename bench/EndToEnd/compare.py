#!/usr/bin/env python3
"""Measures Apus beside a floor server written in C and, where installed, nginx. See ../README.md.

    bench/EndToEnd/compare.py                       everything but --memory
    bench/EndToEnd/compare.py --quick               turns only
    bench/EndToEnd/compare.py --quick --only floor,nginx --scenario keepalive --rounds 3
    bench/EndToEnd/compare.py --scenario none --counts instructions
    bench/EndToEnd/compare.py --quick --scenario none --memory
"""

import argparse
import datetime
import json
import os
import platform
import resource
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only

import measurements  # noqa: E402
import report  # noqa: E402
from servers import Apus, BenchError, Floor, Nginx  # noqa: E402

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
BUILD = HERE.parent / ".build"
SERVERS = ("floor", "apus-epoll", "apus-libevent", "nginx")
COUNTS = ("calls", "instructions", "allocations")


# ---- the command line ----


def names(allowed):
    def parse(text):
        chosen = [name.strip() for name in text.split(",") if name.strip()]
        unknown = [name for name in chosen if name not in (*allowed, "none")]
        if unknown or not chosen:
            wrong = ", ".join(unknown) or "nothing"
            raise argparse.ArgumentTypeError(f"{wrong}: choose from {', '.join(allowed)}, none")
        return [name for name in allowed if name in chosen]

    return parse


def rounds(text):
    value = int(text)
    if value < 1 or value % 2 == 0:
        raise argparse.ArgumentTypeError("an odd number, so that the median is a figure that was seen")
    return value


def seconds(text):
    value = float(text)
    if not 0.05 <= value <= 60:
        raise argparse.ArgumentTypeError("between 0.05 and 60")
    return value


def parse_arguments():
    verbatim = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=verbatim)
    scenarios = measurements.SCENARIOS
    add = parser.add_argument
    add("--apus", metavar="PATH", default=str(REPOSITORY / ".build/release/Examples"),
        help="the Examples program, or a command that ends in it (default: .build/release/Examples)")
    add("--only", metavar="NAME,…", type=names(SERVERS),
        help=f"servers: {', '.join(SERVERS)} (default: all; the floor always runs, for the ratios)")
    add("--scenario", metavar="NAME,…", type=names(scenarios), default=list(scenarios),
        help=f"turns: {', '.join(scenarios)}, none (default: all)")
    add("--counts", metavar="NAME,…", type=names(COUNTS), default=list(COUNTS),
        help=f"counts per request: {', '.join(COUNTS)}, none (default: all)")
    add("--quick", action="store_true", help="turns only, the same as --counts none")
    add("--tls", action="store_true", help="all servers over TLS; the floor is OpenSSL on the socket")
    add("--memory", action="store_true", help="also measure the memory of 10,000 idle connections")
    add("--rounds", metavar="N", type=rounds, default=9,
        help="turns of each server per scenario, odd (default: 9)")
    add("--turn-seconds", metavar="S", type=seconds, default=1.0, help="length of a turn (default: 1)")
    add("--server-core", metavar="N", type=int, default=0, help="core for the servers (default: 0)")
    add("--client-core", metavar="N", type=int, default=1, help="core for the client (default: 1)")
    add("--json", metavar="FILE", help="also write all results, turn by turn")
    return parser.parse_args()


# ---- preparations ----


def build(arguments):
    """Compiles the C programs into bench/.build; it takes less than a second, so it is done every time."""
    compiler = shlex.split(os.environ.get("CC", "")) or [shutil.which("cc") or shutil.which("gcc") or "clang"]
    # The same instruction set everywhere, and none that valgrind 3.19 does not know.
    level = ["-march=x86-64-v2"] if platform.machine() == "x86_64" else []
    common = ["-O2", "-std=gnu11", "-Wall", "-Wextra", *level]
    BUILD.mkdir(exist_ok=True)
    (BUILD / ".gitignore").write_text("*\n")
    programs = [("floor", "floor", []), ("client", "client", []),
                ("malloccount", "libmalloccount.so", ["-shared", "-fPIC"])]
    if arguments.tls:
        tls = ["-DTLS", "-lssl", "-lcrypto"]
        programs += [("floor", "floor-tls", tls), ("client", "client-tls", tls)]
    for name, output, flags in programs:
        command = [*compiler, *common, "-o", str(BUILD / output), str(HERE / f"{name}.c"), *flags]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            raise BenchError(f"no C compiler: {compiler[0]} was not found (set CC).") from None
        if done.returncode != 0:
            raise BenchError(f"{shlex.join(command)}\n{done.stderr}")


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def check_cores(arguments):
    here = os.sched_getaffinity(0)
    for core in (arguments.server_core, arguments.client_core):
        if core not in here:
            raise BenchError(f"core {core} is not available; --server-core, --client-core: {sorted(here)}.")
    if arguments.server_core == arguments.client_core:
        print("Server and client share a core: requests/s say nothing, CPU µs/request little.\n")
    if not shutil.which("taskset"):
        raise BenchError("taskset (util-linux) is not installed.")


def make_certificate():
    """A certificate (ECDSA, P-256) that all servers present; returns its file and that of its key."""
    certificate, key = BUILD / "certificate.pem", BUILD / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "30", "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchError(f"openssl could not make a certificate: {error}") from None
    certificate.chmod(0o644)
    key.chmod(0o644)  # nginx gives up its privileges; the key is worth nothing
    return str(certificate), str(key)


def choose_targets(arguments, descriptors):
    """The floor servers are always there. A missing nginx is left out unless it was asked for by name."""
    tls = make_certificate() if arguments.tls else None
    floor = BUILD / ("floor-tls" if tls else "floor")
    targets = [Floor(floor, "keepalive", tls), Floor(floor, "close", tls)]
    targets += [Apus(arguments.apus, "epoll", tls), Apus(arguments.apus, "libevent", tls), Nginx(descriptors, tls)]
    chosen = []
    for target in targets:
        if arguments.only is not None and target.name not in (*arguments.only, "floor", "floor-close"):
            continue
        if target.name == "nginx" and arguments.only is None and not target.binary:
            print("nginx is not installed and is left out.\n")
            continue
        target.check()
        chosen.append(target)
    return chosen


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ((done.stdout or done.stderr).splitlines() or [None])[0]


def describe_machine(targets):
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    nginx = next((target for target in targets if target.name == "nginx"), None)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "load_average": os.getloadavg()[0],
        "versions": {
            "nginx": first_line([nginx.binary, "-v"]) if nginx else None,
            "strace": first_line(["strace", "-V"]),
            "valgrind": first_line(["valgrind", "--version"]),
        },
    }


# ---- the measurement ----


def show(text_of, results, *more):
    if results:  # nothing where every part of it failed
        print(f"\n{text_of(results, *more)}\n", flush=True)


def measure(arguments, settings, targets, descriptors, results):
    """Fills `results` part by part, so that what was measured before an interruption is not lost."""
    counts = [] if arguments.quick else arguments.counts
    for name in arguments.scenario:
        results["scenarios"][name] = measurements.run_turns(settings, targets, name)
        show(report.scenario_text, results["scenarios"][name], name)
    if "calls" in counts:
        results["system_calls"] = measurements.run_system_calls(settings, targets)
        show(report.calls_text, results["system_calls"])
    if "instructions" in counts:
        results["instructions"] = measurements.run_instructions(settings, targets)
        show(report.per_request_text, results["instructions"], "user instructions per request", 1)
    if "allocations" in counts:
        results["allocations"] = measurements.run_allocations(settings, targets)
        show(report.per_request_text, results["allocations"], "heap allocations per request", 4)
    if arguments.memory:
        results["memory"] = measurements.run_memory(settings, targets, descriptors)
        show(report.memory_text, results["memory"])


def run(arguments):
    check_cores(arguments)
    build(arguments)
    descriptors = raise_descriptor_limit()
    targets = choose_targets(arguments, descriptors)
    settings = measurements.Settings(
        client=BUILD / ("client-tls" if arguments.tls else "client"),
        counter=BUILD / "libmalloccount.so",
        server_core=arguments.server_core,
        client_core=arguments.client_core,
        rounds=arguments.rounds,
        turn_seconds=arguments.turn_seconds,
        say=lambda text: print(f"… {text}", file=sys.stderr, flush=True),
    )
    results = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join(["compare.py", *sys.argv[1:]]),
        "machine": describe_machine(targets),
        "rounds": arguments.rounds,
        "turn_seconds": arguments.turn_seconds,
        "scenarios": {},
    }
    machine = results["machine"]
    print(f"{results['date']}  {results['command']}")
    hardware = f"{machine['processor']}, {machine['cores']} cores, {machine['kernel']}"
    print(f"{hardware}, load {machine['load_average']:.2f}")
    try:
        measure(arguments, settings, targets, descriptors, results)
    finally:
        results["problems"] = settings.problems
        if arguments.json:
            Path(arguments.json).write_text(json.dumps(results, indent=2) + "\n")
    if settings.problems:
        raise BenchError("not everything could be measured:\n" + "\n".join(settings.problems))


def main():
    # Turned into an exception, a request to end still passes through every `with` and stops what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run(parse_arguments())
    except BenchError as error:
        sys.exit(f"compare.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
