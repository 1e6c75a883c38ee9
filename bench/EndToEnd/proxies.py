"""The TCP proxies that are compared: each hands connections to one port of 127.0.0.1 on to another."""

import shlex
import shutil
from pathlib import Path

from servers import BenchError, Target

SYSTEM_PATH = "/usr/sbin:/usr/local/sbin"  # where Debian keeps servers, and an ordinary user's PATH does not look


def is_listening(port):
    with open("/proc/net/tcp") as table:
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in list(table)[1:])


class Proxy(Target):
    backend_port = 0

    def answers(self, port):
        """No connection is made: a proxy may try for long to hand it on, into what is measured later."""
        return is_listening(port)


class ApusProxy(Proxy):
    def __init__(self, prefix, backend):
        self.name, self.backend, self.prefix = f"apus-{backend}", backend, shlex.split(prefix)

    def check(self):
        if not self.prefix or not shutil.which(self.prefix[0]):
            raise BenchError(f"{self.name}: no program at '{shlex.join(self.prefix)}'; see --apus.")

    def command(self, port, directory, single_process):
        command = self.prefix + ["TCPProxy", "start", "--backend", self.backend, "--count", "1"]
        command += ["--on", f"127.0.0.1:{port}", "--to", f"127.0.0.1:{self.backend_port}"]
        return command + ["--pid-file", f"{directory}/pid", "--log-file", f"{directory}/log"]


class InstalledProxy(Proxy):
    """One that comes with the system and is started with a configuration file."""

    program = ""

    @property
    def binary(self):
        return shutil.which(self.program) or shutil.which(self.program, path=SYSTEM_PATH)

    def check(self):
        if not self.binary:
            raise BenchError(f"{self.program} is not installed; leave {self.name} out of --only.")

    def write(self, directory, text):
        configuration = Path(directory, "configuration")
        configuration.write_text(text)
        return str(configuration)


class NginxStream(InstalledProxy):
    name = "nginx"
    program = "nginx"
    module = Path("/usr/lib/nginx/modules/ngx_stream_module.so")

    def command(self, port, directory, single_process):
        load = f"load_module {self.module};" if self.module.exists() else ""  # otherwise it is built in
        configuration = f"""
            {load}
            daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/log warn;
            events {{ }}
            stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{self.backend_port}; }} }}"""
        return [self.binary, "-p", directory, "-e", f"{directory}/log", "-c", self.write(directory, configuration)]


class HAProxy(InstalledProxy):
    program = "haproxy"

    def __init__(self, splices):
        self.splices = splices
        self.name = "haproxy-splice" if splices else "haproxy"

    def command(self, port, directory, single_process):
        lines = ["global", "    nbthread 1", "defaults", "    mode tcp"]
        lines += [f"    timeout {what} 60s" for what in ("connect", "client", "server")]
        lines += ["    option splice-auto"] if self.splices else []
        lines += ["listen proxy", f"    bind 127.0.0.1:{port}", f"    server backend 127.0.0.1:{self.backend_port}"]
        return [self.binary, "-db", "-f", self.write(directory, "\n".join(lines) + "\n")]
