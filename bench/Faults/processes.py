"""Services of one program that are started, killed and looked at."""

import os
import signal
import subprocess
import time
from pathlib import Path


class Trouble(Exception):
    """Something that ends the run."""


def children(pid):
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def title(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def descriptors(pid):
    """What the descriptors of a process are, in words without numbers."""
    kinds = []
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            kinds.append(os.readlink(entry.path).split(":[")[0])
    except OSError:
        pass
    return sorted(kinds)


def resident(pid):
    """KiB."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4
    except OSError:
        return 0


def kill(pid):
    """Whether it was there to be killed."""
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def wait_until(condition, seconds, pause=0.005):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def processes_of(program):
    """All processes that run this file, whoever their parents are."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            if os.readlink(f"/proc/{entry}/exe").removesuffix(" (deleted)") == program and is_running(entry):
                found.append(int(entry))
        except OSError:
            pass
    return found


class Service:
    """One service. Kept: its master, which is another one after each start."""

    def __init__(self, name, program, folder, backend, options, workers):
        self.name, self.program, self.workers = name, program, workers
        self.pid_file = os.path.join(folder, f"{name}.pid")
        self.log = os.path.join(folder, f"{name}.log")
        self.options = ["--serve", name, "--backend", backend, "--pid-file", self.pid_file, "--log-file", self.log]
        self.options += options
        self.master = 0

    def command(self, *words):
        return [self.program, *words, *self.options]

    def run(self, *words, patience=60):
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=patience)

    def start(self):
        """Says what is wrong; None when it has started."""
        done = self.run("start", "-d")
        if done.returncode != 0:
            return f"start of {self.name} ended with {done.returncode}: {(done.stdout + done.stderr).strip()}"
        self.master = int(Path(self.pid_file).read_text())
        if not is_running(self.master):
            return f"start of {self.name} succeeded, and its master is gone"
        return None

    def start_broken_off(self, seconds):
        """Starts it, and kills what starts it soon after; the service may come up nevertheless."""
        process = subprocess.Popen(self.command("start", "-d"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.kill()
        process.wait()

    def adopt(self):
        """Starts it unless it runs. What is wrong, or None."""
        done = self.run("start", "-d")
        if done.returncode == 1 and "already" in (done.stdout + done.stderr):
            # A start that was broken off may go on in the background, and has the file before it writes to it.
            if not wait_until(lambda: Path(self.pid_file).read_text().strip().isdigit(), 10):
                return f"{self.name} «runs already», and its pid file holds no number"
            self.master = int(Path(self.pid_file).read_text())
            return None if is_running(self.master) else f"{self.name} «runs already», and its master is gone"
        if done.returncode != 0:
            return f"start of {self.name} ended with {done.returncode}: {(done.stdout + done.stderr).strip()}"
        self.master = int(Path(self.pid_file).read_text())
        return None

    def pids(self):
        return children(self.master)

    def pids_of(self, worker):
        return [pid for pid in self.pids() if f" {worker} " in title(pid)]

    def is_complete(self):
        found = [pid for pid in self.pids() if "worker process" in title(pid)]
        return len(found) == self.workers == len(self.pids())
