#!/usr/bin/env python3
"""Kills processes of a service at random while clients use it, and looks whether what it has said is true.

    swift build -c release --package-path bench/Service
    bench/Faults/kills.py                              600 s, epoll
    bench/Faults/kills.py --seconds 60 --seed 7 --backend libevent

Masters, HTTP workers and the servers of channels and of global data get SIGKILL, alone, together, in the midst of
reloads and of starts. Ends with status 1 when something was lost, mixed up or left behind. See ../README.md.
"""

import argparse
import collections
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True  # the folder holds sources only

from askers import Asker, Broken, Ledger, ask_once  # noqa: E402
from processes import (Service, Trouble, descriptors, is_running, kill, processes_of, resident,  # noqa: E402
                       title, wait_until)

PROGRAM = Path(__file__).resolve().parent.parent / "Service/.build/release/Service"
WEB_WORKERS = 3
SLACK = 0.5  # seconds around a kill in which connections of its process may break
LEAVING = 3  # seconds within which workers are gone whose master was killed: two, and one for a busy machine

# What is done to the services, and how often of a hundred times.
KILLS = {
    "web worker": 40,
    "all web workers": 5,
    "channel server": 17,
    "data server": 13,
    "web master": 6,
    "cluster master": 5,
    "web reload": 5,
    "web reload and worker": 4,
    "web reload and master": 3,
    "cluster reload and master": 2,
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Run:
    """Two services, their clients, and what has happened to them."""

    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.random = random.Random(arguments.seed)
        self.program = os.path.join(folder, "Service")
        self.witness = os.path.join(folder, "witness")
        os.mkdir(self.witness)
        # A file of its own: whatever runs it belongs to this run.
        shutil.copy(arguments.program, self.program)
        self.port = free_port()
        channel, data = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        servers = ["--channel", channel, "--data", data]
        self.cluster = Service("cluster", self.program, folder, arguments.backend,
                               [*servers, "--journal", os.path.join(folder, "journal")], 2)
        self.web = Service("web", self.program, folder, arguments.backend,
                           [*servers, "--http", f"127.0.0.1:{self.port}", "--witness", self.witness,
                            "--count", str(WEB_WORKERS)], WEB_WORKERS)
        self.ledger = Ledger()
        self.askers = []
        self.kills = collections.Counter()
        self.web_troubles = []  # (begin, end): connections to the HTTP port may break
        self.data_kills = []  # (begin, end): the values are gone
        self.slowest = collections.Counter()  # seconds, by what was waited for
        self.references = {}

    def violation(self, text):
        self.ledger.violations.append(text)
        print(f"  VIOLATION {text}", flush=True)

    # ---- the beginning and the end ----

    def start(self):
        for service in (self.cluster, self.web):
            if fault := service.start():
                raise Trouble(fault)
        self.settle("at the start")

    def settle(self, when):
        for service in (self.cluster, self.web):
            if not wait_until(service.is_complete, 45):
                titles = [title(pid) for pid in service.pids() if is_running(pid)]
                self.violation(f"{when}: {service.name} has not its workers within 45 s, but {titles}")

    def load(self):
        self.askers = [Asker(self.port, self.ledger, self.random.random(), self.arguments.pause)
                       for _ in range(self.arguments.clients)]
        for asker in self.askers:
            asker.start()

    def unload(self):
        for asker in self.askers:
            asker.over.set()
        for asker in self.askers:
            asker.join(120)
            if asker.is_alive():
                self.violation("a client still waits for an answer after 120 s")

    def idle_descriptors(self):
        """By process, when there are no clients: of masters and workers."""
        kinds = {}
        for service in (self.web, self.cluster):
            kinds[f"{service.name} master"] = [descriptors(service.master)]
            kinds[f"{service.name} workers"] = [descriptors(pid) for pid in service.pids()]
        return kinds

    def files(self):
        return {name for name in os.listdir(self.folder) if name != "witness"}

    # ---- the kills ----

    def storm(self):
        end = time.monotonic() + self.arguments.seconds
        while (now := time.monotonic()) < end:
            sort = self.random.choices(list(KILLS), list(KILLS.values()))[0]
            self.strike(sort)
            if self.arguments.verbose:
                print(f"  {sort}: {time.monotonic() - now:.2f} s", flush=True)
            time.sleep(self.random.expovariate(1 / self.arguments.every))

    def strike(self, sort):
        done = True
        if sort == "web worker":
            done = self.kill_web_workers(1)
        elif sort == "all web workers":
            done = self.kill_web_workers(WEB_WORKERS)
        elif sort in ("channel server", "data server"):
            done = self.kill_server("ChannelServer" if sort[0] == "c" else "globalDataServer")
        elif sort == "web master":
            self.kill_master(self.web)
        elif sort == "cluster master":
            self.kill_master(self.cluster)
        else:
            done = self.reload(sort)
        if done:
            self.kills[sort] += 1

    def kill_web_workers(self, count):
        pids = [pid for pid in self.web.pids()]
        self.random.shuffle(pids)
        begin = time.monotonic()
        killed = [kill(pid) for pid in pids[:count]]
        self.web_troubles.append((begin, time.monotonic() + SLACK))
        return any(killed)

    def kill_server(self, worker):
        pids = self.cluster.pids_of(worker)
        if not pids:
            return False  # its successor waits
        begin = time.monotonic()
        killed = kill(pids[0])
        if not wait_until(lambda: not is_running(pids[0]), 5):
            raise Trouble(f"a {worker} survives SIGKILL")
        if worker == "globalDataServer":
            self.data_kills.append((begin, time.monotonic()))
        return killed

    def kill_master(self, service):
        workers = service.pids()
        begin = time.monotonic()
        kill(service.master)
        if not wait_until(lambda: not any(map(is_running, workers)), LEAVING):
            self.violation(f"{service.name}: workers still run {LEAVING} s after their master was killed")
            wait_until(lambda: not any(map(is_running, workers)), 30)
        gone = time.monotonic()
        self.slowest["workers leave"] = max(self.slowest["workers leave"], gone - begin)
        if service is self.cluster:
            self.data_kills.append((begin, gone))
        if self.random.random() < 0.3:
            service.start_broken_off(self.random.uniform(0, 0.1))
            self.kills["start broken off"] += 1
        elif self.random.random() < 0.5:
            time.sleep(self.random.uniform(0, 0.5))
        self.start_again(service)
        if service is self.web:
            self.web_troubles.append((begin, time.monotonic() + SLACK))

    def start_again(self, service):
        begin = time.monotonic()
        if fault := service.adopt():
            self.violation(fault)
            if fault := service.adopt():
                raise Trouble(f"again: {fault}")
        self.slowest["start"] = max(self.slowest["start"], time.monotonic() - begin)

    def reload(self, sort):
        service = self.cluster if sort.startswith("cluster") else self.web
        begin = time.monotonic()
        os.kill(service.master, signal.SIGUSR1)
        if sort == "web reload":
            # Idle connections are closed, and questions cross with that.
            self.web_troubles.append((begin, time.monotonic() + 3))
            return True
        time.sleep(self.random.uniform(0, 0.3))
        if sort.endswith("worker"):
            self.kill_web_workers(1)
            self.web_troubles.append((begin, time.monotonic() + 3))
        else:
            self.kill_master(service)
            if service is self.web:
                self.web_troubles.append((begin, time.monotonic() + SLACK))
        return True

    # ---- what must be ----

    def check_failures(self):
        for sent, ended, what in self.ledger.failures:
            if not any(begin <= ended and sent <= end for begin, end in self.web_troubles):
                self.violation(f"without a kill: {what}")

    def check_counter(self, verb, life_of, final):
        """Answers of one counter, each by one more than another's: none twice, and none below one that was there
        before it was asked for. `life_of`: the life that an answer belongs to, None when that is not known."""
        lives = collections.defaultdict(list)
        for answer in self.ledger.counts[verb]:
            if (life := life_of(answer)) is not None:
                lives[life].append(answer)
        for life, answers in lives.items():
            values = collections.Counter(answer.value for answer in answers)
            for value, count in values.items():
                if count > 1:
                    self.violation(f"{verb}: {count} were told that they made it {value} in life {life}")
            by_end = sorted(answers, key=lambda answer: answer.ended)
            index = highest = 0
            for answer in sorted(answers, key=lambda answer: answer.sent):
                while by_end[index].ended < answer.sent:
                    highest = max(highest, by_end[index].value)
                    index += 1
                if answer.value <= highest:
                    self.violation(f"{verb}: {answer.value} after {highest} in life {life}")
        if final is not None:
            life, value = final
            confirmed = len(lives[life])
            unknown = len(self.ledger.counts[verb]) - sum(map(len, lives.values()))
            unknown += sum(1 for other, *_ in self.ledger.unknown if other == verb)
            if not confirmed <= value <= confirmed + unknown:
                self.violation(f"{verb}: {confirmed} were confirmed, {unknown} may have been, and it is {value}")
        return {life: len(answers) for life, answers in lives.items()}

    def data_life(self, answer):
        """How often the data server had been killed; None when it was while this was asked for."""
        if any(begin <= answer.ended and answer.sent <= end for begin, end in self.data_kills):
            return None
        return sum(1 for _, end in self.data_kills if end < answer.sent)

    def check_counters(self):
        life, hits = ask_once(self.port, "hits").split(" ")
        self.check_counter("hit", lambda answer: answer.life, (life, int(hits)))
        self.check_counter("row", lambda answer: answer.life, None)
        total = int(ask_once(self.port, "sum"))
        self.check_counter("add", self.data_life, (len(self.data_kills), total))
        lives = self.check_counter("tally", lambda answer: answer.life, None)
        if len(lives) > len(self.data_kills) + 1:
            self.violation(f"{len(lives)} lives of values with {len(self.data_kills)} kills of their server")
        rows = ask_once(self.port, "rows")
        if rows.startswith("fault"):
            self.violation(rows)

    def delivered(self):
        found = collections.Counter()
        for path in Path(self.witness).glob("delivered.*"):
            for line in path.read_text().splitlines():
                queue, number = line.split(" ")
                found[queue, int(number)] += 1
        return found

    def check_queues(self):
        """Waits until all that was kept is delivered."""
        kept = {(queue, number) for queue, numbers in self.ledger.kept.items() for number in numbers}
        wait_until(lambda: kept <= self.delivered().keys(), 60, pause=0.5)
        found = self.delivered()
        for queue, number in sorted(kept - found.keys())[:20]:
            self.violation(f"item {number} of {queue} was confirmed and never delivered")
        attempted = {(queue, number) for queue, numbers in self.ledger.attempted.items() for number in numbers}
        for queue, number in sorted(found.keys() - attempted)[:20]:
            self.violation(f"item {number} of {queue} was delivered, and nobody has sent it")
        return len(kept), found

    def check_witnesses(self):
        for path in Path(self.witness).glob("violations.*"):
            for line in path.read_text().splitlines()[:5]:
                self.violation(f"{path.name}: {line}")

    def check_logs(self):
        """A process that ends in another way than by SIGKILL has crashed."""
        for service in (self.web, self.cluster):
            for line in Path(service.log).read_text(errors="replace").splitlines():
                if "exit with status" in line and "(signal 9 KILL)" not in line:
                    self.violation(line[:300])

    def check_leftovers(self):
        more = self.files() - self.reference_files - {"journal.new"}
        if more:
            self.violation(f"files are left: {sorted(more)}")

        def excess():
            found = []
            for who, processes in self.idle_descriptors().items():
                most = max(map(len, self.reference_descriptors[who]))
                found += [(who, mine) for mine in processes if len(mine) > most]
            return found

        if not wait_until(lambda: not excess(), 10, pause=0.2):
            for who, mine in excess():
                before = collections.Counter(max(self.reference_descriptors[who], key=len))
                self.violation(f"{who}: {len(mine)} descriptors, more than before by "
                               f"{dict(collections.Counter(mine) - before)}")

    def check_end(self):
        for service in (self.web, self.cluster):
            done = service.run("stop")
            if done.returncode != 0:
                self.violation(f"stop of {service.name}: {done.returncode} {(done.stdout + done.stderr).strip()}")
        if not wait_until(lambda: not processes_of(self.program), 5):
            left = processes_of(self.program)
            self.violation(f"{len(left)} processes are left: {[title(pid) for pid in left]}")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                self.violation(f"the port is still taken: {error}")

    def whole(self):
        self.start()
        # Connections and files that are made with the first use are no leaks: so, with clients, and then without them.
        self.load()
        time.sleep(3)
        self.unload()
        time.sleep(1)
        self.reference_descriptors, self.reference_files = self.idle_descriptors(), self.files()
        memory = resident(self.web.master), resident(self.cluster.master)
        self.load()
        self.storm()
        self.settle("at the end")
        time.sleep(1)
        self.unload()
        self.check_failures()
        self.check_counters()
        kept, found = self.check_queues()
        self.check_leftovers()
        self.check_witnesses()
        self.check_logs()
        after = resident(self.web.master), resident(self.cluster.master)
        self.check_end()
        self.report(kept, found, memory, after)

    def report(self, kept, found, memory, after):
        ledger = self.ledger
        print("kills: " + ", ".join(f"{count} {sort}" for sort, count in sorted(self.kills.items())))
        print(f"questions: {len(ledger.questions):,}, {len(ledger.answers):,} answered, "
              f"{len(ledger.refused):,} refused, {len(ledger.unknown):,} unknown; "
              f"{len(ledger.failures):,} connections broke")
        repeated = sum(count - 1 for count in found.values())
        sent = sum(map(len, ledger.attempted.values()))
        print(f"items: {sent:,} sent, {kept:,} confirmed, {len(found):,} delivered, {repeated:,} times again")
        for verb, answers in ledger.counts.items():
            print(f"counter {verb}: {len(answers):,} confirmed")
        print("longest: " + ", ".join(f"{what} {seconds:.2f} s" for what, seconds in self.slowest.items()))
        print(f"masters' memory, KiB: web {memory[0]:,} → {after[0]:,}, cluster {memory[1]:,} → {after[1]:,}")
        print(f"violations: {len(ledger.violations)}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--seconds", type=float, default=600, help="of kills (600)")
    add("--seed", type=int, default=1, help="of what is killed when (1); timing makes each run another one")
    add("--backend", choices=["epoll", "libevent"], default="epoll")
    add("--every", type=float, default=0.8, help="seconds between kills, on average (0.8)")
    add("--clients", type=int, default=12)
    add("--pause", type=float, default=0.06, help="seconds that a client rests between questions, at most (0.06)")
    add("--program", default=str(PROGRAM), help="the Service program")
    add("--keep", action="store_true", help="keep logs, journal and witnesses")
    add("--verbose", action="store_true", help="print each kill")
    arguments = parser.parse_args()
    if not os.path.exists(arguments.program):
        sys.exit("kills.py: swift build -c release --package-path bench/Service comes first")
    return arguments


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments = parse_arguments()
    folder = tempfile.mkdtemp(prefix="apus-kills-")
    print(f"{arguments.seconds:.0f} s, seed {arguments.seed}, {arguments.backend}", flush=True)
    run = Run(arguments, folder)
    try:
        run.whole()
    except (Trouble, Broken) as error:
        run.violation(str(error))
    finally:
        for pid in processes_of(run.program):
            kill(pid)
        if arguments.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if run.ledger.violations else 0)


if __name__ == "__main__":
    main()
