#include "tls_socket.h"

#include <errno.h>
#include <openssl/bio.h>
#include <stdbool.h>
#include <sys/socket.h>

static BIO *shared;
// Sessions that do not share may be used by several threads.
static _Thread_local int current_fd = -1;
static _Thread_local bool is_at_end;
// Bytes that were read since the session was called. OpenSSL reads on while what comes is none of the program's.
static _Thread_local size_t taken;
#define MOST_TAKEN (96 * 1024)

void tls_use_socket(int fd) {
    current_fd = fd;
    is_at_end = false;
    taken = 0;
}

size_t tls_taken_from_socket(void) { return taken; }

static int outcome(BIO *bio, ssize_t moved, int retry) {
    BIO_clear_retry_flags(bio);
    if (moved < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    }
    return (int)moved;
}

static int read_socket(BIO *bio, char *bytes, int capacity) {
    ssize_t count = -1;
    errno = EAGAIN;
    if (taken < MOST_TAKEN) {
        count = recv(current_fd, bytes, (size_t)capacity, 0);
        taken += count > 0 ? (size_t)count : 0;
    }
    is_at_end = count == 0;
    return outcome(bio, count, BIO_FLAGS_READ);
}

static int write_socket(BIO *bio, const char *bytes, int count) {
    return outcome(bio, send(current_fd, bytes, (size_t)count, MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

static long control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return is_at_end;
    default:
        return 0;
    }
}

static BIO *make(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "shared socket");
    if (method == NULL || BIO_meth_set_read(method, read_socket) != 1 ||
        BIO_meth_set_write(method, write_socket) != 1 || BIO_meth_set_ctrl(method, control) != 1) {
        BIO_meth_free(method);
        return NULL;
    }
    BIO *bio = BIO_new(method);
    if (bio != NULL) {
        BIO_set_init(bio, 1);
    }
    return bio;
}

void tls_share_socket(SSL *ssl) {
    if (shared == NULL) {
        shared = make();
    }
    // Without memory for it the session keeps its own.
    if (shared != NULL && BIO_up_ref(shared) == 1) {
        SSL_set_bio(ssl, shared, shared);
    }
}

static long bound(BIO *bio, int operation, const char *bytes, size_t capacity, int command, long number, int result,
                  size_t *moved) {
    (void)bytes, (void)capacity, (void)command, (void)number;
    if (operation == BIO_CB_READ && taken >= MOST_TAKEN) {
        BIO_set_retry_read(bio);
        return -1;
    }
    if (operation == (BIO_CB_READ | BIO_CB_RETURN) && result > 0) {
        taken += *moved;
    }
    return result;
}

void tls_bound_socket(SSL *ssl) { BIO_set_callback_ex(SSL_get_rbio(ssl), bound); }
