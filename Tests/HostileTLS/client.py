#!/usr/bin/env python3
"""A TLS 1.3 client that sends what no library does. It shakes hands by means of Python's own TLS, which tells the secret
of what is sent, and makes the records that follow itself (RFC 8446 §5.2, §7.2, §7.3).

    client.py half PORT         a line and the first bytes of a KeyUpdate; says whether the server closes
    client.py flood PORT COUNT  so many KeyUpdates; says whether the server closes
    client.py keys PORT COUNT   so many times a KeyUpdate that asks for one, and a line; says how many lines come back
"""

import hashlib
import hmac
import socket
import ssl
import sys
import tempfile

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HANDSHAKE, DATA = 22, 23
KEY_UPDATE = b"\x18\x00\x00\x01"  # its head: type and length


class Client:
    def __init__(self, port):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.arriving, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        with tempfile.NamedTemporaryFile("r") as secrets:
            context.keylog_filename = secrets.name
            self.session = context.wrap_bio(self.arriving, leaving)
            while True:
                try:
                    self.session.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    self.socket.sendall(leaving.read())
                    self.arriving.write(self.socket.recv(65536))
            self.socket.sendall(leaving.read())
            found = [line.split()[2] for line in secrets if line.startswith("CLIENT_TRAFFIC_SECRET_0")]
        # The first suite of both sides has one of 48 bytes.
        self.hash = {32: hashlib.sha256, 48: hashlib.sha384}[len(found[0]) // 2]
        self.take_keys(bytes.fromhex(found[0]))

    def derive(self, secret, label, count):
        name = b"tls13 " + label
        info = count.to_bytes(2, "big") + bytes([len(name)]) + name + b"\0"
        return hmac.new(secret, info + b"\x01", self.hash).digest()[:count]

    def take_keys(self, secret):
        self.secret, self.number = secret, 0
        key_bytes = 32 if self.hash is hashlib.sha384 else 16
        self.cipher = AESGCM(self.derive(secret, b"key", key_bytes))
        self.start = int.from_bytes(self.derive(secret, b"iv", 12), "big")

    def record(self, kind, content):
        head = b"\x17\x03\x03" + (len(content) + 17).to_bytes(2, "big")
        nonce = (self.start ^ self.number).to_bytes(12, "big")
        self.number += 1
        return head + self.cipher.encrypt(nonce, content + bytes([kind]), head)

    def key_update(self, asks=False):
        made = self.record(HANDSHAKE, KEY_UPDATE + bytes([asks]))
        self.take_keys(self.derive(self.secret, b"traffic upd", self.hash().digest_size))
        return made

    def closes(self):
        """Whether the server ends the connection, however much it says before."""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def read(self):
        while True:
            try:
                return self.session.read(65536)
            except ssl.SSLWantReadError:
                arrived = self.socket.recv(65536)
                if not arrived:
                    return b""
                self.arriving.write(arrived)


def main():
    mode, client = sys.argv[1], Client(int(sys.argv[2]))
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    if mode == "half":
        client.socket.sendall(client.record(DATA, b"hello\n") + client.record(HANDSHAKE, KEY_UPDATE))
        print("closed" if client.closes() else "open")
    elif mode == "flood":
        flood = b"".join(client.key_update() for _ in range(count))
        try:
            client.socket.sendall(flood + client.record(DATA, b"hello\n"))
            print("answered" if client.read() else "closed")
        except ConnectionError:
            print("closed")
    else:
        lines = 0
        for _ in range(count):
            try:
                client.socket.sendall(client.key_update(asks=True) + client.record(DATA, b"hello\n"))
                answer = client.read()
            except ConnectionError:
                break
            if not answer:
                break
            lines += answer == b"hello\n"
        print(lines)


main()
