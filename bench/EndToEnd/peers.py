"""Other ways to answer HTTP, of ../Peers and of the system, to be measured beside Apus."""

import shutil
import subprocess
from pathlib import Path

from preparations import BUILD
from servers import BenchError, Target

PEERS = Path(__file__).resolve().parent.parent / "Peers"


class SwiftPeer(Target):
    """A program of the package in ../Peers."""

    def __init__(self, name, product):
        self.name, self.binary = name, PEERS / ".build/release" / product

    def check(self):
        if not self.binary.exists():
            raise BenchError(f"{self.name} is not built: swift build -c release --package-path bench/Peers")

    def command(self, port, directory, single_process):
        return [str(self.binary), str(port)]


class Go(Target):
    name = "go"

    def check(self):
        compiler = shutil.which("go")
        if not compiler:
            raise BenchError("go is not installed (Debian: golang-go); leave it out of --only.")
        BUILD.mkdir(exist_ok=True)
        command = [compiler, "build", "-o", str(BUILD / "hello-go"), str(PEERS / "hello.go")]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchError(done.stderr)

    def command(self, port, directory, single_process):
        return ["env", "GOMAXPROCS=1", str(BUILD / "hello-go"), str(port)]


class Node(Target):
    name = "node"

    def check(self):
        if not shutil.which("node"):
            raise BenchError("node is not installed; leave it out of --only.")

    def command(self, port, directory, single_process):
        return ["node", str(PEERS / "hello.js"), str(port)]


H2O_CONFIGURATION = """
num-threads: 1
listen: {{ host: 127.0.0.1, port: {port} }}
hosts:
  default:
    paths:
      /:
        file.dir: {directory}/www
        file.index: [hello]
        file.mime.settypes: {{ text/plain: [".hello"] }}
"""


class H2O(Target):
    """Serves a small file: it has no other answer without a script. It keeps that open."""

    name = "h2o"

    def check(self):
        if not shutil.which("h2o"):
            raise BenchError("h2o is not installed; leave it out of --only.")

    def command(self, port, directory, single_process):
        folder = Path(directory, "www")
        folder.mkdir(exist_ok=True)
        Path(folder, "hello").write_text("Hello, World!")
        configuration = Path(directory, "h2o.conf")
        configuration.write_text(H2O_CONFIGURATION.format(port=port, directory=directory))
        return ["h2o", "-m", "worker", "-c", str(configuration)]


PEER_TARGETS = (SwiftPeer("swift-nio", "NIOHello"), SwiftPeer("hummingbird", "HummingbirdHello"), Go(), Node(), H2O())
