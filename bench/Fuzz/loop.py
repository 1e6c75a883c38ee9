#!/usr/bin/env python3
"""Runs schedules of the loop fuzzer over both backends, in a process for each: loop.py [SCHEDULES [SEED]]. See README.md
of the folder above."""

import subprocess
import sys
import tempfile

import build

PROGRAM = build.ROOT / ".build/release/LoopFuzzer"


def make_certificate(folder):
    """What the server presents to clients that speak TLS."""
    certificate, key = f"{folder}/certificate.pem", f"{folder}/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


def main():
    schedules, seed = (sys.argv[1:] + ["1000000", "1"][len(sys.argv) - 1:])[:2]
    subprocess.run(["swift", "build", "-c", "release", "--product", "LoopFuzzer"], cwd=build.ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = make_certificate(folder)
        command = [str(PROGRAM), "--schedules", schedules, "--seed", seed, "--certificate", certificate, "--key", key]
        processes = [subprocess.Popen([*command, "--backend", backend]) for backend in ("epoll", "libevent")]
        raise SystemExit(1 if any([process.wait() for process in processes]) else 0)


main()
