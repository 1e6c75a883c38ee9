#define _GNU_SOURCE
#include "capus_tls.h"

#include "capus_loop.h"
#include "tls_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ocsp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// Seconds that one key seals tickets; those of the time before are still accepted, and replaced.
#define TICKET_PERIOD (12 * 3600)
#define FILE_BYTES (1024 * 1024)

typedef struct named_context {
    char *name;
    capus_tls_context *context;
    struct named_context *next;
} named_context;

struct capus_tls_context {
    SSL_CTX *ssl;
    // A session that is never used: all others share its slots of certificates.
    SSL *pattern;
    named_context *names;
    unsigned char *alpn;
    unsigned alpn_count;
    unsigned char *staple;
    long staple_count;
};

const char *capus_tls_version(void) { return OpenSSL_version(OPENSSL_VERSION); }

bool capus_random(uint8_t *bytes, size_t count) { return RAND_bytes(bytes, (int)count) == 1; }

bool capus_authenticate(const uint8_t *key, size_t key_count, const uint8_t *bytes, size_t count, uint8_t *mac) {
    return HMAC(EVP_sha256(), key, (int)key_count, bytes, count, mac, NULL) != NULL;
}

bool capus_is_same_secret(const uint8_t *first, const uint8_t *second, size_t count) {
    return CRYPTO_memcmp(first, second, count) == 0;
}

bool capus_tls_kernel_is_able(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // A kernel that knows how only misses the connection.
    bool is_able = fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3) != 0 && errno == ENOTCONN;
    close(fd);
    return is_able;
}

// ---- Tickets ----

typedef struct ticket_keys {
    bool are_made;
    int64_t period;
    unsigned char name[32];
    unsigned char mac[32];
    unsigned char cipher[32];
} ticket_keys;

static uint8_t ticket_secret[CAPUS_TLS_SECRET_BYTES];
static bool has_ticket_secret;
static ticket_keys known_keys[2];

void capus_tls_set_secret(const uint8_t *secret) {
    memcpy(ticket_secret, secret, sizeof ticket_secret);
    has_ticket_secret = true;
    memset(known_keys, 0, sizeof known_keys);
}

static void derive(const char *purpose, int64_t period, unsigned char *key) {
    unsigned char text[32] = {0};
    memcpy(text, &period, sizeof period);
    strncpy((char *)text + 8, purpose, 20);
    unsigned count = 32;
    HMAC(EVP_sha256(), ticket_secret, sizeof ticket_secret, text, sizeof text, key, &count);
}

// The keys of a period, made once. NULL without a secret, which a process that shares it with nobody draws itself.
static const ticket_keys *keys_of(int64_t period) {
    has_ticket_secret = has_ticket_secret || RAND_bytes(ticket_secret, sizeof ticket_secret) == 1;
    if (!has_ticket_secret) {
        return NULL;
    }
    ticket_keys *keys = &known_keys[period & 1];
    if (!keys->are_made || keys->period != period) {
        derive("name", period, keys->name);
        derive("mac", period, keys->mac);
        derive("cipher", period, keys->cipher);
        keys->period = period;
        keys->are_made = true;
    }
    return keys;
}

static int use_ticket_keys(const ticket_keys *keys, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                           int seals) {
    static const EVP_CIPHER *cbc;
    if (cbc == NULL) {
        cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    }
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)keys->mac, sizeof keys->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    bool done = EVP_MAC_CTX_set_params(mac, parameters);
    done = done && EVP_CipherInit_ex(cipher, cbc, NULL, keys->cipher, iv, seals);
    return done ? 1 : -1;
}

static int ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                      int seals) {
    (void)ssl;
    int64_t period = time(NULL) / TICKET_PERIOD;
    const ticket_keys *keys = keys_of(period);
    if (keys == NULL) {
        return -1;
    }
    if (seals) {
        memcpy(name, keys->name, 16);
        return RAND_bytes(iv, 16) == 1 ? use_ticket_keys(keys, iv, cipher, mac, 1) : -1;
    }
    if (memcmp(name, keys->name, 16) == 0) {
        return use_ticket_keys(keys, iv, cipher, mac, 0);
    }
    keys = keys_of(period - 1);
    if (memcmp(name, keys->name, 16) != 0) {
        return 0;
    }
    return use_ticket_keys(keys, iv, cipher, mac, 0) == 1 ? 2 : -1;
}

// Who has shown a certificate that has come to its end meanwhile has to show another one: a ticket is no way around.
static SSL_TICKET_RETURN use_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t count,
                                    SSL_TICKET_STATUS status, void *context) {
    (void)ssl, (void)name, (void)count, (void)context;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    X509 *shown = SSL_SESSION_get0_peer(session);
    if (shown != NULL && X509_cmp_current_time(X509_get0_notAfter(shown)) <= 0) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

// ---- Contexts ----

static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *count, const unsigned char *offered,
                           unsigned offered_count, void *argument) {
    (void)ssl;
    const capus_tls_context *context = argument;
    int found = SSL_select_next_proto((unsigned char **)chosen, count, context->alpn, context->alpn_count, offered,
                                      offered_count);
    // A client that offers nothing that is spoken here is told so (RFC 7301 §3.2).
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool name_matches(const char *pattern, const char *name) {
    if (strncmp(pattern, "*.", 2) != 0) {
        return strcasecmp(pattern, name) == 0;
    }
    const char *rest = strchr(name, '.');
    return rest != NULL && strcasecmp(pattern + 1, rest) == 0;
}

static int choose_certificate(SSL *ssl, int *alert, void *argument) {
    (void)alert;
    const capus_tls_context *context = argument;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const named_context *chosen = NULL;
    for (const named_context *entry = context->names; name != NULL && entry != NULL; entry = entry->next) {
        // A name goes before a wildcard that covers it, in whichever order they were given.
        bool is_better = chosen == NULL || entry->name[0] != '*';
        chosen = is_better && name_matches(entry->name, name) ? entry : chosen;
    }
    if (chosen != NULL) {
        SSL_set_SSL_CTX(ssl, chosen->context->ssl);
    }
    return SSL_TLSEXT_ERR_OK;
}

static int staple(SSL *ssl, void *argument) {
    const capus_tls_context *context = argument;
    unsigned char *copy = OPENSSL_memdup(context->staple, (size_t)context->staple_count);
    if (copy == NULL) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, context->staple_count);
    return SSL_TLSEXT_ERR_OK;
}

// Never asks at the terminal: a server has nobody there.
static int passphrase(char *buffer, int size, int writes, void *text) {
    (void)writes;
    int count = text == NULL ? 0 : (int)strlen(text);
    if (count > size) {
        return -1;
    }
    memcpy(buffer, text == NULL ? "" : text, (size_t)count);
    return count;
}

// The first error is the cause; those behind it say what it kept from being done.
static const char *reason(void) {
    unsigned long code = ERR_peek_error();
    if (ERR_SYSTEM_ERROR(code)) {
        return strerror(ERR_GET_REASON(code));
    }
    const char *text = ERR_reason_error_string(code);
    return text == NULL ? "it cannot be used" : text;
}

static bool load_identity(SSL_CTX *ssl, const capus_tls_options *options, char *error, size_t capacity) {
    SSL_CTX_set_default_passwd_cb(ssl, passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, (void *)options->passphrase);
    if (SSL_CTX_use_certificate_chain_file(ssl, options->certificate_file) != 1) {
        snprintf(error, capacity, "certificate %s: %s", options->certificate_file, reason());
    } else if (SSL_CTX_use_PrivateKey_file(ssl, options->key_file, SSL_FILETYPE_PEM) != 1 &&
               ERR_GET_REASON(ERR_peek_error()) != X509_R_KEY_VALUES_MISMATCH) {
        snprintf(error, capacity, "private key %s: %s", options->key_file, reason());
    } else if (SSL_CTX_check_private_key(ssl) != 1) {
        snprintf(error, capacity, "private key %s does not belong to certificate %s", options->key_file,
                 options->certificate_file);
    } else {
        return true;
    }
    return false;
}

static bool load_files(capus_tls_context *context, const capus_tls_options *options, char *error, size_t capacity) {
    SSL_CTX *ssl = context->ssl;
    if (options->certificate_file != NULL && !load_identity(ssl, options, error, capacity)) {
        return false;
    }
    if (options->ca_file != NULL && SSL_CTX_load_verify_locations(ssl, options->ca_file, NULL) != 1) {
        snprintf(error, capacity, "authorities %s: %s", options->ca_file, reason());
    } else if (options->ciphers != NULL && SSL_CTX_set_cipher_list(ssl, options->ciphers) != 1) {
        snprintf(error, capacity, "ciphers %s: %s", options->ciphers, reason());
    } else if (options->cipher_suites != NULL && SSL_CTX_set_ciphersuites(ssl, options->cipher_suites) != 1) {
        snprintf(error, capacity, "cipher suites %s: %s", options->cipher_suites, reason());
    } else {
        return true;
    }
    return false;
}

// A whole file of up to a megabyte; NULL with errno set.
static unsigned char *read_file(const char *path, long *count) {
    FILE *file = fopen(path, "re");
    unsigned char *bytes = file == NULL ? NULL : malloc(FILE_BYTES);
    if (bytes != NULL) {
        *count = (long)fread(bytes, 1, FILE_BYTES, file);
        if (ferror(file)) {
            int failure = errno;
            free(bytes);
            bytes = NULL;
            errno = failure;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return bytes;
}

static bool load_staple(capus_tls_context *context, const char *path, char *error, size_t capacity) {
    if (path == NULL) {
        return true;
    }
    context->staple = read_file(path, &context->staple_count);
    const unsigned char *bytes = context->staple;
    OCSP_RESPONSE *response = bytes == NULL ? NULL : d2i_OCSP_RESPONSE(NULL, &bytes, context->staple_count);
    if (response == NULL) {
        snprintf(error, capacity, "OCSP response %s: %s", path,
                 context->staple == NULL ? strerror(errno) : "it is no OCSP response in DER");
        return false;
    }
    OCSP_RESPONSE_free(response);
    SSL_CTX_set_tlsext_status_cb(context->ssl, staple);
    SSL_CTX_set_tlsext_status_arg(context->ssl, context);
    return true;
}

static void release(void *parent, void *value, CRYPTO_EX_DATA *data, int index, long number, void *argument) {
    (void)parent, (void)data, (void)index, (void)number, (void)argument;
    capus_tls_context *context = value;
    if (context == NULL) {
        return;
    }
    while (context->names != NULL) {
        named_context *entry = context->names;
        context->names = entry->next;
        capus_tls_context_destroy(entry->context);
        free(entry->name);
        free(entry);
    }
    OPENSSL_free(context->alpn);
    free(context->staple);
    free(context);
}

// Where OpenSSL's context keeps ours.
static int own_index(void) {
    static int index = -1;
    if (index < 0) {
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, release);
    }
    return index;
}

// What servers and clients have in common.
static capus_tls_context *make_context(const SSL_METHOD *method, int oldest, char *error, size_t capacity) {
    ERR_clear_error();
    capus_tls_context *context = calloc(1, sizeof *context);
    if (context == NULL || (context->ssl = SSL_CTX_new(method)) == NULL) {
        snprintf(error, capacity, "%s", reason());
        free(context);
        return NULL;
    }
    SSL_CTX *ssl = context->ssl;
    SSL_CTX_set_ex_data(ssl, own_index(), context);
    SSL_CTX_set_min_proto_version(ssl, oldest);
    // A FIN alone, with which many leave, ends what is received and nothing else; whether more was said than that
    // tells capus_tls_has_said_goodbye.
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    // Released buffers: a connection that waits holds none.
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ssl, 1); // One read for a record's head and body.
    return context;
}

// A resumed session is not asked for a certificate again: only one that was begun under the same authorities may be
// resumed. Tickets of other workers, and of the time before the file was changed, are therefore another rule's.
static void describe_rule(const char *ca_file, unsigned char *rule) {
    long count = 0;
    unsigned char *authorities = read_file(ca_file, &count);
    unsigned size = 32;
    if (authorities != NULL) {
        EVP_Digest(authorities, (size_t)count, rule, &size, EVP_sha256(), NULL);
    } else {
        RAND_bytes(rule, 32);
    }
    free(authorities);
}

static void configure(capus_tls_context *context, const capus_tls_options *options) {
    SSL_CTX *ssl = context->ssl;
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    unsigned char rule[32] = "apus";
    if (options->verifies_peer) {
        describe_rule(options->ca_file, rule);
    }
    SSL_CTX_set_session_id_context(ssl, rule, sizeof rule);
    SSL_CTX_set_num_tickets(ssl, 1);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, ticket_key);
    SSL_CTX_set_session_ticket_cb(ssl, NULL, use_ticket, NULL);
    SSL_CTX_set_tlsext_servername_callback(ssl, choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(ssl, context);
    if (options->verifies_peer) {
        SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_CTX_set_client_CA_list(ssl, SSL_load_client_CA_file(options->ca_file));
    }
    // Asked for each connection a kernel that does not know how would look for the module each time.
    if (options->prefers_kernel && capus_tls_kernel_is_able()) {
        SSL_CTX_set_options(ssl, SSL_OP_ENABLE_KTLS);
    }
    if (options->alpn_count > 0) {
        context->alpn = OPENSSL_memdup(options->alpn, options->alpn_count);
        context->alpn_count = (unsigned)options->alpn_count;
        SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, context);
    }
}

static capus_tls_context *fail(capus_tls_context *context) {
    capus_tls_context_destroy(context);
    ERR_clear_error();
    return NULL;
}

static int oldest(const capus_tls_options *options) {
    return options->requires_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

capus_tls_context *capus_tls_context_create(const capus_tls_options *options, char *error, size_t capacity) {
    capus_tls_context *context = make_context(TLS_server_method(), oldest(options), error, capacity);
    if (context == NULL) {
        return NULL;
    }
    configure(context, options);
    bool done = load_files(context, options, error, capacity) &&
                load_staple(context, options->ocsp_file, error, capacity);
    return done ? context : fail(context);
}

capus_tls_context *capus_tls_client_context_create(const capus_tls_options *options, char *error, size_t capacity) {
    capus_tls_context *context = make_context(TLS_client_method(), oldest(options), error, capacity);
    if (context == NULL) {
        return NULL;
    }
    if (options->verifies_peer) {
        SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    }
    if (options->alpn_count > 0) {
        SSL_CTX_set_alpn_protos(context->ssl, options->alpn, (unsigned)options->alpn_count);
    }
    if (options->verifies_peer && options->ca_file == NULL && SSL_CTX_set_default_verify_paths(context->ssl) != 1) {
        snprintf(error, capacity, "authorities of the system: %s", reason());
        return fail(context);
    }
    return load_files(context, options, error, capacity) ? context : fail(context);
}

bool capus_tls_context_add(capus_tls_context *context, const char *name, capus_tls_context *other) {
    named_context *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        return false;
    }
    entry->name = strdup(name);
    entry->context = other;
    entry->next = context->names;
    context->names = entry;
    return entry->name != NULL;
}

// Sessions that were begun keep OpenSSL's context, whose callbacks use ours: it goes when the last of them does.
void capus_tls_context_destroy(capus_tls_context *context) {
    SSL_free(context->pattern);
    SSL_CTX_free(context->ssl);
}

int64_t capus_tls_context_lifetime(const capus_tls_context *context) {
    int days = 0, seconds = 0;
    ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(SSL_CTX_get0_certificate(context->ssl)));
    return (int64_t)days * 86400 + seconds;
}

// ---- Sessions ----
// A session is OpenSSL's own object: there is nothing to add to it.

static SSL *ssl_of(const capus_tls *tls) { return (SSL *)tls; }

// OpenSSL copies what its context knows of certificates for each session, which are 600 bytes and the same every time:
// with SSL_copy_session_id there is one that is counted. A context of ours has one certificate, so that sessions do not
// differ in which of them is theirs.
static SSL *make_session(capus_tls_context *context, int fd, void (*set_role)(SSL *)) {
    if (context->pattern == NULL) {
        context->pattern = SSL_new(context->ssl);
    }
    SSL *ssl = context->pattern == NULL ? NULL : SSL_new(context->ssl);
    if (ssl != NULL && SSL_copy_session_id(ssl, context->pattern) == 1 && SSL_set_fd(ssl, fd) == 1) {
        set_role(ssl);
        return ssl;
    }
    SSL_free(ssl);
    return NULL;
}

capus_tls *capus_tls_accept(capus_tls_context *context, int fd) {
    return (capus_tls *)make_session(context, fd, SSL_set_accept_state);
}

capus_tls *capus_tls_connect(capus_tls_context *context, int fd, const char *server_name) {
    SSL *ssl = make_session(context, fd, SSL_set_connect_state);
    if (ssl == NULL) {
        return NULL;
    }
    // A server is asked for, and has to be, who is wanted; an address is no name that could be asked for.
    bool is_address = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name) == 1;
    if (!is_address && (SSL_set_tlsext_host_name(ssl, server_name) != 1 || SSL_set1_host(ssl, server_name) != 1)) {
        SSL_free(ssl);
        return NULL;
    }
    return (capus_tls *)ssl;
}

// A ticket is OpenSSL's own session object.
capus_tls_ticket *capus_tls_take_ticket(const capus_tls *tls) {
    SSL_SESSION *session = SSL_get1_session(ssl_of(tls));
    if (session != NULL && SSL_SESSION_is_resumable(session) != 1) {
        SSL_SESSION_free(session);
        session = NULL;
    }
    return (capus_tls_ticket *)session;
}

void capus_tls_resume(capus_tls *tls, const capus_tls_ticket *ticket) {
    SSL_set_session(ssl_of(tls), (SSL_SESSION *)ticket); // Counts one more user, and changes nothing.
}

void capus_tls_ticket_destroy(capus_tls_ticket *ticket) { SSL_SESSION_free((SSL_SESSION *)ticket); }

int capus_tls_handshake(capus_tls *tls, char *error, size_t capacity) {
    ERR_clear_error(); // What another connection left there would be taken for this one's.
    int result = SSL_do_handshake(ssl_of(tls));
    if (result == 1) {
        return 0;
    }
    switch (SSL_get_error(ssl_of(tls), result)) {
    case SSL_ERROR_WANT_READ:
        return CAPUS_READ;
    case SSL_ERROR_WANT_WRITE:
        return CAPUS_WRITE;
    case SSL_ERROR_SSL:
        snprintf(error, capacity, "%s", reason());
        long verdict = SSL_get_verify_result(ssl_of(tls));
        if (verdict != X509_V_OK && ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
            snprintf(error, capacity, "certificate: %s", X509_verify_cert_error_string(verdict));
        }
        return -1;
    }
    snprintf(error, capacity, "%s", "the peer left during the handshake");
    return -1;
}

bool capus_tls_sends_files(const capus_tls *tls) { return BIO_get_ktls_send(SSL_get_wbio(ssl_of(tls))); }

void capus_tls_settle(capus_tls *tls) {
    // What the kernel does for a session is noted in its own.
    if (capus_tls_sends_files(tls) || BIO_get_ktls_recv(SSL_get_rbio(ssl_of(tls)))) {
        tls_bound_socket(ssl_of(tls));
    } else {
        tls_share_socket(ssl_of(tls));
    }
    // What is dropped of a key is its content: the empty object stays the session's.
    EVP_PKEY *keys[2] = {NULL, NULL};
    SSL_get_tmp_key(ssl_of(tls), &keys[0]);
    SSL_get_peer_tmp_key(ssl_of(tls), &keys[1]);
    for (int i = 0; i < 2; i++) {
        EVP_PKEY_set_type(keys[i], EVP_PKEY_NONE);
        EVP_PKEY_free(keys[i]);
    }
    STACK_OF(SSL_CIPHER) *offered = SSL_get_client_ciphers(ssl_of(tls));
    sk_SSL_CIPHER_zero(offered); // There may be none.
    sk_SSL_CIPHER_reserve(offered, 0);
}

// What a call that moved nothing means, as a negated errno; 0 for the end. `wanted` is what the call waits for itself.
// To wait for the other direction is asked by who has sent half a message about the session, or who asks for new keys
// and reads nothing: there is no waiting for that, as the poller would say at once that the wrong one is ready.
static long nothing_moved(const capus_tls *tls, int result, int cause, int wanted) {
    int why = SSL_get_error(ssl_of(tls), result);
    switch (why) {
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return cause == 0 ? 0 : -cause;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return why == wanted ? -EAGAIN : -EPROTO;
    default:
        return -EPROTO;
    }
}

bool capus_tls_has_said_goodbye(const capus_tls *tls) {
    return (SSL_get_shutdown(ssl_of(tls)) & SSL_RECEIVED_SHUTDOWN) != 0;
}

long capus_tls_receive(capus_tls *tls, int fd, void *bytes, size_t capacity) {
    ERR_clear_error();
    tls_use_socket(fd);
    size_t done = 0;
    long failure = 0;
    while (done < capacity) {
        errno = 0;
        size_t count = 0;
        int result = SSL_read_ex(ssl_of(tls), (char *)bytes + done, capacity - done, &count);
        if (result != 1) {
            failure = nothing_moved(tls, result, errno, SSL_ERROR_WANT_READ);
            // OpenSSL takes a FIN alone for the goodbye. It is found again with every read, and so it need not be kept.
            if (BIO_eof(SSL_get_rbio(ssl_of(tls)))) {
                SSL_set_shutdown(ssl_of(tls), SSL_get_shutdown(ssl_of(tls)) & ~SSL_RECEIVED_SHUTDOWN);
            }
            break;
        }
        done += count;
        if (SSL_has_pending(ssl_of(tls)) == 0) {
            break; // The socket is empty, or will be found readable: a read to see that would be one too many.
        }
    }
    // More than two records with hardly a byte for us: a flood of messages about the session, which OpenSSL works off
    // for as long as they come.
    size_t taken = tls_taken_from_socket();
    if (taken >= 2 * CAPUS_TLS_RECORD_BYTES && done < taken / 64) {
        return -EPROTO;
    }
    // The peer wants new keys, which OpenSSL 3.0 cannot give the kernel: what is sent would be garbage.
    if (SSL_get_key_update_type(ssl_of(tls)) != SSL_KEY_UPDATE_NONE && capus_tls_sends_files(tls)) {
        return -EPROTO;
    }
    // What came before the end is returned first; the end comes again.
    return done > 0 ? (long)done : failure;
}

long capus_tls_send(capus_tls *tls, int fd, const void *bytes, size_t count) {
    ERR_clear_error();
    tls_use_socket(fd);
    size_t done = 0;
    while (done < count) {
        errno = 0;
        size_t written = 0;
        size_t piece = count - done < CAPUS_TLS_RECORD_BYTES ? count - done : CAPUS_TLS_RECORD_BYTES;
        int result = SSL_write_ex(ssl_of(tls), (const char *)bytes + done, piece, &written);
        if (result != 1) {
            long failure = nothing_moved(tls, result, errno, SSL_ERROR_WANT_WRITE);
            return done > 0 ? (long)done : failure == 0 ? -EPIPE : failure;
        }
        done += written;
    }
    return (long)done;
}

bool capus_tls_has_pending(const capus_tls *tls) {
    return SSL_has_pending(ssl_of(tls)) == 1 || capus_tls_has_said_goodbye(tls);
}

capus_tls_facts capus_tls_describe(const capus_tls *tls) {
    const char *name = SSL_get_servername(ssl_of(tls), TLSEXT_NAMETYPE_host_name);
    const char *cipher = SSL_get_cipher_name(ssl_of(tls));
    capus_tls_facts facts = {
        .version = SSL_get_version(ssl_of(tls)),
        .cipher = cipher == NULL ? "" : cipher,
        .server_name = name == NULL ? "" : name,
        .is_resumed = SSL_session_reused(ssl_of(tls)) == 1,
    };
    SSL_get0_alpn_selected(ssl_of(tls), &facts.alpn, &facts.alpn_count);
    return facts;
}

size_t capus_tls_peer_subject(const capus_tls *tls, char *text, size_t capacity) {
    X509 *certificate = SSL_get0_peer_certificate(ssl_of(tls));
    BIO *memory = certificate == NULL ? NULL : BIO_new(BIO_s_mem());
    if (memory == NULL) {
        return 0;
    }
    X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    int count = BIO_read(memory, text, (int)capacity);
    BIO_free(memory);
    return count > 0 ? (size_t)count : 0;
}

void capus_tls_finish(capus_tls *tls, int fd) {
    if (SSL_is_init_finished(ssl_of(tls))) {
        ERR_clear_error();
        tls_use_socket(fd);
        SSL_shutdown(ssl_of(tls));
    }
}

void capus_tls_destroy(capus_tls *tls) {
    SSL_free(ssl_of(tls));
    ERR_clear_error();
}
