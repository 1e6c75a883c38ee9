#!/usr/bin/env python3
"""Runs tests under a sanitizer, and fails on whatever it reports in the tests or in a program that they start.

    Tests/sanitize.py address              the whole suite: AddressSanitizer, LeakSanitizer, UndefinedBehaviorSanitizer
    Tests/sanitize.py thread               what several threads have a part in: ThreadSanitizer
    Tests/sanitize.py memcheck             connections and parsers: valgrind
    Tests/sanitize.py address --filter X   some of the tests; with --keep what an earlier build left is used
"""

import argparse
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
ONCE = ROOT / "bench/Leaks/once.supp"
FOREIGN = ROOT / "Tests/address.supp"
UNSEEN_LOCKS = ROOT / "Tests/thread.supp"
UNSEEN_POINTERS = ROOT / "Tests/memcheck.supp"

# Swift checks its arithmetic itself: UndefinedBehaviorSanitizer is for the C.
SANITIZERS = {"address": ["--sanitize", "address", "-Xcc", "-fsanitize=undefined"], "thread": ["--sanitize", "thread"],
              # valgrind gives up on the debug information that Swift writes, and has the names of functions without.
              "memcheck": ["-debug-info-format", "none"]}
FILTERS = {
    "address": ".",
    "thread": "TaskTests|SystemTests|ClientTests|RedisTests|LoopTests|AsyncStyleTests|OutgoingTests|AsyncUDPTests",
    "memcheck": "ClosingTests|SendingTests|ReadingTests|MessageTests|HTTPFramingTests|HTTPStreamTests|WebSocketTests",
}
# They measure memory, or how many descriptors and instructions something takes: a sanitizer needs its own.
MEMORY = ["idleConnectionsCostLittle", "pipeliningWithoutReadingDoesNotCostMemory",
          "requestsThatHaveToWaitDoNotCostMemory", "connectionsLeaveNothingBehind", "aLargeFileCostsNoMemory",
          "descriptorsAndMemoryAreBounded", "aSlowReaderDoesNotCostMemory", "chunkedAnswer",
          "aProcessThatStandsStillHoldsUpNobody", "floodsOfPings", "largeMessagesLeaveNothingBehind",
          "failedStartsCostNoMemory", "streamsCostNoMemory",
          "whatArrivedOfAMessageGoesWithTheConnection",
          # The sanitizer's allocator takes the place of the one that fails here.
          "outputThatFindsNoMemoryEndsItsConnection"]
# It ends a service in the tenth of its patience that a client leaves it, which a sanitizer needs for itself.
ENDING = ["uploadsArePaused"]
# They link programs of what was built, and know of no sanitizer.
LINKING = ["GeneratedProjectTests"]
# They measure time, or give a peer a second or two, of which a server under valgrind leaves it nothing.
TIMED = ["connectionsTakeTurns", "closingWhoDoesNotRead", "aPeerThatReadsSlowlyIsNotLeft"]
SKIPPED = {"address": [*MEMORY, *ENDING, *LINKING], "thread": MEMORY, "memcheck": [*MEMORY, *TIMED]}


def environment(kind, folder):
    """What makes programs write what is found into files of `folder`, whoever has started them."""
    report = f"{folder}/report"
    common = f"log_path={report}:log_exe_name=1:abort_on_error=0"
    found = {
        "address": {
            "ASAN_OPTIONS": f"{common}:detect_leaks=1:detect_stack_use_after_return=1:suppressions={FOREIGN}",
            "LSAN_OPTIONS": f"suppressions={ONCE}:print_suppressions=0",
            "UBSAN_OPTIONS": f"{common}:print_stacktrace=1",
        },
        "thread": {"TSAN_OPTIONS": f"{common}:second_deadlock_stack=1:suppressions={UNSEEN_LOCKS}"},
        # The tests themselves would take hours: valgrind looks at the programs that they start.
        "memcheck": {"APUS_TEST_UNDER": f"valgrind --quiet --trace-children=yes --leak-check=full "
                                        f"--show-leak-kinds=definite --errors-for-leak-kinds=definite "
                                        f"--suppressions={UNSEEN_POINTERS} "
                                        f"--log-file={report}.%p"},
    }
    # Swift's own report of a crash would take the place of the sanitizer's.
    return {**os.environ, **found[kind], "SWIFT_BACKTRACE": "enable=no"}


def is_report(text):
    """Not what a leak finder says of processes that end while it looks at them."""
    return any(line and b"was not suspended. False leaks" not in line for line in text.split(b"\n"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=SANITIZERS)
    parser.add_argument("--filter", help="the tests, as `swift test` takes it")
    parser.add_argument("--keep", action="store_true", help="do not build")
    options = parser.parse_args()
    place = ["--scratch-path", f".build-{options.kind}", *SANITIZERS[options.kind]]
    if not options.keep:
        subprocess.run(["swift", "build", "--build-tests", *place], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="apus-sanitize-") as folder:
        # Workers that have given up their privileges report, too.
        os.chmod(folder, 0o777)
        command = ["swift", "test", "--skip-build", *place, "--filter", options.filter or FILTERS[options.kind]]
        for name in SKIPPED[options.kind]:
            command += ["--skip", name]
        tests = subprocess.run(command, cwd=ROOT, env=environment(options.kind, folder))
        reports = [path for path in sorted(pathlib.Path(folder).iterdir()) if is_report(path.read_bytes())]
        for path in reports[:20]:
            print(f"\n{path.name}:\n{path.read_text(errors='replace')[:8000]}")
        print(f"{len(reports)} reports; the tests {'passed' if tests.returncode == 0 else 'failed'}")
    raise SystemExit(1 if reports or tests.returncode != 0 else 0)


main()
