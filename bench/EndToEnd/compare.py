#!/usr/bin/env python3
"""Measures Apus beside a floor server written in C and, where installed, nginx. See ../README.md.

    bench/EndToEnd/compare.py                       everything but --memory
    bench/EndToEnd/compare.py --quick               turns only
    bench/EndToEnd/compare.py --quick --only floor,nginx --scenario keepalive --rounds 3
    bench/EndToEnd/compare.py --counts-only --scenario text,frame --counts instructions
    bench/EndToEnd/compare.py --quick --scenario none --memory
"""

import argparse
import datetime
import json
import os
import shlex
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only

import measurements  # noqa: E402
import report  # noqa: E402
from preparations import (BUILD, REPOSITORY, TLS_FLAGS, add_core_options, check_cores, compile_c,  # noqa: E402
                          describe_machine, make_certificate, print_heading, raise_descriptor_limit)
from peers import PEER_TARGETS  # noqa: E402
from servers import Apus, BenchError, EchoFloor, Floor, Nginx, run_script  # noqa: E402

HERE = Path(__file__).resolve().parent
SERVERS = ("floor", "apus-epoll", "apus-libevent", "nginx")
PEERS = tuple(target.name for target in PEER_TARGETS)
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
    add("--only", metavar="NAME,…", type=names(SERVERS + PEERS),
        help=f"servers: {', '.join(SERVERS)} (default: these; the floor always runs, for the ratios), {', '.join(PEERS)}")
    add("--scenario", metavar="NAME,…", type=names(scenarios), default=list(scenarios),
        help=f"turns: {', '.join(scenarios)}, none (default: all)")
    add("--counts", metavar="NAME,…", type=names(COUNTS), default=list(COUNTS),
        help=f"counts per request: {', '.join(COUNTS)}, none (default: all)")
    add("--counts-only", action="store_true", help="no turns: only the counts of the chosen scenarios")
    add("--profiles", metavar="FOLDER", help="keep what callgrind wrote: callgrind_annotate shows it by function")
    add("--quick", action="store_true", help="turns only, the same as --counts none")
    add("--tls", action="store_true", help="all servers over TLS, HTTP only; the floor is OpenSSL on the socket")
    add("--tls12", action="store_true", help="the same with TLS 1.2 instead of 1.3")
    add("--memory", action="store_true", help="also measure the memory of 10,000 idle connections")
    add("--rounds", metavar="N", type=rounds, default=9,
        help="turns of each server per scenario, odd (default: 9)")
    add("--turn-seconds", metavar="S", type=seconds, default=1.0, help="length of a turn (default: 1)")
    add_core_options(parser)
    add("--json", metavar="FILE", help="also write all results, turn by turn")
    arguments = parser.parse_args()
    arguments.tls |= arguments.tls12
    return arguments


# ---- preparations ----


def limit_to_tls12():
    """For every program that is started: OpenSSL's own configuration says which versions there are."""
    BUILD.mkdir(exist_ok=True)
    file = BUILD / "tls12.cnf"
    file.write_text("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMaxProtocol = TLSv1.2\n")
    os.environ["OPENSSL_CONF"] = str(file)


def build(arguments):
    if arguments.tls12:
        limit_to_tls12()
    for program in ("floor", "floor-echo", "client"):
        compile_c(HERE / f"{program}.c", program)
    compile_c(HERE / "malloccount.c", "libmalloccount.so", "-shared", "-fPIC")
    if arguments.tls:
        compile_c(HERE / "floor.c", "floor-tls", *TLS_FLAGS)
        compile_c(HERE / "client.c", "client-tls", *TLS_FLAGS)


def choose_targets(arguments, descriptors):
    """The floor servers are always there. A missing nginx is left out unless it was asked for by name."""
    tls = make_certificate() if arguments.tls else None
    floor = BUILD / ("floor-tls" if tls else "floor")
    targets = [Floor(floor, "keepalive", tls), Floor(floor, "close", tls)]
    targets += [EchoFloor(BUILD / "floor-echo", protocol) for protocol in ("text", "frame")]
    targets += [Apus(arguments.apus, "epoll", tls), Apus(arguments.apus, "libevent", tls), Nginx(descriptors, tls)]
    if not tls:
        targets += [target for target in PEER_TARGETS if arguments.only and target.name in arguments.only]
    chosen = []
    for target in targets:
        if arguments.only is not None and not target.is_floor and target.name not in arguments.only:
            continue
        if target.name == "nginx" and arguments.only is None and not target.binary:
            print("nginx is not installed and is left out.\n")
            continue
        target.check()
        chosen.append(target)
    return chosen


# ---- the measurement ----


def show(text_of, results, *more):
    if results:  # nothing where every part of it failed
        print(f"\n{text_of(results, *more)}\n", flush=True)


def measure(arguments, settings, targets, descriptors, results):
    """Fills `results` part by part, so that what was measured before an interruption is not lost."""
    counts = [] if arguments.quick else arguments.counts
    for name in [] if arguments.counts_only else arguments.scenario:
        results["scenarios"][name] = measurements.run_turns(settings, targets, name)
        show(report.scenario_text, results["scenarios"][name], name)
    if "calls" in counts:
        results["system_calls"] = measurements.run_system_calls(settings, targets, arguments.scenario)
        show(report.calls_text, results["system_calls"])
    if "instructions" in counts:
        results["instructions"] = measurements.run_instructions(settings, targets, arguments.scenario)
        show(report.per_request_text, results["instructions"], "user instructions per request", 1)
    if "allocations" in counts:
        results["allocations"] = measurements.run_allocations(settings, targets, arguments.scenario)
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
        profiles=Path(arguments.profiles) if arguments.profiles else None,
        say=lambda text: print(f"… {text}", file=sys.stderr, flush=True),
    )
    if arguments.tls:  # the echo protocols of the example have no certificate
        arguments.scenario = [name for name in arguments.scenario if name not in measurements.ECHOES]
    nginx = next((target for target in targets if target.name == "nginx"), None)
    results = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join(["compare.py", *sys.argv[1:]]),
        "machine": describe_machine(
            nginx=nginx and [nginx.binary, "-v"], strace=["strace", "-V"], valgrind=["valgrind", "--version"]
        ),
        "rounds": arguments.rounds,
        "turn_seconds": arguments.turn_seconds,
        "scenarios": {},
    }
    print_heading(results["date"], results["command"], results["machine"])
    try:
        measure(arguments, settings, targets, descriptors, results)
    finally:
        results["problems"] = settings.problems
        if arguments.json:
            Path(arguments.json).write_text(json.dumps(results, indent=2) + "\n")
    if settings.problems:
        raise BenchError("not everything could be measured:\n" + "\n".join(settings.problems))


if __name__ == "__main__":
    run_script("compare.py", lambda: run(parse_arguments()))
