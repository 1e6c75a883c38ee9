"""Random bytes on the ports of a server, and whether each of them still speaks its protocol."""

import base64
import multiprocessing
import os
import random
import socket
import ssl
import struct
import threading
import time

PROCESSES, THREADS = 2, 8
LINGER = struct.pack("ii", 1, 0)  # close() resets
UPGRADE = (b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n\r\n")
RECORD = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
BEGINNINGS = {  # what leads noise further in than it would come by itself
    "http": (b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
             b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"),
    "https": (RECORD,), "wss": (RECORD,), "frame": (b"\0\0\0\x40", b"\0\1\0\0"), "websocket": (UPGRADE,),
}
INSIDE = {"https": BEGINNINGS["http"], "wss": (UPGRADE,)}  # of a TLS session
GREETINGS = {  # what is said, and how the answer begins
    "http": (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 200"), "text": (b"hello\n",) * 2,
    "frame": (b"\0\0\0\x09hello",) * 2, "tcp": (b"hello",) * 2, "udp": (b"hello",) * 2,
    "websocket": (UPGRADE, b"HTTP/1.1 101"),
}


def insecure():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def connect(kind, address, timeout):
    if isinstance(address, str):
        connection = socket.socket(socket.AF_UNIX)
    else:
        connection = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    connection.settimeout(timeout)
    connection.connect(address if isinstance(address, str) else ("127.0.0.1", address))
    return connection


def say(kind, address, context, chance):
    """One connection, or datagram. How many bytes of noise it took."""
    connection, said = connect(kind, address, 2), 0
    try:
        beginning = b""
        if kind in INSIDE and chance.random() < 0.1:
            connection = context.wrap_socket(connection)
            beginning = chance.choice(INSIDE[kind])
        elif kind in BEGINNINGS and chance.random() < 0.5:
            beginning = chance.choice(BEGINNINGS[kind])
        for number in range(1 if kind == "udp" else chance.randint(1, 6)):
            piece = (b"" if number else beginning) + os.urandom(chance.choice((1, 20, 300, 1400, 4096, 30000)))
            connection.sendall(piece)
            said += len(piece)
            connection.settimeout(chance.choice((0.001, 0.02)))
            try:
                connection.recv(65536)
            except TimeoutError:
                pass
            connection.settimeout(2)
        if kind != "udp" and chance.random() < 0.5:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    except OSError:
        pass  # it was closed, as it should be
    finally:
        connection.close()
    return said


def noise(addresses, core, seconds, seed, results):
    os.sched_setaffinity(0, {core})
    context, end, told, lock = insecure(), time.monotonic() + seconds, [0, 0, 0], threading.Lock()

    def work(chance):
        kinds = list(addresses.items())
        while time.monotonic() < end:
            try:
                figures = (1, say(*chance.choice(kinds), context, chance), 0)
            except OSError:
                figures = (0, 0, 1)
            with lock:
                told[:] = map(sum, zip(told, figures))

    threads = [threading.Thread(target=work, args=(random.Random(seed * 1000 + number),)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put(told)


def make_noise(addresses, core, seconds, watch):
    """(connections and datagrams, bytes, connections that were refused)"""
    results = multiprocessing.Queue()
    processes = [multiprocessing.Process(target=noise, args=(addresses, core, seconds, seed, results), daemon=True)
                 for seed in range(PROCESSES)]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes) and results.qsize() < PROCESSES:
        watch()
        time.sleep(0.25)
    told = [results.get(timeout=30) for _ in processes]
    return tuple(map(sum, zip(*told)))


def greet(kind, address):
    """What is wrong with a port, or None."""
    plain = {"https": "http", "wss": "websocket", "unix": "tcp"}.get(kind, kind)
    greeting, answer = GREETINGS[plain]
    try:
        with connect(kind, address, 10) as connection:
            connection = insecure().wrap_socket(connection) if kind in INSIDE else connection
            connection.sendall(greeting)
            got = connection.recv(4096)
            connection.close()
            return None if got.startswith(answer) else f"{kind} answers {got[:40]!r}"
    except OSError as error:
        return f"{kind}: {error}"
