// TLS: what a listener presents, and the session of one connection, over a descriptor that does not block.
#ifndef CAPUS_TLS_H
#define CAPUS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct capus_tls_context capus_tls_context;
typedef struct capus_tls capus_tls;

enum {
    CAPUS_TLS_SECRET_BYTES = 32,
    CAPUS_MAC_BYTES = 32,
    // What a record that the kernel did not take whole has to be offered again with, at the most.
    CAPUS_TLS_RECORD_BYTES = 16384,
};

// Paths are of PEM files; what is NULL is not wanted.
typedef struct capus_tls_options {
    // The certificate and those that lead to an authority that the peer knows; a client may have none.
    const char *_Nullable certificate_file;
    const char *_Nullable key_file;
    const char *_Nullable passphrase;
    // Authorities for certificates of the peer. Clients without them go by those of the system.
    const char *_Nullable ca_file;
    // OpenSSL's lists for TLS 1.2 and 1.3.
    const char *_Nullable ciphers;
    const char *_Nullable cipher_suites;
    // A DER file to be stapled.
    const char *_Nullable ocsp_file;
    // Protocols in the order of preference, each behind its length in a byte (RFC 7301 §3.1).
    const uint8_t *_Nullable alpn;
    size_t alpn_count;
    bool requires_tls13;
    // The peer has to show a certificate that the authorities vouch for.
    bool verifies_peer;
    // Records that leave are made by the kernel wherever it can: see capus_tls_sends_files.
    bool prefers_kernel;
} capus_tls_options;

// Whether this kernel makes records (kTLS, the module `tls`, which root loads with this call).
bool capus_tls_kernel_is_able(void);

// OpenSSL's name and version.
const char *_Nonnull capus_tls_version(void);

// NULL, and why in `error`, when the files cannot be used.
capus_tls_context *_Nullable capus_tls_context_create(const capus_tls_options *_Nonnull options, char *_Nonnull error,
                                                      size_t capacity);
capus_tls_context *_Nullable capus_tls_client_context_create(const capus_tls_options *_Nonnull options,
                                                             char *_Nonnull error, size_t capacity);
// Presents another context's certificate to clients that ask for `name`: a host, or *.domain. Takes `other` over.
bool capus_tls_context_add(capus_tls_context *_Nonnull context, const char *_Nonnull name,
                           capus_tls_context *_Nonnull other);
void capus_tls_context_destroy(capus_tls_context *_Nonnull context);
// Seconds until the certificate expires, negative when it has.
int64_t capus_tls_context_lifetime(const capus_tls_context *_Nonnull context);

// The secret that session tickets are sealed with: processes that share it resume each other's sessions.
void capus_tls_set_secret(const uint8_t *_Nonnull secret);
bool capus_random(uint8_t *_Nonnull bytes, size_t count);
// HMAC-SHA256 (RFC 2104), CAPUS_MAC_BYTES of it; false when OpenSSL refuses.
bool capus_authenticate(const uint8_t *_Nonnull key, size_t key_count, const uint8_t *_Nonnull bytes, size_t count,
                        uint8_t *_Nonnull mac);
// Takes as long wherever they differ.
bool capus_is_same_secret(const uint8_t *_Nonnull first, const uint8_t *_Nonnull second, size_t count);

capus_tls *_Nullable capus_tls_accept(capus_tls_context *_Nonnull context, int fd);
// A session of a client with the server of that name.
capus_tls *_Nullable capus_tls_connect(capus_tls_context *_Nonnull context, int fd, const char *_Nonnull server_name);
// What a later session with the same server may begin with, instead of a whole handshake: there once the server has
// sent a ticket, in TLS 1.3 with its first bytes. NULL when there is nothing to resume.
typedef struct capus_tls_ticket capus_tls_ticket;
capus_tls_ticket *_Nullable capus_tls_take_ticket(const capus_tls *_Nonnull tls);
// Before the handshake. The ticket stays the caller's.
void capus_tls_resume(capus_tls *_Nonnull tls, const capus_tls_ticket *_Nonnull ticket);
void capus_tls_ticket_destroy(capus_tls_ticket *_Nonnull ticket);
// 0 when it is over, CAPUS_READ or CAPUS_WRITE for what it waits for, or -1 with the reason in `error`.
int capus_tls_handshake(capus_tls *_Nonnull tls, char *_Nonnull error, size_t capacity);
// The handshake is over: the session gives back what OpenSSL keeps of its socket and shares one for all sessions, which
// have to be used by one thread only, unless the kernel makes its records; and what it keeps of the key exchange, whose
// secrets would stay in memory as long as the connection, and of what the peer has offered.
void capus_tls_settle(capus_tls *_Nonnull tls);
// As capus_receive and capus_send, after the handshake; `fd` is the session's. Receiving fills the buffer if it can.
long capus_tls_receive(capus_tls *_Nonnull tls, int fd, void *_Nonnull bytes, size_t capacity);
long capus_tls_send(capus_tls *_Nonnull tls, int fd, const void *_Nonnull bytes, size_t count);
// What is written to the session's descriptor itself leaves in records that the kernel makes, and so do files by
// capus_send_file: once the handshake is over, if that was wanted and the kernel knows what was agreed on.
bool capus_tls_sends_files(const capus_tls *_Nonnull tls);
// The peer's close_notify has come: the end was not made by somebody on the way.
bool capus_tls_has_said_goodbye(const capus_tls *_Nonnull tls);
// Bytes, or the end, were taken from the socket that no receive has returned.
bool capus_tls_has_pending(const capus_tls *_Nonnull tls);
// What was agreed on. Texts are valid as long as the session; those that are not known are empty.
typedef struct capus_tls_facts {
    const char *_Nonnull version;
    const char *_Nonnull cipher;
    // The host that the client asked for.
    const char *_Nonnull server_name;
    const uint8_t *_Nullable alpn;
    unsigned alpn_count;
    bool is_resumed;
} capus_tls_facts;
capus_tls_facts capus_tls_describe(const capus_tls *_Nonnull tls);
// The subject of the peer's certificate as in RFC 2253, and its length; 0 when it has shown none.
size_t capus_tls_peer_subject(const capus_tls *_Nonnull tls, char *_Nonnull text, size_t capacity);

// Tells the peer that nothing more comes.
void capus_tls_finish(capus_tls *_Nonnull tls, int fd);
void capus_tls_destroy(capus_tls *_Nonnull tls);

#endif
