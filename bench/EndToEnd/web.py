#!/usr/bin/env python3
"""Measures what the router and JSON cost, beside a handler that answers the same text. See ../README.md.

    swift build -c release --package-path bench/Web
    bench/EndToEnd/web.py                    9 rounds, and user instructions
    bench/EndToEnd/web.py --rounds 3 --quick turns only
"""

import argparse
import datetime
import shlex
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only

from measurements import (Lane, Load, Scenario, Settings, instructions_of_run, per_request,  # noqa: E402
                          run_scenario)
from preparations import (BENCH, add_core_options, check_cores, compile_c, describe_machine,  # noqa: E402
                          print_heading)
from report import scenario_table, table  # noqa: E402
from servers import Apus, BenchError, Server, run_script  # noqa: E402

WEB = BENCH / "Web/.build/release/WebServers"
CONNECTIONS = 64
LANES = (  # name, server, path
    ("handler: text", "handler", "/"),
    ("handler: HTTPResponse", "handler", "/response"),
    ("handler: JSON", "handler", "/json"),
    ("router: text", "router", "/"),
    ("router: /users/:id", "router", "/users/42"),
    ("router: JSON", "router", "/json"),
    ("router: async", "router", "/async"),
)


class WebServer(Apus):
    """One of the servers of bench/Web."""

    def __init__(self, prefix, kind, backend):
        super().__init__(prefix, backend)
        self.name, self.kind = kind, kind

    def check(self):
        if not self.prefix or not shutil.which(self.prefix[0]):
            raise BenchError(f"no program at '{shlex.join(self.prefix)}': swift build -c release --package-path bench/Web")

    def command(self, port, directory, single_process):
        command = self.prefix + ["start", "--backend", self.backend, "--serve", self.kind, "--on", f"127.0.0.1:{port}"]
        command += ["--pid-file", f"{directory}/pid", "--log-file", f"{directory}/log"]
        return command + (["--single-process"] if single_process else [])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--servers", metavar="PATH", default=str(WEB), help="the program (default: bench/Web/.build/release/WebServers)")
    add("--backend", default="epoll", choices=("epoll", "libevent"), help="(default: epoll)")
    add("--rounds", metavar="N", type=int, default=9, help="turns of each lane (default: 9)")
    add("--turn-seconds", metavar="S", type=float, default=1.0, help="length of a turn (default: 1)")
    add("--quick", action="store_true", help="no instructions")
    add_core_options(parser)
    return parser.parse_args()


def run(arguments):
    check_cores(arguments)
    print_heading(datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
                  shlex.join(["web.py", *sys.argv[1:]]), describe_machine())
    client = compile_c(Path(__file__).with_name("client.c"), "client")
    settings = Settings(client, None, arguments.server_core, arguments.client_core, arguments.rounds,
                        arguments.turn_seconds, say=lambda text: print(f"… {text}", file=sys.stderr, flush=True))
    targets = {kind: WebServer(arguments.servers, kind, arguments.backend) for kind in ("handler", "router")}
    lanes = tuple(Lane(name, server, Load(CONNECTIONS, path=path), LANES[0][0]) for name, server, path in LANES)
    with ExitStack() as stack:
        servers = {kind: stack.enter_context(Server(target, arguments.server_core)) for kind, target in targets.items()}
        result = run_scenario(settings, servers, Scenario("web", Load(CONNECTIONS), lanes))
    if settings.problems:
        raise BenchError("\n".join(settings.problems))
    print(f"\n{scenario_table(result, 'web')}")
    if arguments.quick:
        return
    rows = []
    for name, server, path in LANES:
        settings.say(f"user instructions: {name}")
        low, high = (instructions_of_run(settings, targets[server], Load(CONNECTIONS, path=path), number)
                     for number in (6400, 32000))
        rows.append((name, f"{per_request(6400, low, 32000, high)['per_request']:,.0f}"))
    print(f"\n{table(['lane', 'user instructions per request'], rows)}")


if __name__ == "__main__":
    run_script("web.py", lambda: run(parse_arguments()))
