// TLS of simulated peers: OpenSSL over memory. Clients trust everybody, servers all show one certificate.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "kernel.h"

#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

static SSL_CTX *context, *server_context;
// Of the last connection of the schedule, to be resumed by the next ones.
static SSL_SESSION *last;

// OpenSSL's chances come from the seed, too.
static int draw_bytes(unsigned char *to, int count) {
    for (int index = 0; index < count; index++) to[index] = (unsigned char)simulation_draw(256);
    return 1;
}

static int is_seeded(void) { return 1; }

void sessions_begin(void) {
    static RAND_METHOD method = {.bytes = draw_bytes, .pseudorand = draw_bytes, .status = is_seeded};
    RAND_set_rand_method(&method);
    SSL_SESSION_free(last);
    last = NULL;
}

static int remember(SSL *ssl, SSL_SESSION *session) {
    (void)ssl;
    SSL_SESSION_free(last);
    last = session;
    return 1;
}

bool simulation_use_certificate(const char *certificate_file, const char *key_file) {
    server_context = SSL_CTX_new(TLS_server_method());
    return SSL_CTX_use_certificate_chain_file(server_context, certificate_file) == 1 &&
           SSL_CTX_use_PrivateKey_file(server_context, key_file, SSL_FILETYPE_PEM) == 1;
}

static SSL *make_session(SSL_CTX *context) {
    SSL *ssl = SSL_new(context);
    if (ssl == NULL) abort();
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    return ssl;
}

static SSL *make_client(void) {
    if (context == NULL) {
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, remember);
    }
    SSL *ssl = make_session(context);
    // TLS 1.2 has the server's last word in another place.
    if (simulation_draw(3) == 0) {
        SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
    } else if (last != NULL && simulation_draw(10) != 0) {
        SSL_set_session(ssl, last);
    }
    SSL_set_connect_state(ssl);
    return ssl;
}

static SSL *make_server(void) {
    SSL *ssl = make_session(server_context);
    if (simulation_draw(3) == 0) SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
    SSL_set_accept_state(ssl);
    return ssl;
}

void session_begin(peer *peer) {
    peer->session = peer->is_client ? make_client() : make_server();
    session_hear(peer, NULL, 0);
}

void session_end(peer *peer) {
    SSL_free(peer->session);
    peer->session = NULL;
}

static void collect_wire(peer *peer) {
    BIO *written = SSL_get_wbio(peer->session);
    char *start;
    long count = BIO_get_mem_data(written, &start);
    if (count > 0) bytes_append(&peer->wire, start, (size_t)count);
    (void)BIO_reset(written);
}

void session_hear(peer *peer, const uint8_t *wire, size_t count) {
    if (count > 0) BIO_write(SSL_get_rbio(peer->session), wire, (int)count);
    if (!SSL_is_init_finished(peer->session)) SSL_do_handshake(peer->session);
    char block[16384];
    int found;
    while (SSL_is_init_finished(peer->session) && (found = SSL_read(peer->session, block, sizeof block)) > 0) {
        bytes_append(&peer->heard, block, (size_t)found);
    }
    collect_wire(peer);
}

bool session_say(peer *peer, const uint8_t *plain, size_t count) {
    if (!SSL_is_init_finished(peer->session)) return false;
    if (SSL_write(peer->session, plain, (int)count) <= 0) return false;
    collect_wire(peer);
    return true;
}

void session_finish(peer *peer) {
    if (!SSL_is_init_finished(peer->session) || SSL_get_shutdown(peer->session) & SSL_SENT_SHUTDOWN) return;
    SSL_shutdown(peer->session);
    collect_wire(peer);
}
