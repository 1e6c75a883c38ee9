#!/usr/bin/env python3
"""A TLS server for one client. It says where it listens, and shakes hands.

    server.py leave CERTIFICATE KEY  ends its side with a FIN alone, without a word of TLS. When it gets SIGUSR1 it reads
                                     what the client has sent, and says how many bytes that was
    server.py stall CERTIFICATE KEY  reads a request, sends half a record of the answer, and waits until the client goes
"""

import signal
import socket
import ssl
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def leave(context, accepted):
    session = context.wrap_socket(accepted, server_side=True, suppress_ragged_eofs=False)
    socket.socket.shutdown(session, socket.SHUT_WR)
    signal.sigwait([signal.SIGUSR1])
    received = 0
    while some := session.recv(65536):
        received += len(some)
    print(received, flush=True)


def stall(context, accepted):
    arriving, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(arriving, leaving, server_side=True)
    request = b""
    while b"\r\n\r\n" not in request:
        try:
            request += session.read(65536)
        except ssl.SSLWantReadError:
            accepted.sendall(leaving.read())
            arriving.write(accepted.recv(65536))
    accepted.sendall(leaving.read())
    session.write(ANSWER)
    record = leaving.read()
    accepted.sendall(record[: len(record) // 2])
    while accepted.recv(65536):
        pass


signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
with socket.socket() as listener:
    # Little of what the client sends fits between the two.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(f"127.0.0.1:{listener.getsockname()[1]}", flush=True)
    {"leave": leave, "stall": stall}[sys.argv[1]](context, listener.accept()[0])
