#!/usr/bin/env python3
"""What a GET costs the client: RedisGets beside a C program with hiredis and libevent that does the same.

Build first: swift build -c release --package-path bench/Redis
"""
import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True  # the folder holds sources only
sys.path.insert(0, os.path.dirname(HERE))

import turns  # noqa: E402


def build_peer(folder):
    program = os.path.join(folder, "hiredis-gets")
    subprocess.run(
        ["cc", "-O2", os.path.join(HERE, "hiredis.c"), "-o", program, "-lhiredis", "-levent_core"], check=True)
    return program


def start_redis(port, folder, core):
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
               "--dir", folder]
    server = subprocess.Popen(turns.pinned(core, command), stdout=subprocess.DEVNULL)
    for _ in range(1000):
        try:
            with socket.create_connection(("127.0.0.1", port)) as peer:
                peer.sendall(b"SET benchmark:key 0123456789abcdef\r\n")
                if peer.recv(16).startswith(b"+OK"):
                    return server
        except OSError:
            pass
        time.sleep(0.01)
    server.kill()
    raise SystemExit("redis-server does not answer")


def cpu_seconds(core, command, commands):
    words = [word if word != "COUNT" else str(commands) for word in command]
    nanoseconds = subprocess.run(turns.pinned(core, words), check=True, capture_output=True, text=True).stdout
    return int(nanoseconds) / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    turns.add_options(parser, rounds=9)
    parser.add_argument("--commands", type=int, default=400_000)
    parser.add_argument("--in-flight", type=int, default=64)
    options = parser.parse_args()
    gets = os.path.join(HERE, ".build", "release", "RedisGets")
    with tempfile.TemporaryDirectory() as folder:
        peer = build_peer(folder)
        port = turns.free_port()
        server = start_redis(port, folder, options.server_core)
        try:
            shared = [str(port), "COUNT", str(options.in_flight)]
            ways = {"hiredis": [peer] + shared}
            for style in ["callback", "await"]:
                for backend in ["libevent", "epoll"]:
                    ways[f"{style} {backend}"] = [gets] + shared + [style, backend]
            figures = turns.take_turns(
                options.rounds, ways, lambda command: turns.cpu_each(
                    lambda count: cpu_seconds(options.client_core, command, count), options.commands))
        finally:
            server.terminate()
            server.wait()
    print(f"{options.commands} GETs of 16 bytes, {options.in_flight} under way, {options.rounds} rounds")
    turns.print_table(figures, "hiredis")


if __name__ == "__main__":
    main()
