#!/usr/bin/env python3
"""Compares the request parser with http-parser: differential.py [--count N] [--seed N]. Needs libhttp-parser-dev."""

import subprocess
import sys

import build


def main():
    sources = build.HERE / "Differential"
    build.BUILD.mkdir(exist_ok=True)
    peer = build.BUILD / "peer.o"
    subprocess.run(["clang", "-O2", "-c", sources / "peer.c", "-o", peer], check=True)
    files = [*build.PARSERS, *sorted(sources.glob("*.swift"))]
    program = build.swift("differential", files, ["-I", str(sources), str(peer), "-lhttp_parser"])
    raise SystemExit(subprocess.run([program, *sys.argv[1:]]).returncode)


main()
