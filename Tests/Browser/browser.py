#!/usr/bin/env python3
"""Uses the web examples as people do, with a real browser. Not part of the test suite: the browser is large.

    apt-get install -y chromium && pip install playwright
    swift build --build-tests
    Tests/Browser/browser.py [--pictures FOLDER]

It ends with status 0 when everything was as it should be. `--pictures` keeps what the pages looked like.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

PROGRAMS = Path(__file__).resolve().parents[2] / ".build/debug"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf50"
    "0f00038501805a348dd50000000049454e44ae426082")


@contextmanager
def serving(command, directory, environment=None):
    """Runs a server and gives its address, which it prints."""
    output = Path(directory, "output")
    with open(output, "wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env={**os.environ, **(environment or {})})
    try:
        deadline = time.monotonic() + 20
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", output.read_text())):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{command[0]} does not serve:\n{output.read_text()}")
            time.sleep(0.05)
        yield found.group()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def check(what, holds):
    print(("ok   " if holds else "FAIL ") + what, flush=True)
    if not holds:
        sys.exit(1)


def guest_book(browser, address, directory, pictures):
    visitor = browser.new_page()
    visitor.goto(address)
    check("the page is there", visitor.title() == "Guest book")
    check("the first visit", "number 1" in visitor.inner_text("#visits"))
    visitor.reload()
    check("the session counts", "number 2" in visitor.inner_text("#visits"))

    # Another browser profile: another session.
    writer = browser.new_context().new_page()
    writer.goto(address)
    check("another client has a session of its own", "number 1" in writer.inner_text("#visits"))
    Path(directory, "picture.png").write_bytes(PNG)
    writer.fill("[name=name]", "Ann <b>")
    writer.fill("[name=text]", "Grüße & \"quotes\"")
    writer.set_input_files("[name=picture]", Path(directory, "picture.png"))
    writer.click("button")
    writer.wait_for_selector("article")
    check("the form arrived", writer.inner_text("article b") == "Ann <b>" and "Grüße & \"quotes\"" in writer.inner_text("article"))
    check("the session knows the guest", writer.input_value("[name=name]") == "Ann <b>")
    check("the picture is served", writer.evaluate("document.querySelector('img').decode().then(() => true)"))

    visitor.wait_for_selector("article img")
    check("the other window learns of it by an event", visitor.inner_text("article b") == "Ann <b>")
    check("and shows the picture", visitor.evaluate("document.querySelector('img').decode().then(() => true)"))
    visitor.screenshot(path=pictures / "guestbook.png")


def listing(browser, address, pictures):
    page = browser.new_page()
    page.goto(address)
    check("the folder is listed", page.get_by_text("notes & more.txt").count() == 1)
    page.screenshot(path=pictures / "browse.png")
    page.get_by_text("a folder").click()
    check("folders can be entered", page.url.endswith("/a%20folder/"))
    page.goto(address)
    page.get_by_text("notes & more.txt").click()
    check("files are shown", page.inner_text("body") == "some notes")


def error_page(browser, address, pictures):
    page = browser.new_page()
    answer = page.goto(f"{address}/throw?token=s3cr3t&text=<script>document.title='taken'</script>")
    check("an error has status 500", answer.status == 500)
    check("its page says what happened", "the handler threw" in page.inner_text("body"))
    check("no script of the request runs", page.title() != "taken")
    check("secrets are not shown", "s3cr3t" not in page.content())
    page.screenshot(path=pictures / "error.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=pictures / "error-phone.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", metavar="FOLDER", help="where to keep pictures of the pages")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        pictures = Path(arguments.pictures or directory)
        pictures.mkdir(exist_ok=True)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        folder = Path(directory, "uploads")
        folder.mkdir()
        files = ["--pid-file", f"{directory}/pid", "--log-file", f"{directory}/log"]
        command = [PROGRAMS / "Examples", "Guestbook", "start", "--on", "127.0.0.1:0", "--folder", folder, *files]
        with serving(command, directory) as address:
            guest_book(browser, address, directory, pictures)
        shared = Path(directory, "shared")
        (shared / "a folder").mkdir(parents=True)
        (shared / "notes & more.txt").write_text("some notes")
        (shared / "<i>odd.html").write_text("<p>odd")
        with serving([PROGRAMS / "apus", "serve", shared, "--browse", "--port", "0"], directory) as address:
            listing(browser, address, pictures)
        server = [PROGRAMS / "ConformanceServer", "http", "start", "--single-process", "--listen", "127.0.0.1:0", *files]
        with serving([*server, "--backend", "epoll"], directory, {"APUS_DEBUG": "1"}) as address:
            error_page(browser, address, pictures)
        browser.close()


if __name__ == "__main__":
    main()
