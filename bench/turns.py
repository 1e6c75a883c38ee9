"""What benchmarks of clients share: servers on free ports, cores of their own, and turns whose figures are compared."""

import os
import socket
import statistics
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(ROOT, ".build", "release")
# A run of so few requests is what a client takes besides its requests.
FEW = 1000


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def pinned(core, command):
    return ["taskset", "-c", str(core)] + command


def add_options(parser, rounds):
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--server-core", default="0")
    parser.add_argument("--client-core", default="1")


def wait_for(port, server):
    """Until the process accepts connections."""
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if server.poll() is not None:
                raise SystemExit(f"{server.args}: ended with {server.returncode}")
            time.sleep(0.01)


def cpu_each(seconds, count):
    """Microseconds for each of `count` requests, of which `seconds(N)` says what N of them take."""
    return (seconds(count) - seconds(FEW)) / (count - FEW) * 1e6


def take_turns(rounds, ways, measure):
    """The figures of each way, one for each round."""
    figures = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            figures[name].append(measure(way))
    return figures


def print_table(figures, floor):
    """Medians, and the ratios to one of the ways in the same round."""
    print(f"{'':18} {'µs each':>8} {'× ' + floor:>12}  (smallest – largest of a round)")
    for name, values in figures.items():
        ratios = [value / least for value, least in zip(values, figures[floor])]
        print(f"{name:18} {statistics.median(values):8.3f} {statistics.median(ratios):12.2f}"
              f"  ({min(ratios):.2f} – {max(ratios):.2f})")
