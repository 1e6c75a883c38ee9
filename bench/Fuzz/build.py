"""Builds the programs of this folder from the parsers' sources, into bench/.build."""

import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = HERE.parent / ".build"

# The parsers are visible within their package alone, so they are compiled into each program.
FOLDERS = [ROOT / "Sources/ApusProtocols" / name for name in ["HTTP", "WebSocket"]]
PARSERS = sorted(path for folder in FOLDERS for path in folder.glob("*.swift"))


def swift(name, sources, arguments):
    """Compiles the parsers and `sources` into one optimised program, and returns its path."""
    BUILD.mkdir(exist_ok=True)
    program = BUILD / name
    command = ["swiftc", "-swift-version", "6", "-module-name", name.capitalize(), "-package-name", "apus"]
    command += ["-parse-as-library", "-O", "-wmo", "-I", str(ROOT / "CSources/CApus/include")]
    command += ["-I", str(ROOT / "CSources/CZlib")]
    command += [*arguments, *map(str, PARSERS), *map(str, sorted(sources.glob("*.swift"))), "-o", str(program)]
    result = subprocess.run(command, cwd=BUILD, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(result.stdout + result.stderr)
    return program
