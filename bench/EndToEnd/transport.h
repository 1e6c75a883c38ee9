/*
 * What floor.c, client.c and cycle.c move bytes with: the socket itself, or, built with -DTLS, OpenSSL on the socket as
 * a plain C program would have it (SSL_set_fd), with the buffers of connections that wait released.
 */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef TLS
#include <signal.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL_CTX *transport_context;
static SSL *transport_sessions[65536]; /* by descriptor */

/* A server with `certificate` and `key`, a client without. */
static void transport_prepare(const char *certificate, const char *key) {
    bool is_server = certificate != NULL;
    signal(SIGPIPE, SIG_IGN); /* OpenSSL's writes have no MSG_NOSIGNAL: a peer that has gone would end the program */
    transport_context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    SSL_CTX_set_mode(transport_context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                            SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(transport_context, SSL_SESS_CACHE_OFF);
    // The ciphers of `TLSOptions`, so that all that are compared do the same work.
    SSL_CTX_set_options(transport_context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_cipher_list(transport_context, "ECDHE+AES128+AESGCM:ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_ciphersuites(transport_context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384");
    if (is_server && (SSL_CTX_use_certificate_chain_file(transport_context, certificate) != 1 ||
                      SSL_CTX_use_PrivateKey_file(transport_context, key, SSL_FILETYPE_PEM) != 1)) {
        ERR_print_errors_fp(stderr);
        exit(2);
    }
}

static void transport_open(int fd, bool is_server) {
    SSL *session = SSL_new(transport_context);
    SSL_set_fd(session, fd);
    if (is_server) SSL_set_accept_state(session);
    else SSL_set_connect_state(session);
    transport_sessions[fd] = session;
}

static ssize_t transport_result(SSL *session, int count) {
    if (count > 0) return count;
    switch (SSL_get_error(session, count)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default: return errno == 0 ? 0 : -1;
    }
}

static ssize_t transport_receive(int fd, void *bytes, size_t count) {
    ERR_clear_error();
    errno = 0;
    return transport_result(transport_sessions[fd], SSL_read(transport_sessions[fd], bytes, (int)count));
}

static ssize_t transport_send(int fd, const void *bytes, size_t count) {
    ERR_clear_error();
    errno = 0;
    return transport_result(transport_sessions[fd], SSL_write(transport_sessions[fd], bytes, (int)count));
}

/* More was decrypted, or taken from the socket, than was received: nothing will announce it. */
__attribute__((unused)) static bool transport_has_more(int fd) { return SSL_has_pending(transport_sessions[fd]); }

/* What could not be sent waits for bytes to come: a step of the handshake. */
__attribute__((unused)) static bool transport_wants_input(int fd) { return SSL_want_read(transport_sessions[fd]); }

/* Says that nothing more will be sent. */
__attribute__((unused)) static void transport_finish(int fd) {
    SSL_shutdown(transport_sessions[fd]);
    shutdown(fd, SHUT_WR);
}

/* Without a word. */
__attribute__((unused)) static void transport_abandon(int fd) {
    SSL_free(transport_sessions[fd]);
    transport_sessions[fd] = NULL;
    close(fd);
}

static void transport_close(int fd) {
    if (SSL_is_init_finished(transport_sessions[fd])) SSL_shutdown(transport_sessions[fd]);
    SSL_free(transport_sessions[fd]);
    transport_sessions[fd] = NULL;
    close(fd);
}
#else
static inline void transport_prepare(const char *certificate, const char *key) { (void)certificate, (void)key; }
static inline void transport_open(int fd, bool is_server) { (void)fd, (void)is_server; }
static inline ssize_t transport_receive(int fd, void *bytes, size_t count) { return recv(fd, bytes, count, 0); }
static inline ssize_t transport_send(int fd, const void *bytes, size_t count) {
    return send(fd, bytes, count, MSG_NOSIGNAL);
}
static inline bool transport_has_more(int fd) { return (void)fd, false; }
static inline bool transport_wants_input(int fd) { return (void)fd, false; }
static inline void transport_finish(int fd) { shutdown(fd, SHUT_WR); }
static inline void transport_abandon(int fd) { close(fd); }
static inline void transport_close(int fd) { close(fd); }
#endif

#endif
