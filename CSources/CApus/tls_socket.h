#ifndef TLS_SOCKET_H
#define TLS_SOCKET_H

#include <openssl/ssl.h>

// The one way to the sockets of all sessions: OpenSSL gives each session an object for it, with a lock, though a loop
// uses one session at a time. After its handshake a session shares this one.

// From now on the session reads and writes the socket that `tls_use_socket` names.
void tls_share_socket(SSL *ssl);
// A session keeps its own, which pretends to be empty as the shared one does.
void tls_bound_socket(SSL *ssl);
// The socket of the session that is called next.
void tls_use_socket(int fd);
// Bytes that were read since. After 96 KiB the socket pretends to be empty, so that others have their turn.
size_t tls_taken_from_socket(void);

#endif
