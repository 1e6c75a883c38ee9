"""WebSocket clients that say something as soon as the last of it came back, and note how each connection ends."""

import base64
import collections
import multiprocessing
import os
import socket
import ssl
import struct
import threading
import time

UPGRADE = ("GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(bytes(16)).decode() + "\r\n\r\n")
PATIENCE = 20


def frame(opcode, payload):
    # A mask of zeros leaves the payload as it is.
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + bytes(4) + payload


class Ended(Exception):
    """The connection is over."""


class Client:
    def __init__(self, port, context, path):
        self.socket, self.buffer = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE), b""
        if context:
            self.socket = context.wrap_socket(self.socket)
        self.socket.sendall(UPGRADE.format(path=path).encode())
        while b"\r\n\r\n" not in self.buffer:
            self.receive()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101"):
            raise Ended(head.split(b"\r\n")[0].decode(errors="replace"))

    def receive(self):
        try:
            piece = self.socket.recv(4096)
        except OSError as error:
            raise Ended(str(error)) from None
        if not piece:
            raise Ended("its end")
        self.buffer += piece

    def next_frame(self):
        """All of them are short here."""
        while len(self.buffer) < 2 or len(self.buffer) < 2 + self.buffer[1]:
            self.receive()
        opcode, end = self.buffer[0] & 15, 2 + self.buffer[1]
        payload, self.buffer = self.buffer[2:end], self.buffer[end:]
        return opcode, payload

    def say(self, opcode, payload):
        try:
            self.socket.sendall(frame(opcode, payload))
        except OSError:
            pass  # What came before tells why.


class Echoes:
    """Clients in a process of their own, a thread each."""

    def __init__(self, addresses, path, count):
        self.over, self.results = multiprocessing.Event(), multiprocessing.Queue()
        self.process = multiprocessing.Process(target=self.run, args=(addresses, path, count), daemon=True)
        self.process.start()

    def end(self):
        self.over.set()
        figures = self.results.get(timeout=60)
        self.process.join(5)
        return figures

    def abandon(self):
        if self.process.is_alive():
            self.process.terminate()

    def run(self, addresses, path, count):
        self.figures, self.lock = collections.Counter(), threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        threads = [threading.Thread(target=self.live, args=(port, context if tls else None, path))
                   for port, tls in addresses for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.results.put(dict(self.figures))

    def note(self, what, number=1):
        with self.lock:
            self.figures[what] += number

    def live(self, port, context, path):
        while not self.over.is_set():
            try:
                client = Client(port, context, path)
            except (OSError, Ended) as error:
                self.note(f"not opened: {error}")
                time.sleep(0.05)
                continue
            self.note("opened")
            echoes = self.talk(client)
            self.note("echoes", echoes)
            client.socket.close()

    def talk(self, client):
        """Until the server says that it leaves, or it is over. How many echoes came."""
        echoes = 0
        try:
            while not self.over.is_set():
                said = os.urandom(20).hex().encode()
                client.say(1, said)
                opcode, payload = client.next_frame()
                if opcode == 8:
                    self.leave(client, payload)
                    return echoes
                if (opcode, payload) != (1, said):
                    self.note("wrong")
                echoes += 1
            client.say(8, struct.pack(">H", 1000))
            while client.next_frame()[0] != 8:
                pass
            self.note("left by themselves")
        except Ended as error:
            self.note(f"cut: {error}")
        return echoes

    def leave(self, client, payload):
        self.note(f"told {struct.unpack('>H', payload[:2])[0] if payload else 'without a code'}")
        client.say(8, payload[:2])
        try:
            while True:
                client.receive()
        except Ended as error:
            if str(error) != "its end" and "EOF" not in str(error):
                self.note(f"after the close: {error}")
