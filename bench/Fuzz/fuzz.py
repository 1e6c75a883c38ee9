#!/usr/bin/env python3
"""Fuzzes a parser, or all in turn: fuzz.py TARGET|all SECONDS. See README.md of the folder above."""

import os
import re
import subprocess
import sys

import build

TARGETS = sorted(path.name for path in (build.HERE / "Corpora").iterdir())


def fuzz(program, target, seconds):
    """Runs one target; True when it found nothing."""
    work = build.BUILD / "fuzz-corpora" / target
    work.mkdir(parents=True, exist_ok=True)
    command = [str(program), f"-max_total_time={seconds}", "-max_len=2048", "-timeout=10", "-print_final_stats=1"]
    command += [f"-artifact_prefix={work.parent}/{target}-", str(work), str(build.HERE / "Corpora" / target)]
    # What a program allocates once for its life is no leak of a parser. Swift's own report of a crash would wait for
    # the sanitizer's.
    environment = {**os.environ, "APUS_FUZZ_TARGET": target, "ASAN_OPTIONS": "detect_leaks=0",
                   "SWIFT_BACKTRACE": "enable=no"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
    executed = re.search(r"number_of_executed_units: (\d+)", result.stderr)
    covered = re.findall(r"cov: (\d+)", result.stderr)
    print(f"{target}: {executed.group(1) if executed else '?'} inputs, {covered[-1] if covered else '?'} places covered")
    if result.returncode != 0:
        print(result.stderr[-6000:])
    sys.stdout.flush()
    return result.returncode == 0


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ["all", *TARGETS]:
        raise SystemExit(f"usage: fuzz.py TARGET|all SECONDS; targets: {', '.join(TARGETS)}")
    # Swift checks arithmetic and bounds itself. The kernels in C are instrumented only when they are told so.
    kernels = ["-Xcc", "-fsanitize=address,undefined", "-Xcc", "-fno-sanitize-recover=all"]
    program = build.swift("fuzz", build.HERE / "Targets", ["-g", "-sanitize=fuzzer,address", *kernels])
    chosen = TARGETS if sys.argv[1] == "all" else [sys.argv[1]]
    outcomes = [fuzz(program, target, int(sys.argv[2])) for target in chosen]
    raise SystemExit(0 if all(outcomes) else 1)


main()
