"""Asks a server that is attacked, and an idle one beside it, how long they take to answer."""

import multiprocessing
import os
import select
import socket
import time
from pathlib import Path

EVERY = 0.25
PATIENCE = 10.0
REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


def waited(pids):
    """Seconds that each process has been ready and had no processor."""
    times = {}
    for pid in pids:
        try:
            times[pid] = int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
        except OSError:
            pass
    return times


def ask(ports):
    """Asks all of them at once, on new connections: of each, the seconds it took and what was wrong, or None."""
    poller, asked, outcomes, began = select.poll(), {}, {}, time.monotonic()
    for port in ports:
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", port))
        asked[connection.fileno()] = [port, connection, False]
        poller.register(connection, select.POLLOUT)
    while len(outcomes) < len(ports) and (left := began + PATIENCE - time.monotonic()) > 0:
        for fd, _ in poller.poll(left * 1000):
            port, connection, is_sent = asked[fd]
            try:
                if not is_sent:
                    asked[fd][2] = connection.send(REQUEST) > 0
                    poller.modify(fd, select.POLLIN)
                    continue
                wrong = None if connection.recv(4096).startswith(b"HTTP/1.1 200") else "a wrong answer"
            except OSError as error:
                wrong = str(error)
            poller.unregister(fd)
            outcomes[port] = (time.monotonic() - began, wrong)
    for _, connection, _ in asked.values():
        connection.close()
    return [outcomes.get(port, (PATIENCE, f"no answer within {PATIENCE:.0f} s")) for port in ports]


class Probe:
    """A process of its own, since an attacker that is busy would keep a thread of its process waiting."""

    def __init__(self, port, control, pids, core):
        self.over, self.results = multiprocessing.Event(), multiprocessing.Queue()
        self.process = multiprocessing.Process(target=self.run, args=(port, control, pids, core), daemon=True)
        self.process.start()

    def run(self, port, control, pids, core):
        os.sched_setaffinity(0, {core})
        answers = []
        while not self.over.wait(EVERY):
            before = waited(pids)
            (seconds, wrong), (beside, _) = ask([port, control])
            after = waited(pids)
            without = max((after[pid] - before[pid] for pid in after if pid in before), default=0)
            # What the idle server needs as well is the machine's, and so is the time without a processor.
            answers.append((seconds, beside, without, max(0, seconds - max(beside, without)), wrong))
        self.results.put(answers)

    def end(self):
        self.over.set()
        answers = self.results.get(timeout=2 * PATIENCE)
        self.process.join(5)
        return Answers(answers)

    def abandon(self):
        if self.process.is_alive():
            self.process.terminate()
            self.process.join(5)


class Answers:
    def __init__(self, answers):
        self.count = len(answers)
        self.slowest, self.control, self.without, self.own = (
            max((answer[column] for answer in answers), default=0) for column in range(4))
        self.failures = [answer[4] for answer in answers if answer[4]]
