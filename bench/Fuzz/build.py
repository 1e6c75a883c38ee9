"""Builds the programs of this folder from the parsers' sources, into bench/.build."""

import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SOURCES = ROOT / "Sources"
CORE = ROOT / "CSources/CApus"
BUILD = HERE.parent / ".build"

# The parsers are visible within their package alone, so they are compiled into each program.
PARSERS = sorted((SOURCES / "ApusProtocols").glob("*/*.swift"))
# What they call in C that is not in headers.
C_SOURCES = [CORE / f"{name}.c" for name in ["files", "process", "socket", "system", "tls"]]


def run(*command):
    result = subprocess.run(list(map(str, command)), cwd=BUILD, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(result.stdout + result.stderr)


def core(name, sanitizers):
    """An archive of what parsers call in C, of which the linker takes what is called."""
    objects = [BUILD / f"{name}-{source.stem}.o" for source in C_SOURCES]
    for source, target in zip(C_SOURCES, objects):
        run("clang", "-O2", "-g", *sanitizers, "-I", CORE / "include", "-c", source, "-o", target)
    archive = BUILD / f"{name}-core.a"
    archive.unlink(missing_ok=True)
    run("ar", "rcs", archive, *objects)
    return archive


def modules():
    """A folder of empty modules for files that import them: what these need is compiled beside them."""
    folder = BUILD / "modules"
    folder.mkdir(exist_ok=True)
    empty = folder / "empty.swift"
    empty.write_text("")
    for name in ["Apus", "ApusProtocols"]:
        run("swiftc", "-swift-version", "6", "-parse-as-library", "-emit-module", "-module-name", name,
            "-package-name", "apus", empty, "-o", folder / f"{name}.swiftmodule")
    return folder


def swift(name, sources, arguments):
    """Compiles `sources` into one optimised program, and returns its path."""
    BUILD.mkdir(exist_ok=True)
    program = BUILD / name
    is_checked = any("sanitize" in argument for argument in arguments)
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"] if is_checked else []
    run("swiftc", "-swift-version", "6", "-module-name", name.capitalize(), "-package-name", "apus",
        "-parse-as-library", "-O", "-wmo", "-I", CORE / "include", "-I", ROOT / "CSources/CZlib",
        "-I", ROOT / "CSources/CCares", "-I", modules(), *arguments, *sources, core(name, sanitizers),
        "-lssl", "-lcrypto", "-o", program)
    return program
