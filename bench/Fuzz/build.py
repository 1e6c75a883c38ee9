"""Builds the programs of this folder from the parsers' sources, into bench/.build."""

import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = HERE.parent / ".build"

# The parsers are visible within their package alone, so they are compiled into each program.
FOLDERS = [ROOT / "Sources/ApusProtocols" / name for name in
           ["HTTP", "Hashes", "JSON", "NATS", "Proxy", "Redis", "STOMP", "URL", "WebSocket"]]
PARSERS = sorted(path for folder in FOLDERS for path in folder.glob("*.swift"))


# What they call in C that is not in headers.
C_SOURCES = [ROOT / "CSources/CApus/socket.c"]


def swift(name, sources, arguments):
    """Compiles the parsers and `sources` into one optimised program, and returns its path."""
    BUILD.mkdir(exist_ok=True)
    program = BUILD / name
    objects = [BUILD / f"{name}-{source.stem}.o" for source in C_SOURCES]
    for source, target in zip(C_SOURCES, objects):
        is_checked = any("sanitize" in argument for argument in arguments)
        sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"] if is_checked else []
        subprocess.run(["clang", "-O2", "-g", *sanitizers, "-I", str(ROOT / "CSources/CApus/include"),
                        "-c", str(source), "-o", str(target)], check=True)
    command = ["swiftc", "-swift-version", "6", "-module-name", name.capitalize(), "-package-name", "apus"]
    command += ["-parse-as-library", "-O", "-wmo", "-I", str(ROOT / "CSources/CApus/include")]
    command += ["-I", str(ROOT / "CSources/CZlib")]
    command += [*arguments, *map(str, PARSERS), *map(str, sorted(sources.glob("*.swift"))), *map(str, objects)]
    command += ["-o", str(program)]
    result = subprocess.run(command, cwd=BUILD, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(result.stdout + result.stderr)
    return program
