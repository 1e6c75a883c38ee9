#!/usr/bin/env python3
"""Fuzzes a parser, or all in turn: fuzz.py TARGET|all SECONDS. See README.md of the folder above."""

import hashlib
import os
import re
import subprocess
import sys

import build

# Which file the target is in, and what it calls: files or folders of Sources.
TARGETS = {
    "addresses": ("Proxy", ["ApusProtocols/Proxy", "ApusProtocols/Text", "Apus/Connections/SocketAddress",
                            "Apus/Connections/Outgoing/RemoteAddress", "Apus/Connections/Outgoing/HostAddress"]),
    "bus": ("Process", ["Apus/Process/Bus/BusAssembly", "Apus/Process/Bus/BusMessage", "Apus/Process/Bus/BusPacket"]),
    "chunked": ("Request", ["ApusProtocols/HTTP"]),
    "cluster": ("Cluster", ["ApusProtocols/JSON", "ApusCluster/Wire/ClusterMessage",
                            "ApusCluster/Channel/ChannelRequest", "ApusCluster/Channel/ChannelAnswer"]),
    "codings": ("Upload", ["ApusProtocols/HTTP"]),
    "commandline": ("Process", ["Apus/Process/Commands/Invocation", "Apus/EventLoop/Backend"]),
    "control": ("Process", ["ApusProtocols/Text", "Apus/Process/Commands/ControlRequest", "Apus/Process/ChannelMessage",
                            "Apus/Process/RecordText", "Apus/Process/Bus/PeerNews"]),
    "cookies": ("Form", ["ApusProtocols/HTTP"]),
    "cron": ("Time", ["ApusProtocols/Text", "Apus/Timers/CronRule", "Apus/Timers/CronField", "Apus/Timers/CivilDate",
                      "Apus/Timers/ZoneInfo", "Apus/Timers/ZoneFile", "Apus/Timers/ZonePeriod",
                      "Apus/Timers/PosixZoneRule", "Apus/Diagnostics/SystemError"]),
    "dns": ("DNS", ["ApusClient/DNS/DNSReply", "ApusClient/DNS/DNSRecords"]),
    "events": ("Field", ["ApusProtocols/HTTP"]),
    "frame": ("Packet", ["Apus/Protocols/Frame", "Apus/Protocols/WireProtocol"]),
    "globaldata": ("Cluster", ["ApusProtocols/JSON", "ApusProtocols/Hashes/MD5", "ApusCluster/Wire/ClusterMessage",
                               "ApusCluster/Wire/ClusterError", "ApusCluster/GlobalData/GlobalDataValues",
                               "ApusCluster/GlobalData/GlobalDataNumber"]),
    "handshake": ("Handshake", ["ApusProtocols/Text", "ApusProtocols/HTTP", "ApusProtocols/WebSocket",
                                "ApusProtocols/Hashes/SHA1"]),
    "inflate": ("WebSocket", ["ApusProtocols/WebSocket"]),
    "journal": ("Cluster", ["ApusProtocols/JSON", "ApusProtocols/Hashes/CRC32", "ApusCluster/Wire/ClusterMessage",
                            "ApusCluster/Channel/JournalRecord", "ApusCluster/Channel/ChannelItem"]),
    "json": ("Text", ["ApusProtocols/JSON"]),
    "load": ("Load", ["ApusProtocols/WebSocket", "ApusLoad/Messages/MessageReader", "ApusLoad/Options/LoadProtocol",
                      "ApusLoad/Processes/MessageEncoder", "ApusLoad/Agents/AgentGreeting",
                      "ApusLoad/Results/MalformedReason", "ApusLoad/Report/PrintableText"]),
    "mediatype": ("Field", ["ApusProtocols/HTTP"]),
    "multipart": ("Form", ["ApusProtocols/HTTP"]),
    "names": ("Form", ["ApusProtocols/HTTP"]),
    "nats": ("Reply", ["ApusProtocols/NATS"]),
    "paths": ("Path", ["ApusProtocols/HTTP/PercentCoding", "ApusWeb/Static/SitePath", "ApusWeb/Sessions/SessionID"]),
    "proxy": ("Text", ["ApusProtocols/Proxy"]),
    "ranges": ("Field", ["ApusProtocols/HTTP"]),
    "redis": ("Reply", ["ApusProtocols/Redis"]),
    "request": ("Request", ["ApusProtocols/HTTP"]),
    "response": ("Reply", ["ApusProtocols/HTTP"]),
    "setcookie": ("Text", ["ApusProtocols/HTTP", "ApusProtocols/Text"]),
    "stomp": ("Reply", ["ApusProtocols/STOMP"]),
    "tags": ("Field", ["ApusProtocols/HTTP"]),
    "text": ("Packet", ["Apus/Protocols/Text", "Apus/Protocols/WireProtocol"]),
    "tunnels": ("Proxy", ["ApusProtocols/Proxy"]),
    "uploads": ("Upload", ["ApusProtocols/HTTP"]),
    "url": ("Text", ["ApusProtocols/Text", "ApusProtocols/URL"]),
    "urlencoded": ("Form", ["ApusProtocols/HTTP"]),
    "websocket": ("WebSocket", ["ApusProtocols/WebSocket"]),
    "zone": ("Time", ["Apus/Timers/ZoneFile", "Apus/Timers/ZonePeriod", "Apus/Timers/PosixZoneRule",
                      "Apus/Timers/CivilDate", "Apus/Diagnostics/SystemError"]),
}

# Files of those folders that no other target reaches.
ALONE = {"AddressRange": "addresses", "MediaTypes": "mediatype", "ReceivedCookie": "setcookie",
         "WebSocketURL": "handshake"}


def files(names):
    """The files that these names stand for."""
    paths = [build.SOURCES / name for name in names]
    return sorted({file for path in paths
                   for file in (path.glob("*.swift") if path.is_dir() else [path.with_name(path.name + ".swift")])})


def sources(target):
    """A hash over what a run of the target is about."""
    file, names = TARGETS[target]
    texts = [path.read_bytes() for path in [build.HERE / f"Targets/{file}Targets.swift", *files(names)]
             if ALONE.get(path.stem, target) == target]
    kernels = [build.CORE / f"include/capus_{name}.h" for name in ["scan", "websocket"]]
    if any(b"capus_address_" in text for text in texts):
        kernels.append(build.CORE / "socket.c")
    digest = hashlib.sha256()
    for text in texts + [path.read_bytes() for path in kernels]:
        digest.update(text)
    return digest.hexdigest()[:10]


def fuzz(program, target, seconds):
    """Runs one target; True when it found nothing."""
    hashed = sources(target)
    work = build.BUILD / "fuzz-corpora" / target
    work.mkdir(parents=True, exist_ok=True)
    command = [str(program), f"-max_total_time={seconds}", "-max_len=2048", "-timeout=60", "-print_final_stats=1"]
    command += [f"-artifact_prefix={work.parent}/{target}-", str(work), str(build.HERE / "Corpora" / target)]
    # What a program allocates once for its life is no leak of a parser. Swift's own report of a crash would wait for
    # the sanitizer's.
    environment = {**os.environ, "APUS_FUZZ_TARGET": target, "ASAN_OPTIONS": "detect_leaks=0",
                   "SWIFT_BACKTRACE": "enable=no"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
    executed = re.search(r"number_of_executed_units: (\d+)", result.stderr)
    covered = re.findall(r"cov: (\d+)", result.stderr)
    print(f"{target}: {executed.group(1) if executed else '?'} inputs in {seconds} s, "
          f"{covered[-1] if covered else '?'} places covered, sources {hashed}, "
          + ("clean" if result.returncode == 0 else f"ENDED WITH {result.returncode}"))
    if result.returncode != 0:
        print(result.stderr[-6000:])
    sys.stdout.flush()
    return result.returncode == 0


def main():
    if sys.argv[1:] == ["--sources"]:
        for target in TARGETS:
            print(target, sources(target))
        return
    chosen = list(TARGETS) if sys.argv[1:2] == ["all"] else sys.argv[1:2]
    if len(sys.argv) != 3 or not all(target in TARGETS for target in chosen):
        raise SystemExit(f"usage: fuzz.py TARGET|all SECONDS, or --sources; targets: {', '.join(TARGETS)}")
    # Swift checks arithmetic and bounds itself. The kernels in C are instrumented only when they are told so.
    kernels = ["-Xcc", "-fsanitize=address,undefined", "-Xcc", "-fno-sanitize-recover=all"]
    needed = set(build.PARSERS) | {path for _, names in TARGETS.values() for path in files(names)}
    needed |= set((build.HERE / "Targets").glob("*.swift"))
    program = build.swift("fuzz", sorted(needed), ["-g", "-sanitize=fuzzer,address", *kernels, "-lcares"])
    outcomes = [fuzz(program, target, int(sys.argv[2])) for target in chosen]
    raise SystemExit(0 if all(outcomes) else 1)


main()
