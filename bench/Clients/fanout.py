#!/usr/bin/env python3
"""Events for eight processes: through a ChannelServer, and through Redis' publish and subscribe, in turns.

Build first: swift build -c release --package-path bench/Clients && swift build -c release --product Examples
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True  # the folder holds sources only
sys.path.insert(0, os.path.dirname(HERE))

import turns  # noqa: E402

PROGRAM = os.path.join(HERE, ".build", "release", "FanOut")


def start_server(kind, folder, core, examples):
    path = os.path.join(folder, kind)
    if kind == "redis":
        command = ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir",
                   folder]
    else:
        command = [examples, "ClusterServers", "start", "--single-process", "--backend", "epoll", "--channel",
                   f"unix:{path}", "--data", f"unix:{path}-data", "--pid-file", f"{path}.pid", "--log-file",
                   f"{path}.log"]
    server = subprocess.Popen(turns.pinned(core, command), stdout=subprocess.DEVNULL)
    while not os.path.exists(path):
        time.sleep(0.01)
    return kind, server, f"unix:{path}"


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def turn(kind, server, address, options):
    count = str(options.events)
    receivers = [subprocess.Popen(turns.pinned(options.client_core, [PROGRAM, "receive", kind, address, count]),
                                  stdout=subprocess.PIPE, text=True) for _ in range(options.receivers)]
    for receiver in receivers:
        assert receiver.stdout.readline() == "ready\n"
    before = cpu_seconds(server.pid)
    start = time.monotonic()
    subprocess.run(turns.pinned(options.client_core, [PROGRAM, "publish", kind, address, count, str(options.bytes),
                                                      str(options.receivers)]), check=True, stdout=subprocess.DEVNULL)
    for receiver in receivers:
        if receiver.wait() != 0:
            raise SystemExit("a receiver has failed")
    seconds = time.monotonic() - start
    return options.events / seconds, (cpu_seconds(server.pid) - before) / options.events * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    turns.add_options(parser, rounds=9)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--bytes", type=int, default=100)
    parser.add_argument("--receivers", type=int, default=8)
    parser.add_argument("--examples", default=os.path.join(turns.RELEASE, "Examples"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        servers = {kind: start_server(kind, folder, options.server_core, options.examples)
                   for kind in ["channel", "redis"]}
        try:
            figures = turns.take_turns(options.rounds, servers, lambda way: turn(*way, options))
        finally:
            for _, server, _ in servers.values():
                server.terminate()
                server.wait()
    rates = [a[0] / b[0] for a, b in zip(figures["channel"], figures["redis"])]
    costs = [a[1] / b[1] for a, b in zip(figures["channel"], figures["redis"])]
    print(f"{options.events} events of {options.bytes} bytes for {options.receivers} processes, "
          f"{options.rounds} rounds")
    for kind, values in figures.items():
        print(f"{kind:8} {statistics.median(v[0] for v in values):8.0f} events/s, "
              f"server {statistics.median(v[1] for v in values):6.1f} µs of CPU each")
    print(f"events/s, channel × redis: {statistics.median(rates):.2f} ({min(rates):.2f} – {max(rates):.2f}); "
          f"CPU of the server: {statistics.median(costs):.2f} ({min(costs):.2f} – {max(costs):.2f})")


if __name__ == "__main__":
    main()
