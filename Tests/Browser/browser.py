#!/usr/bin/env python3
"""Uses the web examples as people do, with a real browser. Not part of the test suite: the browser is large.

    apt-get install -y chromium && pip install playwright
    swift build --build-tests
    Tests/Browser/browser.py [--pictures FOLDER]

It ends with status 0 when everything was as it should be. `--pictures` keeps what the pages looked like.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
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
        # Not where it says that one could try it.
        while not (found := re.search(r"^(?!Try: ).*(http://127\.0\.0\.1:\d+)", output.read_text(), re.MULTILINE)):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{command[0]} does not serve:\n{output.read_text()}")
            time.sleep(0.05)
        yield found.group(1)
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


@contextmanager
def behind_nginx(address, directory):
    """TLS at nginx, which hands WebSockets on; gives its address, or nothing where there is no nginx."""
    if not shutil.which("nginx"):
        print("skip nginx is not installed", flush=True)
        yield None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cert, key = f"{directory}/cert.pem", f"{directory}/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "30", "-subj", "/CN=localhost", "-out", cert, "-keyout", key],
                   check=True, capture_output=True)
    Path(directory, "nginx.conf").write_text(f"""
        daemon off; pid {directory}/nginx.pid; error_log {directory}/nginx.log; events {{}}
        http {{ access_log off; client_body_temp_path {directory}/b; proxy_temp_path {directory}/p;
            fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
            server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {cert}; ssl_certificate_key {key};
                location / {{ proxy_pass {address}; proxy_http_version 1.1; proxy_set_header Host $http_host;
                    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }} }}
            map $http_upgrade $connection_upgrade {{ default upgrade; "" close; }} }}""")
    process = subprocess.Popen(["nginx", "-c", f"{directory}/nginx.conf"], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("nginx does not serve")
            time.sleep(0.05)
        yield f"https://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(20)


def chat(browser, address, pictures, name, pid_file):
    """Two people, in windows of their own, with several processes behind them."""
    people = {}
    for person in ("Ann", "Bob"):
        # What waits below is evaluated in the page, whose policy forbids that to all others.
        page = people[person] = browser.new_context(ignore_https_errors=True, bypass_csp=True).new_page()
        page.goto(address)
        page.fill("#name", person)
        page.click("#enter button")
        page.wait_for_function("state => document.getElementById('state').textContent === state", arg="connected")
    ann, bob = people["Ann"], people["Bob"]
    ann.wait_for_selector("#people li:nth-child(2)")
    check("the form for the name is gone", not ann.is_visible("#enter") and ann.is_visible("#talk"))
    check("both are there", ann.inner_text("#people").split() == ["Ann", "Bob"])

    def say(page, text, to=""):
        page.fill("#to", to)
        page.fill("#say", text)
        page.click("#talk button")

    def hears(page, line):
        page.get_by_text(line, exact=True).wait_for()
        return True

    say(ann, "Hello <b>& welcome</b> 🐦")
    check("all hear what is said", hears(ann, "Ann: Hello <b>& welcome</b> 🐦") and hears(bob, "Ann: Hello <b>& welcome</b> 🐦"))
    say(bob, "for you", to="Ann")
    check("one hears what is whispered",
          hears(ann, "Bob whispers: for you") and hears(bob, "Bob whispers to Ann: for you"))
    say(bob, "hello?", to="Carl")
    check("who is not there is told", hears(bob, "Carl is not here"))
    for person, page in people.items():
        page.screenshot(path=pictures / f"chat-{name}-{person.lower()}.png")
    ann.set_viewport_size({"width": 390, "height": 700})
    ann.screenshot(path=pictures / f"chat-{name}-phone.png")
    say(bob, "/room garden")
    bob.wait_for_function("document.getElementById('room').textContent === 'garden'")
    ann.wait_for_function("document.querySelectorAll('#people li').length === 1")
    say(ann, "anybody here?")
    say(bob, "nice flowers")
    check("rooms are apart", hears(ann, "Ann: anybody here?") and hears(bob, "Bob: nice flowers")
          and "anybody" not in bob.inner_text("#log") and "flowers" not in ann.inner_text("#log"))
    third = browser.new_context(ignore_https_errors=True).new_page()
    third.goto(address)
    third.fill("#name", "Ann")
    third.click("#enter button")
    check("a name is taken once", hears(third, "Ann is here already"))
    newcomer = browser.new_context(ignore_https_errors=True).new_page()
    newcomer.goto(address + "/#garden")
    newcomer.fill("#name", "Dora")
    newcomer.click("#enter button")
    check("who comes later reads what was said", hears(newcomer, "Bob: nice flowers"))
    bob.locator("#people li", has_text="Dora").click()
    check("a click on somebody whispers", bob.input_value("#to") == "Dora")
    newcomer.close()

    # All processes die at once; what is said before the others are there is said then.
    for page in (ann, bob):
        page.evaluate("""new MutationObserver(() => window.wasCutOff = true)
            .observe(document.getElementById("state"), { childList: true })""")
    master = pid_file.read_text()
    for child in Path(f"/proc/{master}/task/{master}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)
    for page in (ann, bob):
        page.wait_for_function("window.wasCutOff")
    say(ann, f"still here, {name}?")
    for page in (ann, bob):
        page.wait_for_function("document.getElementById('state').textContent === 'connected'")
    check("a page that was cut off comes back", hears(ann, f"Ann: still here, {name}?"))
    check("and where it was", bob.inner_text("#room") == "garden")
    bob.wait_for_function("document.querySelectorAll('#people li').length === 1")
    say(bob, f"so am I, {name}")
    check("and goes on", hears(bob, f"Bob: so am I, {name}"))
    ann.screenshot(path=pictures / f"chat-{name}-back.png")
    bob.close()
    say(ann, "/room garden")
    ann.wait_for_function("document.getElementById('room').textContent === 'garden'")
    check("who leaves is gone", ann.inner_text("#people").split() == ["Ann"])
    for page in (ann, third):
        page.close()


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
        command = [PROGRAMS / "Examples", "Chat", "start", "--on", "127.0.0.1:0", "--count", "2", *files]
        with serving(command, directory) as address:
            chat(browser, address, pictures, "direct", Path(directory, "pid"))
            with behind_nginx(address, directory) as proxy:
                if proxy:
                    chat(browser, proxy, pictures, "nginx", Path(directory, "pid"))
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
