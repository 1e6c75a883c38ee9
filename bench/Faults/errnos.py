#!/usr/bin/env python3
"""Makes every system call of the C core fail with every error it can have, while services start and while they run:
errnos.py [--call NAME]… [--backend NAME] [--start-only] [--run-only]. Needs `swift build -c release --product
Examples`. Ends with status 1 when a process crashed, hung, span or gave a wrong answer. See bench/README.md."""

import argparse
import errno
import mmap
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

from processes import children, descriptors, is_running, wait_until
from visitors import Visitors, Wrong

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = HERE.parent / ".build"
LIBRARY = BUILD / "errnos.so"

# What the manual says that a call may fail with; not what only a bug of the caller brings about (EBADF, EFAULT,
# ENOTSOCK, and EINVAL where it says that an argument makes no sense).
DESCRIPTORS = "EMFILE ENFILE"
SOCKET = f"{DESCRIPTORS} ENOBUFS ENOMEM EACCES EAFNOSUPPORT EPROTONOSUPPORT"
SENDS = "EAGAIN EINTR ECONNRESET EPIPE ENOBUFS ENOMEM EPERM"
PATHS = "EACCES ELOOP ENAMETOOLONG ENOENT ENOTDIR EIO"
OPENS = f"{PATHS} {DESCRIPTORS} ENOMEM ENOSPC EROFS EDQUOT EINTR ENXIO EISDIR EPERM EOVERFLOW ETXTBSY"
WRITES = "ENOSPC EDQUOT EFBIG EIO EINTR EAGAIN EPERM"
USERS = "EAGAIN EPERM ENOMEM"
ERRORS = {
    "accept4": f"{DESCRIPTORS} ENOBUFS ENOMEM EAGAIN EINTR ECONNABORTED EPERM EPROTO ENETDOWN ENOPROTOOPT EHOSTDOWN "
               "ENONET EHOSTUNREACH EOPNOTSUPP ENETUNREACH ETIMEDOUT",
    "access": f"{PATHS} ENOMEM EROFS ETXTBSY",
    "bind": "EADDRINUSE EACCES EADDRNOTAVAIL ENOMEM EINVAL",
    "calloc": "ENOMEM",
    "close": "EINTR EIO ENOSPC EDQUOT",
    "connect": "EACCES EPERM EADDRINUSE EADDRNOTAVAIL EAGAIN ECONNREFUSED EINPROGRESS EINTR ENETUNREACH ETIMEDOUT",
    "dup2": "EBUSY EINTR EMFILE",
    "epoll_create1": f"{DESCRIPTORS} ENOMEM",
    "epoll_ctl": "ENOMEM ENOSPC",
    "epoll_wait": "EINTR",
    "eventfd": f"{DESCRIPTORS} ENODEV ENOMEM",
    "eventfd_read": "EAGAIN EINTR",
    "eventfd_write": "",  # EAGAIN says that the other side is awake already
    "execve": f"{PATHS} {DESCRIPTORS} ENOMEM E2BIG EAGAIN EPERM ETXTBSY ENOEXEC",
    "fchmod": "EPERM EIO EROFS ENOMEM",
    "fchown": "EPERM EIO EROFS ENOMEM",
    "fcntl": "EMFILE EACCES EAGAIN EDEADLK EINTR ENOLCK",
    "fdopendir": "ENOMEM",
    "flock": "EWOULDBLOCK EINTR ENOLCK",
    "fopen": f"{DESCRIPTORS} ENOMEM ENOENT EACCES",
    "fork": "EAGAIN ENOMEM ENOSYS",
    "fstat": "ENOMEM EOVERFLOW EIO",
    "ftruncate": "EINTR EFBIG EIO EPERM EROFS",
    "getaddrinfo": "EAI_AGAIN EAI_FAIL EAI_MEMORY EAI_NONAME EAI_SYSTEM",
    "getcwd": "EACCES ENOENT ENOMEM ERANGE",
    "getrlimit": "EPERM",
    "getsockname": "ENOBUFS",
    "getsockopt": "ENOPROTOOPT ENOBUFS",
    "initgroups": "ENOMEM EPERM",
    "ioctl": "ENOTTY",
    "kill": "EPERM ESRCH",
    "lchown": f"{PATHS} EPERM EROFS ENOMEM",
    "listen": "EADDRINUSE EOPNOTSUPP",
    "malloc": "ENOMEM",
    "memfd_create": f"{DESCRIPTORS} ENOMEM EPERM",
    "mkostemp": f"EEXIST {OPENS}",
    "mmap": "EACCES EAGAIN ENFILE ENODEV ENOMEM EOVERFLOW EPERM",
    "open": OPENS,
    "openat": OPENS,
    "opendir": f"EACCES {DESCRIPTORS} ENOENT ENOMEM ENOTDIR",
    "pipe2": DESCRIPTORS,
    "poll": "EINTR ENOMEM",
    "prctl": "EPERM",
    "pread": "EIO EINTR EAGAIN EISDIR EOVERFLOW",
    "pthread_create": "EAGAIN EPERM",
    "pwrite": WRITES,
    "pwritev2": f"{WRITES} EOPNOTSUPP ENOSYS",
    "read": "EINTR EAGAIN EIO",
    "readlink": f"{PATHS} ENOMEM",
    "readv": "EINTR EAGAIN EIO",
    "realloc": "ENOMEM",
    "recv": "EAGAIN EINTR ECONNRESET ECONNREFUSED ENOMEM ETIMEDOUT",
    "recvmmsg": "EAGAIN EINTR ECONNREFUSED ENOMEM",
    "recvmsg": "EAGAIN EINTR ECONNREFUSED ENOMEM",
    "renameat2": f"{PATHS} EBUSY EDQUOT EINVAL EISDIR ENOENT ENOMEM ENOSPC ENOSYS EPERM EROFS EXDEV",
    "rename": f"{PATHS} EBUSY EDQUOT EINVAL EISDIR EMLINK ENOMEM ENOSPC EPERM EROFS EXDEV",
    "send": SENDS,
    "sendfile": "EAGAIN EIO ENOMEM EINVAL EOVERFLOW ESPIPE EPIPE ECONNRESET",
    "sendmmsg": f"{SENDS} EMSGSIZE EINVAL EIO ECONNREFUSED",
    "sendmsg": SENDS,
    "sendto": SENDS,
    "setgid": USERS,
    "setrlimit": "EPERM",
    "setsid": "EPERM",
    "setsockopt": "ENOPROTOOPT ENOMEM ENOBUFS EPERM",
    "setuid": USERS,
    "shutdown": "ENOTCONN",
    "sigaltstack": "ENOMEM EPERM",
    "signalfd": f"{DESCRIPTORS} ENODEV ENOMEM",
    "socket": SOCKET,
    "socketpair": f"{DESCRIPTORS} EAFNOSUPPORT EOPNOTSUPP EPROTONOSUPPORT",
    "stat": f"{PATHS} ENOMEM EOVERFLOW",
    "syscall": f"{OPENS} EAGAIN EXDEV ENOSYS ESRCH",  # openat2, pidfd_open
    "timer_create": "EAGAIN ENOMEM",
    "timerfd_create": f"{DESCRIPTORS} ENODEV ENOMEM",
    "timerfd_settime": "",  # EBADF, EFAULT, EINVAL alone
    "tls_malloc": "ENOMEM",
    "unlink": f"{PATHS} EBUSY EPERM EROFS ENOMEM",
    "waitpid": "EINTR",  # ECHILD: there are children, or nobody asks
    "write": f"{WRITES} EPIPE ENOMEM",
    "writev": f"{SENDS} EIO",
}
EAI = {"EAI_AGAIN": -3, "EAI_FAIL": -4, "EAI_MEMORY": -10, "EAI_NONAME": -2, "EAI_SYSTEM": -11}
# These tell the caller to come again at once, and a kernel does not say so for ever.
PASSING = {"EINTR", "EAGAIN", "EINPROGRESS", "ECONNABORTED"}
# The backends differ where libevent makes calls of its own.
BOTH_BACKENDS = {"accept4", "calloc", "close", "epoll_create1", "epoll_ctl", "epoll_wait", "fcntl", "malloc", "read",
                 "realloc", "recv", "send", "sendfile", "sendmsg", "tls_malloc", "write", "writev", "readv", "socket",
                 "eventfd", "timerfd_create"}
OF_PROCESSES = {"bind", "calloc", "close", "dup2", "epoll_create1", "epoll_ctl", "eventfd", "execve", "fcntl", "fork",
                "fstat", "ftruncate", "kill", "listen", "malloc", "memfd_create", "mmap", "open", "pipe2", "poll",
                "pread", "pwrite", "pwritev2", "read", "realloc", "recvmsg", "sendmsg", "setsockopt", "signalfd",
                "socket", "socketpair", "stat", "syscall", "timerfd_create", "tls_malloc", "unlink", "waitpid",
                "write"}
SENDING = {"send", "sendmsg", "sendfile", "writev", "epoll_ctl", "malloc", "calloc", "realloc", "tls_malloc", "write"}
BIG = 32 * 1024 * 1024


def number_of(name):
    return EAI[name] if name in EAI else getattr(errno, name)


class Control:
    """What fails now: the file that errnos.c maps."""

    def __init__(self, folder):
        self.path = folder / "control"
        self.path.write_bytes(bytes(4096))
        self.file = open(self.path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 4096)

    def choose(self, call, error, rate=0, nth=0):
        self.off()
        self.map[0:32] = call.encode().ljust(32, b"\0")
        self.map[32:36] = struct.pack("i", number_of(error))
        self.map[48:64] = bytes(16)
        self.map[40:48] = struct.pack("Q", nth)
        self.map[36:40] = struct.pack("I", rate)

    def off(self):
        self.map[36:48] = bytes(12)

    @property
    def calls(self):
        return struct.unpack("Q", self.map[48:56])[0]

    @property
    def struck(self):
        return struct.unpack("Q", self.map[56:64])[0]


class Program:
    """A recipe of Examples with a master, under the library."""

    def __init__(self, folder, examples, control, backend, recipe, options):
        self.folder = folder
        self.name = recipe
        self.log = folder / f"{recipe}.log"
        self.output = folder / f"{recipe}.out"
        self.log.unlink(missing_ok=True)
        self.words = [examples, recipe]
        self.options = ["--backend", backend, "--pid-file", folder / f"{recipe}.pid", "--log-file", self.log, *options]
        self.environment = {**os.environ, "LD_PRELOAD": str(LIBRARY), "APUS_ERRNOS": str(control.path)}
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen([*self.words, "start", *self.options], stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=output, env=self.environment)

    @property
    def text(self):
        return self.output.read_text(errors="replace")

    @property
    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def is_started(self):
        return "Start success" in self.text

    @property
    def has_ended(self):
        return self.process.poll() is not None

    @property
    def is_struggling(self):
        """It says that it has not all processes yet, and goes on trying."""
        return re.search("next start in|cannot start worker|is not ready", self.log_text + self.text) is not None

    def ports(self):
        found = re.findall(r"(\w+)://127\.0\.0\.1:(\d+)", self.text)
        return {scheme: int(port) for scheme, port in found}

    def command(self, *words):
        process = subprocess.Popen([*self.words, *words, *self.options], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.environment)
        try:
            errors = process.communicate(timeout=20)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Wrong(f"`{words[0]}` of {self.name} hangs") from None
        if process.returncode < 0:
            raise Wrong(f"`{words[0]}` of {self.name} ended by signal {-process.returncode}: {errors[-300:]}")
        return process.returncode

    def processes(self):
        return [self.process.pid, *children(self.process.pid)]

    def stop(self):
        """Returns what was wrong about its end."""
        if not self.has_ended:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"{self.name} does not stop"
        return f"{self.name} ended by signal {-status}" if status < 0 else None

    def kill(self):
        for pid in reversed(self.processes()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def crashes(self, start=0):
        """Lines of its log that tell of a signal other than those that ask to end."""
        found = re.findall(r".*exit with status.*signal.*", self.log_text[start:] + "\n" + self.text)
        return [line for line in found if not re.search(r"signal (9|15|2) ", line)]


def ticks(pids):
    total = 0
    for pid in pids:
        try:
            words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(words[11]) + int(words[12])
        except OSError:
            pass
    return total / os.sysconf("SC_CLK_TCK")


class Row:
    """What came of one call."""

    def __init__(self):
        self.starts = {"runs": 0, "ends": 0, "tries": 0, "untouched": 0}
        self.struck = self.asked = self.answered = self.ended = self.lost = self.replaced = 0
        self.violations = []

    def cells(self, call, errors):
        starts = self.starts
        return [call, str(len(errors)), str(starts["runs"]), str(starts["ends"]), str(starts["tries"]),
                str(self.struck), str(self.asked), str(self.answered), str(self.ended), str(self.replaced),
                str(len(self.violations)) if self.violations else ""]


class Trial:
    """All calls over one backend."""

    def __init__(self, backend, options, folder, rows):
        self.backend = backend
        self.options = options
        self.folder = folder / backend
        self.folder.mkdir()
        self.rows = rows
        self.examples = str(options.examples)
        self.control = Control(self.folder)
        self.services = []
        self.make_files()

    def make_files(self):
        site = self.folder / "site"
        site.mkdir()
        self.files = {"/small.txt": b"small\n" * 20, "/large.bin": b"".join(b"%07d\n" % n for n in range(200_000))}
        for path, content in self.files.items():
            (site / path[1:]).write_bytes(content)
        self.secured = ["--cert", folder_of_keys(self.folder) / "cert.pem", "--key", self.folder / "key.pem"]
        self.everything = self.secured + sum([[f"--{name}", "127.0.0.1:0"] for name in
                                              ("http", "https", "text", "websocket", "udp")], [])

    def wrong(self, call, error, text):
        line = f"{self.backend} {call} {error}: {text}"
        self.rows[call].violations.append(line)
        print(f"VIOLATION {line}", flush=True)

    # ---- While it starts ----

    def start_all(self, call, errors):
        # Counts how many such calls a start makes that goes well.
        count = self.start(call, errors[0], nth=10**9)
        if self.rows[call].starts["ends"] > 0:
            raise SystemExit("a start ends in which nothing fails")
        if count == 0:
            return
        # One failure among successes: those that come first are the master's, those after them the workers'.
        for nth in spread(count, self.options.most):
            self.start(call, errors[0], nth=nth)
        for error in errors:
            if error not in PASSING:
                self.start(call, error, rate=1000)

    def start(self, call, error, rate=0, nth=0):
        """Returns how many such calls there were."""
        self.control.choose(call, error, rate, nth)
        options = [*self.secured, "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--udp", "127.0.0.1:0"]
        program = Program(self.folder, self.examples, self.control, self.backend, "AllProtocols", options)
        is_settled = wait_until(lambda: program.has_ended or program.is_started or program.is_struggling, 20, 0.01)
        calls, struck = self.control.calls, self.control.struck
        if not is_settled and call == "write":  # What was not written may be the banner.
            self.control.off()
            is_settled = program.command("status") == 0
        how = f"{error} at {f'call {nth}' if nth else 'each call'}"
        starts = self.rows[call].starts
        if not is_settled:
            self.wrong(call, how, f"the start hangs: {program.text[-200:]} {program.log_text[-300:]}")
        elif not program.has_ended:
            starts["tries" if program.is_struggling else "runs"] += struck > 0
        else:
            starts["ends"] += 1
            status, said = program.process.returncode, (program.text + program.log_text).strip()
            if status < 0:
                self.wrong(call, how, f"the start ended by signal {-status}: {said[-400:]}")
            elif status == 0 or (not said and call != "write"):  # which it would say it with
                self.wrong(call, how, f"the start ended with status {status} and says: {said[-300:]!r}")
        self.control.off()
        failure = program.stop()
        if failure and is_settled and status_of(program) is None:
            self.wrong(call, how, failure)
        for line in program.crashes()[:1]:
            self.wrong(call, how, line)
        return calls

    # ---- While it runs ----

    def open(self):
        self.control.off()
        services = [Program(self.folder, self.examples, self.control, self.backend, "AllProtocols", self.everything)]
        site = ["--on", "127.0.0.1:0", "--folder", self.folder / "site", "--log", self.folder / "access.log"]
        services.append(Program(self.folder, self.examples, self.control, self.backend, "WebSite", site))
        wait_until(lambda: all(each.is_started for each in services), 30)
        ports = services[0].ports()
        proxy = ["--on", "127.0.0.1:0", "--to", f"localhost:{ports['http']}"]
        services.append(Program(self.folder, self.examples, self.control, self.backend, "TCPProxy", proxy))
        if not wait_until(lambda: all(each.is_started for each in services), 30):
            raise SystemExit(f"the services do not start: {[each.text[-300:] for each in services]}")
        ports["site"] = services[1].ports()["http"]
        ports["proxy"] = services[2].ports()["tcp"]
        self.services = services
        self.visitors = Visitors(ports, self.files, BIG)
        self.visitors.visit(is_strict=True, sends_much=True)
        self.calm = self.descriptors_when_calm()

    def close(self):
        self.control.off()
        for service in self.services:
            failure = service.stop()
            if failure:
                self.wrong("close", "-", failure)
        self.services = []

    def descriptors(self):
        return [sum(len(descriptors(pid)) for pid in service.processes()) for service in self.services]

    def descriptors_when_calm(self):
        """When the files that a site keeps open for a while are closed."""
        lowest = self.descriptors()
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            time.sleep(0.1)
            lowest = [min(pair) for pair in zip(lowest, self.descriptors())]
        return lowest

    def run_all(self, call, errors):
        row = self.rows[call]
        if not self.services:
            self.open()
        marks = [len(service.log_text) for service in self.services]
        before = [set(service.processes()) for service in self.services]
        error = "-"
        try:
            for error in errors:
                self.strike(call, error, row)
            error = "recovery"
            self.recover()
            row.replaced += sum(len(old - set(service.processes())) for old, service in zip(before, self.services))
            if call in OF_PROCESSES and errors:
                self.reload(call, errors, row)
            lasting = [error for error in errors if error not in PASSING]
            if lasting:
                error = f"{lasting[0]} for long"
                self.persist(call, lasting[0])
            error = "recovery"
            self.recover()
        except Wrong as failure:
            self.wrong(call, error, f"{failure}")
        if any(service.has_ended for service in self.services):
            ended = [f"{service.name}: {service.text[-300:]}" for service in self.services if service.has_ended]
            self.wrong(call, error, f"a master has ended: {ended}")
        for service, mark in zip(self.services, marks):
            for line in service.crashes(mark)[:1]:
                self.wrong(call, error, line)
        if row.violations:
            self.close()

    def strike(self, call, error, row):
        self.control.choose(call, error, rate=300)
        visitors = self.visitors
        counts = (visitors.asked, visitors.answered, visitors.ended, visitors.lost)
        try:
            for _ in range(2):
                visitors.visit(is_strict=False, sends_much=call in SENDING)
            self.services[0].command("status")
        finally:
            self.control.off()
            row.struck += self.control.struck
            row.asked += visitors.asked - counts[0]
            row.answered += visitors.answered - counts[1]
            row.ended += visitors.ended - counts[2]
            row.lost += visitors.lost - counts[3]

    def reload(self, call, errors, row):
        """One failure in the midst of a reload, wherever it falls."""
        for nth in (1, 3, 7):
            self.control.choose(call, errors[0], nth=nth)
            self.services[0].command("reload")
            self.visitors.visit(is_strict=False, sends_much=False)
            # It is over when the workers are others, or the log says why they are not.
            wait_until(lambda: self.control.struck > 0, 1)
            self.control.off()
            row.struck += self.control.struck
            self.recover()

    def persist(self, call, error):
        """A failure that stays: nobody spins, and no log fills."""
        pids = [pid for service in self.services for pid in service.processes()]
        lines = sum(service.log_text.count("\n") for service in self.services)
        start, used = time.monotonic(), ticks(pids)
        self.control.choose(call, error, rate=1000)
        try:
            if call in OF_PROCESSES:  # The master has something to do, too.
                os.kill(children(self.services[0].process.pid)[-1], signal.SIGKILL)
            self.knock()
            time.sleep(0.3)
        finally:
            self.control.off()
        share = (ticks(pids) - used) / (time.monotonic() - start)
        written = sum(service.log_text.count("\n") for service in self.services) - lines
        if share > 0.6:
            raise Wrong(f"the processes span: {share:.0%} of a core")
        if written > 60:
            raise Wrong(f"{written} lines in the log: {self.services[0].log_text[-200:]}")

    def knock(self):
        """Connections that say something and wait a moment for the answer."""
        import socket
        clients = []
        for name in ("http", "https", "site", "proxy"):
            try:
                client = socket.create_connection(("127.0.0.1", self.visitors.ports[name]), timeout=0.1)
                clients.append(client)
                client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            except OSError:
                pass
        time.sleep(0.1)
        for client in clients:
            client.close()

    def recover(self):
        """Everything works again, nothing is left behind, and nobody is busy."""
        failure = None
        end = time.monotonic() + 45
        while True:
            try:
                self.visitors.visit(is_strict=True, sends_much=False)
                break
            except Wrong as wrong:
                failure = wrong
                if time.monotonic() > end or any(service.has_ended for service in self.services):
                    raise Wrong(f"does not recover: {failure}") from wrong
                time.sleep(0.1)
        if not wait_until(lambda: all(now <= calm for now, calm in zip(self.descriptors(), self.calm)), 8, 0.05):
            raise Wrong(f"descriptors: {self.descriptors()}, before {self.calm}")
        pids = [pid for service in self.services for pid in service.processes()]
        used = ticks(pids)
        time.sleep(0.2)
        if ticks(pids) - used > 0.12:
            raise Wrong("processes are busy that have nothing to do")

    def run(self):
        chosen = {call: names.split() for call, names in ERRORS.items()
                  if not self.options.call or call in self.options.call}
        for call, errors in chosen.items():
            if self.options.quick or (self.backend == "libevent" and call not in BOTH_BACKENDS):
                chosen[call] = errors[:1]
        # Starts first: the services that run afterwards have the same pid files.
        parts = ([] if self.options.run_only else [self.start_all]) + ([] if self.options.start_only else [self.run_all])
        for part in parts:
            for call, errors in chosen.items():
                began = time.monotonic()
                if errors:
                    part(call, errors)
                if self.options.verbose:
                    print(f"{self.backend} {part.__name__} {call}: {time.monotonic() - began:.1f} s", flush=True)
        self.close()


def status_of(program):
    return program.process.poll()


def spread(count, most):
    """Up to `most` numbers of 1 … count: all at the start, then fewer."""
    numbers = list(range(1, min(count, most) + 1))
    if count > most:
        numbers = numbers[:most // 2] + [most // 2 + (count - most // 2) * i // (most - most // 2)
                                         for i in range(1, most - most // 2 + 1)]
    return numbers


def folder_of_keys(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-keyout", folder / "key.pem", "-out",
                    folder / "cert.pem"], check=True, stderr=subprocess.DEVNULL)
    return folder


def build():
    BUILD.mkdir(exist_ok=True)
    source = ROOT / "CSources/CFaults/errnos.c"
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", LIBRARY, source, "-ldl"], check=True)
    defined = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], check=True, capture_output=True, text=True).stdout
    calls = {line.split()[-1] for line in defined.splitlines()} - {"clock_gettime", "time"} | {"tls_malloc"}
    if calls != set(ERRORS):
        sys.exit(f"the library and the table of errors differ: {sorted(calls ^ set(ERRORS))}")


def table(rows):
    head = ["call", "errors", "starts run", "end", "try on", "struck", "asked", "answered", "cut", "replaced", "wrong"]
    lines = [head] + [row.cells(call, ERRORS[call].split()) for call, row in rows.items()]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--call", action="append", choices=list(ERRORS), help="these alone")
    parser.add_argument("--backend", action="append", choices=["epoll", "libevent"])
    parser.add_argument("--quick", action="store_true", help="one error of each call")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--start-only", action="store_true")
    parser.add_argument("--run-only", action="store_true")
    parser.add_argument("--most", type=int, default=8, help="single failures for each call, while it starts (8)")
    parser.add_argument("--examples", type=pathlib.Path, default=ROOT / ".build/release/Examples")
    parser.add_argument("--keep", action="store_true", help="the logs")
    options = parser.parse_args()
    build()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="errnos-"))
    rows = {call: Row() for call in ERRORS if not options.call or call in options.call}
    trials = [Trial(backend, options, folder, rows) for backend in options.backend or ["epoll", "libevent"]]
    threads = [threading.Thread(target=trial.run) for trial in trials]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table(rows)
    if options.keep:
        print(folder)
    else:
        shutil.rmtree(folder)
    sys.exit(1 if any(row.violations for row in rows.values()) else 0)


main()
