#!/usr/bin/env python3
"""A thousand requests at once that each wait 0.1 s in the database, over a pool of 50, and what plain requests to the
same worker notice of it.

Build first: swift build -c release --product Examples && swift build -c release --product apus
"""
import argparse
import json
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


def start_database(folder, core):
    data = os.path.join(folder, "data")
    port = turns.free_port()
    common = ["--no-defaults", "--user=root", f"--datadir={data}", f"--tmpdir={folder}"]
    subprocess.run(["mariadb-install-db", "--skip-test-db", "--auth-root-authentication-method=normal"] + common,
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    users = os.path.join(folder, "users.sql")
    with open(users, "w") as file:
        file.write("CREATE DATABASE bench;\nCREATE USER bench@'127.0.0.1' IDENTIFIED BY 'secret';\n"
                   "CREATE USER bench@localhost IDENTIFIED BY 'secret';\n"
                   "GRANT ALL ON bench.* TO bench@'127.0.0.1', bench@localhost;\n")
    server = subprocess.Popen(
        turns.pinned(core, ["/usr/sbin/mariadbd"] + common + [
            f"--socket={folder}/socket", "--bind-address=127.0.0.1", f"--port={port}", "--skip-log-bin",
            "--max-connections=200", f"--pid-file={folder}/database.pid", f"--init-file={users}"]),
        stderr=subprocess.DEVNULL)
    turns.wait_for(port, server)
    return server, port


def load(apus, core, *options):
    return subprocess.Popen(turns.pinned(core, [apus, "load", "--json"] + list(options)), stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)


def report(process):
    text, _ = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"{process.args}: ended with {process.returncode}")
    return json.loads(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    turns.add_options(parser, rounds=5)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--pool", type=int, default=50)
    parser.add_argument("--plain-rate", type=int, default=500)
    parser.add_argument("--apus", default=os.path.join(turns.RELEASE, "apus"))
    parser.add_argument("--examples", default=os.path.join(turns.RELEASE, "Examples"))
    options = parser.parse_args()
    for backend in ["libevent", "epoll"]:
        with tempfile.TemporaryDirectory() as folder:
            database, database_port = start_database(folder, options.client_core)
            port = turns.free_port()
            service = subprocess.Popen(
                turns.pinned(options.server_core, [
                    options.examples, "MySQLService", "start", "--single-process", "--backend", backend,
                    "--http", f"127.0.0.1:{port}", "--pool", str(options.pool),
                    "--database", f"mysql://bench:secret@127.0.0.1:{database_port}/bench",
                    "--pid-file", f"{folder}/pid", "--log-file", f"{folder}/log"]), stdout=subprocess.DEVNULL)
            try:
                turns.wait_for(port, service)
                measure(backend, f"http://127.0.0.1:{port}/", options)
            finally:
                for process in [service, database]:
                    process.terminate()
                    process.wait()


def measure(backend, url, options):
    seconds, plain = [], []
    count = str(options.requests)
    for _ in range(options.rounds):
        beside = load(options.apus, options.client_core, "-c", "8", "-R", str(options.plain_rate), "-d", "3s", url)
        time.sleep(0.3)
        slow = report(load(options.apus, options.client_core, "-n", count, "-c", count, url + "slow"))
        seconds.append(slow["duration_seconds"])
        plain.append(report(beside))
        for result in [slow, plain[-1]]:
            if result["errors"]["total"] or result["status"]["2xx"] != result["requests"]:
                raise SystemExit(f"{backend}: {result['errors']} {result['status']}")
    late = [result["latency_us"]["p99"] / 1000 for result in plain]
    worst = [result["latency_us"]["max"] / 1000 for result in plain]
    print(f"{backend:8}: {options.requests} requests in {statistics.median(seconds):.2f} s ({min(seconds):.2f} – "
          f"{max(seconds):.2f}); plain ones at {options.plain_rate}/s: p99 {statistics.median(late):.1f} ms "
          f"({min(late):.1f} – {max(late):.1f}), longest {max(worst):.1f} ms")


if __name__ == "__main__":
    main()
