#!/usr/bin/env python3
"""Holds connections open, uses each once, and says what they cost both sides. See ../README.md.

    bench/EndToEnd/held.py
    bench/EndToEnd/held.py --connections 20000 --protocol text --backend libevent
"""

import argparse
import json
import subprocess
import sys
import threading
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only

from preparations import EXAMPLES  # noqa: E402
from servers import Apus, BenchError, Server, run_script  # noqa: E402

# Towards one port, an address of the client is good for some 28,000 connections. The kernel looks for a port among one
# half of them first, and long when that is full.
PER_ADDRESS = 10_000
# Connections of one process: a system may allow it 20,000 descriptors. Workers do not get quite the same share.
PER_WORKER, PER_GENERATOR = 13_000, 18_000


class Workers(Apus):
    """As many workers as the connections need."""

    def __init__(self, prefix, backend, protocol, count):
        super().__init__(prefix, backend)
        self.protocol, self.count = protocol, count

    def answers(self, port):
        return "Start success" in Path(self.output).read_text(errors="replace") if self.output else False

    output = None

    def command(self, port, directory, single_process):
        self.output = f"{directory}/output"
        command = super().command(port, directory, single_process)
        command[command.index("--count") + 1] = str(self.count)
        return command


def sources(connections):
    """So many local addresses, in a net of their own."""
    bits = max(4, (-(-connections // PER_ADDRESS)).bit_length())
    return f"127.0.64.0/{32 - bits}"


def kernel_memory():
    """Bytes that the kernel has allocated for itself, both ends of the connections among them."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["Slab"].split()[0]) * 1024


def memory(server):
    """Bytes of all processes of the server, each shared page divided among those who share it."""
    total = 0
    for pid in server.pids():
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(text.split("\nPss:")[1].split()[0]) * 1024
    return total


def measure(arguments):
    count = -(-arguments.connections // PER_WORKER)
    scheme = "ws" if arguments.protocol == "websocket" else arguments.protocol
    with Server(Workers(arguments.apus, arguments.backend, arguments.protocol, count), "0,1") as server:
        before, kernel_before = memory(server), kernel_memory()
        peak, kernel_peak = [before], [kernel_before]
        ended = threading.Event()

        def watch():
            while not ended.wait(0.5):
                peak[0] = max(peak[0], memory(server))
                kernel_peak[0] = max(kernel_peak[0], kernel_memory())

        watcher = threading.Thread(target=watch)
        watcher.start()
        command = [arguments.apus_tool, "load", "--hold", "-q", "--json", "-d", f"{arguments.seconds}s", "--ramp",
                   f"{arguments.seconds}s", "-c", str(arguments.connections), "-t",
                   str(-(-arguments.connections // PER_GENERATOR)), "--source", sources(arguments.connections),
                   f"{scheme}://127.0.0.1:{server.port}"]
        try:
            run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        finally:
            ended.set()
            watcher.join()
        if not run.stdout.startswith("{"):
            raise BenchError(run.stderr)
        return json.loads(run.stdout), peak[0], peak[0] - before, kernel_peak[0] - kernel_before


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apus", metavar="PATH", default=str(EXAMPLES))
    parser.add_argument("--apus-tool", metavar="PATH", default=str(EXAMPLES.with_name("apus")))
    parser.add_argument("--backend", choices=["epoll", "libevent"], default="epoll")
    parser.add_argument("--protocol", choices=["websocket", "text", "frame"], default="websocket")
    parser.add_argument("--connections", metavar="N", type=int, default=100_000)
    parser.add_argument("--seconds", metavar="S", type=float, default=10.0, help="to open them, and to hold them")
    arguments = parser.parse_args()

    def body():
        figures, peak, growth, kernel = measure(arguments)
        count = arguments.connections
        latency = figures["latency_us"]
        print(f"{count:,} connections of {arguments.protocol} to {arguments.backend}: "
              f"opened in {figures['opening_seconds']:.1f} s, held for {figures['held_seconds']:.1f} s, then used once")
        print(f"answered {figures['requests']:,}, errors {figures['errors']['total']:,}, "
              f"unfinished {figures['unfinished']:,}; p50 {latency['p50'] / 1000:.2f} ms, "
              f"p99 {latency['p99'] / 1000:.1f} ms")
        print(f"server: {peak / 2**20:.1f} MiB, {growth / count:,.0f} bytes for each connection")
        print(f"kernel: {kernel / 2**20:.1f} MiB, {kernel / count:,.0f} bytes for both ends of each connection")
        print(f"client: {figures['client_memory_bytes'] / 2**20:.1f} MiB, all in all "
              f"{figures['client_memory_bytes'] / count:,.0f} bytes for each connection")
        if figures["requests"] != count or figures["errors"]["total"] or figures["unfinished"]:
            raise BenchError(f"not all of them were answered: {figures['error_causes']}")

    run_script("held.py", body)


if __name__ == "__main__":
    main()
