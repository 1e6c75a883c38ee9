"""What every benchmark needs before it can begin: C programs, descriptors, cores, a certificate."""

import os
import platform
import resource
import shlex
import shutil
import subprocess
from pathlib import Path

from servers import BenchError

BENCH = Path(__file__).resolve().parent.parent
REPOSITORY = BENCH.parent
BUILD = BENCH / ".build"
EXAMPLES = REPOSITORY / ".build/release/Examples"
TLS_FLAGS = ("-DTLS", "-lssl", "-lcrypto")


def compile_c(source, output, *flags):
    """Compiles a C program into bench/.build; it takes less than a second, so it is done every time."""
    compiler = shlex.split(os.environ.get("CC", "")) or [shutil.which("cc") or shutil.which("gcc") or "clang"]
    # The same instruction set everywhere, and none that valgrind 3.19 does not know.
    level = ["-march=x86-64-v2"] if platform.machine() == "x86_64" else []
    common = ["-O2", "-std=gnu11", "-Wall", "-Wextra", *level]
    BUILD.mkdir(exist_ok=True)
    (BUILD / ".gitignore").write_text("*\n")
    command = [*compiler, *common, "-o", str(BUILD / output), str(source), *flags]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise BenchError(f"no C compiler: {compiler[0]} was not found (set CC).") from None
    if done.returncode != 0:
        raise BenchError(f"{shlex.join(command)}\n{done.stderr}")
    return BUILD / output


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def add_core_options(parser):
    parser.add_argument("--server-core", metavar="N", type=int, default=0, help="core for the servers (default: 0)")
    parser.add_argument("--client-core", metavar="N", type=int, default=1, help="core for the client (default: 1)")


def check_cores(arguments):
    here = os.sched_getaffinity(0)
    for core in (arguments.server_core, arguments.client_core):
        if core not in here:
            raise BenchError(f"core {core} is not available; --server-core, --client-core: {sorted(here)}.")
    if arguments.server_core == arguments.client_core:
        print("Server and client share a core: requests/s say nothing, CPU µs/request little.\n")
    if not shutil.which("taskset"):
        raise BenchError("taskset (util-linux) is not installed.")


def make_certificate():
    """A certificate (ECDSA, P-256) that all servers present; returns its file and that of its key."""
    BUILD.mkdir(exist_ok=True)
    certificate, key = BUILD / "certificate.pem", BUILD / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "30", "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchError(f"openssl could not make a certificate: {error}") from None
    certificate.chmod(0o644)
    key.chmod(0o644)  # nginx gives up its privileges; the key is worth nothing
    return str(certificate), str(key)


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ((done.stdout or done.stderr).splitlines() or [None])[0]


def describe_machine(**versions):
    """The machine as it is now; `versions` are commands that tell one each."""
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "load_average": os.getloadavg()[0],
        "versions": {name: first_line(command) if command else None for name, command in versions.items()},
    }


def print_heading(date, command, machine):
    print(f"{date}  {command}")
    hardware = f"{machine['processor']}, {machine['cores']} cores, {machine['kernel']}"
    print(f"{hardware}, load {machine['load_average']:.2f}")
