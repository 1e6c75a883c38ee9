"""Starting, watching and stopping the servers that are compared."""

import copy
import os
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path


class BenchError(Exception):
    """Something that ends the measurement, worded for the person who started it."""


def run_script(name, body):
    """Runs a script's `body`, which stops what it started however it ends."""
    # Turned into an exception, a request to end still passes through every `with`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        body()
    except BenchError as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def free_port():
    """A port that was free a moment ago; the servers need its number before they start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tail(path, lines=15):
    try:
        return "\n".join(Path(path).read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


# ---- what can be started ----

GREETINGS = {
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "text": b"hello\n",
    "frame": b"\0\0\0\x09hello",
}
GREETING_ANSWERS = {**GREETINGS, "http": b"HTTP/1.1 200"}


def nginx_tls(files):
    """nginx's lines for a certificate and its key, if there are any, with the ciphers of `TLSOptions`, so that all that
    are compared do the same work."""
    if not files:
        return ""
    certificate, key = files
    return (f"ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {certificate}; ssl_certificate_key {key};"
            "ssl_prefer_server_ciphers on; ssl_ciphers ECDHE+AES128+AESGCM:ECDHE+AESGCM:ECDHE+CHACHA20;"
            "ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384;")


class Target:
    """A kind of server. `command` returns the arguments that serve on `port`, with files in `directory`."""

    name = ""
    is_floor = False
    protocol = "http"
    tls = None  # the files of certificate and key, for servers over TLS
    environment = None  # variables that the server is started with, beside ours

    def speaking(self, protocol):
        """This server on a port for that protocol, or None when it does not speak it."""
        return self if protocol == self.protocol else None

    def check(self):
        """Raises BenchError when this server cannot be started here."""

    def command(self, port, directory, single_process):
        raise NotImplementedError

    def for_valgrind(self, directory):
        """This server in a form that valgrind can run."""
        return self

    def answers(self, port):
        """Whether it serves already."""
        try:
            with self._connect(port) as connection:
                connection.sendall(GREETINGS[self.protocol])
                return connection.recv(4096).startswith(GREETING_ANSWERS[self.protocol])
        except OSError:
            return False

    def _connect(self, port):
        connection = socket.create_connection(("127.0.0.1", port), timeout=1)
        if not self.tls:
            return connection
        context = ssl.create_default_context(cafile=self.tls[0])
        context.check_hostname = False
        return context.wrap_socket(connection)


class Floor(Target):
    is_floor = True

    def __init__(self, binary, mode, tls=None):
        self.name = "floor" if mode == "keepalive" else f"floor-{mode}"
        self.binary, self.mode, self.tls = binary, mode, tls

    def command(self, port, directory, single_process):
        return [str(self.binary), str(port), self.mode, *(self.tls or ())]


class EchoFloor(Target):
    is_floor = True

    def __init__(self, binary, protocol):
        self.name, self.binary, self.protocol = f"floor-{protocol}", binary, protocol

    def command(self, port, directory, single_process):
        return [str(self.binary), str(port), self.protocol]


class Apus(Target):
    def __init__(self, prefix, backend, tls=None):
        self.name, self.backend, self.tls = f"apus-{backend}", backend, tls
        self.prefix = shlex.split(prefix)

    def speaking(self, protocol):
        other = copy.copy(self)
        other.protocol = protocol
        return other

    def check(self):
        if not self.prefix or not shutil.which(self.prefix[0]):
            program = self.prefix[0] if self.prefix else ""
            raise BenchError(
                f"{self.name}: no program at '{program}'.\n"
                "Build it (swift build -c release --product Examples), name another with --apus PATH,\n"
                "or leave Apus out with --only floor,nginx."
            )

    def for_valgrind(self, directory):
        """Debian's valgrind gives up on the debug information that Swift writes: a copy without it."""
        stripped = Path(directory, Path(self.prefix[0]).name)
        subprocess.run(["strip", "--strip-debug", "-o", stripped, shutil.which(self.prefix[0])], check=True)
        other = copy.copy(self)
        other.prefix = [str(stripped), *self.prefix[1:]]
        return other

    def command(self, port, directory, single_process):
        command = self.prefix + ["AllProtocols", "start", "--backend", self.backend, "--count", "1"]
        if self.tls:
            command += ["--https", f"127.0.0.1:{port}", "--cert", self.tls[0], "--key", self.tls[1]]
        else:
            command += [f"--{self.protocol}", f"127.0.0.1:{port}"]
        command += ["--pid-file", f"{directory}/pid", "--log-file", f"{directory}/log"]
        return command + (["--single-process"] if single_process else [])


NGINX_CONFIGURATION = """
daemon off;
master_process {master};
worker_processes 1;
worker_rlimit_nofile {descriptors};
pid {directory}/pid;
error_log {directory}/log warn;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    server_tokens off;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} {tls}backlog=4096;
        {certificate}
        location / {{ default_type text/plain; return 200 "Hello, World!"; }}
    }}
}}
"""


class Nginx(Target):
    name = "nginx"

    def __init__(self, descriptors, tls=None):
        self.tls = tls
        # Debian keeps it where an ordinary user's PATH does not look.
        self.binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
        self.descriptors = descriptors

    def check(self):
        if not self.binary:
            raise BenchError("nginx is not installed; leave it out of --only.")

    def command(self, port, directory, single_process):
        configuration = Path(directory, "nginx.conf")
        configuration.write_text(
            NGINX_CONFIGURATION.format(
                port=port,
                tls="ssl " if self.tls else "",
                certificate=nginx_tls(self.tls),
                directory=directory,
                master="off" if single_process else "on",
                descriptors=self.descriptors,
                connections=max(1024, self.descriptors - 1024),
            )
        )
        return [self.binary, "-p", str(directory), "-e", f"{directory}/log", "-c", str(configuration)]


# ---- processes ----


def stat_fields(pid):
    """(parent, start time) of a process, or None when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the name before it may hold blanks and brackets
    return int(fields[1]), int(fields[19])


def process_tree(root):
    """The process and its descendants as {pid: start time}."""
    known = {int(entry): stat_fields(entry) for entry in os.listdir("/proc") if entry.isdigit()}
    known = {pid: fields for pid, fields in known.items() if fields}
    tree, level = {}, {root}
    while level:
        tree.update({pid: known[pid][1] for pid in level if pid in known})
        level = {pid for pid, (parent, _) in known.items() if parent in level and pid not in tree}
    return tree


def cpu_nanoseconds(pid):
    """CPU time of all threads of a process. schedstat counts nanoseconds, stat would count hundredths."""
    total = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
    except FileNotFoundError:
        if not os.path.exists("/proc/self/schedstat"):
            raise BenchError("this kernel has no /proc/PID/schedstat (CONFIG_SCHED_INFO).") from None
    except ProcessLookupError:
        pass  # a process that ends while we look
    return total


class Server:
    """One running server. Use it in a `with` statement: leaving it stops every process of it, by pid."""

    def __init__(self, target, core, wrapper=(), environment=None, single_process=False, deadline=15):
        target.check()
        self.target, self.name, self.port = target, target.name, free_port()
        self.directory = tempfile.mkdtemp(prefix=f"apus-bench-{target.name}-")
        os.chmod(self.directory, 0o755)  # nginx gives up its privileges
        self.output = f"{self.directory}/output"
        self.seen = {}  # every process of it ever seen: workers may outlive a master that crashed
        command = ["taskset", "-c", str(core), *wrapper]
        command += target.command(self.port, self.directory, single_process)
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,  # an interrupt at the terminal is for us; we stop the server in order
            )
        try:
            self._wait_until_it_serves(deadline)
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def complaint(self, what):
        said = "\n".join(text for text in (tail(self.output), tail(f"{self.directory}/log")) if text)
        return BenchError(f"{self.name}: {what}" + (f"\nIt said:\n{said}" if said else ""))

    def require_alive(self):
        if self.process.poll() is not None:
            raise self.complaint(f"ended with status {self.process.returncode}.")

    def _wait_until_it_serves(self, deadline):
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            self.require_alive()
            if self._answers():
                self.pids()
                return
            time.sleep(0.02)
        raise self.complaint(f"did not answer on 127.0.0.1:{self.port} within {deadline} s.")

    def _answers(self):
        return self.target.answers(self.port)

    def pids(self):
        tree = process_tree(self.process.pid)
        self.seen.update(tree)
        return list(tree)

    def cpu_nanoseconds(self):
        return sum(cpu_nanoseconds(pid) for pid in self.pids())

    def busiest_pid(self, load):
        """The process that does the work: the one that used most CPU time while `load()` ran."""
        before = {pid: cpu_nanoseconds(pid) for pid in self.pids()}
        load()
        return max(self.pids(), key=lambda pid: cpu_nanoseconds(pid) - before.get(pid, 0))

    def stop(self, patience=15):
        """Asks it to end and waits; what is left of its processes then is killed. True when it obeyed."""
        obeyed = True
        if self.process.poll() is None:
            self.pids()
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            obeyed = False
        for pid, started in self.seen.items():
            fields = stat_fields(pid)
            if fields and fields[1] == started:  # still that process, not another one with its number
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
        return obeyed
