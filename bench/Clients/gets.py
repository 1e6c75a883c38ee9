#!/usr/bin/env python3
"""What a GET costs the HTTP client, beside `apus load`, both asking nginx over connections that are kept.

Build first: swift build -c release --package-path bench/Clients && swift build -c release --product apus
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True  # the folder holds sources only
sys.path.insert(0, os.path.dirname(HERE))

import turns  # noqa: E402


def start_nginx(port, folder, core):
    path = os.path.join(folder, "nginx.conf")
    temporary = "".join(f"{name}_temp_path {folder}/{name};" for name in
                        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    with open(path, "w") as file:
        file.write(f"""daemon off; worker_processes 1; pid {folder}/pid; error_log /dev/null; user root;
            events {{ worker_connections 1024; }}
            http {{ access_log off; keepalive_requests 100000000; {temporary}
                server {{ listen 127.0.0.1:{port}; location / {{ return 200 "Hello, World!"; }} }} }}""")
    server = subprocess.Popen(turns.pinned(core, ["/usr/sbin/nginx", "-c", path]))
    turns.wait_for(port, server)
    return server


def cpu_seconds(core, command, requests):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [word if word != "COUNT" else str(requests) for word in command]
    subprocess.run(turns.pinned(core, words), check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    turns.add_options(parser, rounds=9)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--apus", default=os.path.join(turns.RELEASE, "apus"))
    options = parser.parse_args()
    gets = os.path.join(HERE, ".build", "release", "HTTPGets")
    with tempfile.TemporaryDirectory() as folder:
        port = turns.free_port()
        url = f"http://127.0.0.1:{port}/"
        server = start_nginx(port, folder, options.server_core)
        try:
            ways = {"apus load": [options.apus, "load", "-n", "COUNT", "-c", str(options.connections), url]}
            for style in ["callback", "await"]:
                for backend in ["libevent", "epoll"]:
                    ways[f"{style} {backend}"] = [gets, url, "COUNT", str(options.connections), style, backend]
            figures = turns.take_turns(
                options.rounds, ways, lambda command: turns.cpu_each(
                    lambda count: cpu_seconds(options.client_core, command, count), options.requests))
        finally:
            server.terminate()
            server.wait()
    print(f"{options.requests} GETs over {options.connections} connections to nginx, {options.rounds} rounds")
    turns.print_table(figures, "apus load")


if __name__ == "__main__":
    main()
