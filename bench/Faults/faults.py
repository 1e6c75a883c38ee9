#!/usr/bin/env python3
"""Runs the tests whose answers must not depend on how the kernel hands bytes over, while half of the servers' system
calls on sockets fail for now or do a part of their work: faults.py [--rate PERCENT] [--seed N]. See bench/README.md."""

import argparse
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = HERE.parent / ".build"

SUITES = ["HTTP", "FileAnswer", "LargeFile", "WebSocket", "Site", "Session", "Router", "ErrorPage", "WrongProtocol",
          "AsyncStyle", "Redis"]
# These look at how much is sent or read at a time.
NOT_MEANT = ["connectionsTakeTurns", "whoDoesNotReadHasALimit", "piecesOfAnEarlierLife"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=50, help="of a hundred calls, so many (50)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    BUILD.mkdir(exist_ok=True)
    library = BUILD / "faults.so"
    source = ROOT / "CSources/CFaults/faults.c"
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    subprocess.run(["swift", "build", "--build-tests"], cwd=ROOT, check=True)
    environment = {**os.environ, "APUS_TEST_FAULTS": str(library), "APUS_FAULTS": f"{options.rate},{options.seed}"}
    command = ["swift", "test", "--skip-build", "--filter", f"ConformanceTests.({'|'.join(SUITES)})"]
    for name in NOT_MEANT:
        command += ["--skip", name]
    raise SystemExit(subprocess.run(command, cwd=ROOT, env=environment).returncode)


main()
