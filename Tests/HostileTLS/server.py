#!/usr/bin/env python3
"""A TLS server that leaves half: server.py CERTIFICATE KEY. It says where it listens, shakes hands with one client, and
ends its side with a FIN alone, without a word of TLS. When it gets SIGUSR1 it reads what the client has sent, and says
how many bytes that was."""

import signal
import socket
import ssl
import sys

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
with socket.socket() as listener:
    # Little of what the client sends fits between the two.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(f"127.0.0.1:{listener.getsockname()[1]}", flush=True)
    accepted, _ = listener.accept()
session = context.wrap_socket(accepted, server_side=True, suppress_ragged_eofs=False)
socket.socket.shutdown(session, socket.SHUT_WR)
signal.sigwait([signal.SIGUSR1])
received = 0
while some := session.recv(65536):
    received += len(some)
print(received, flush=True)
