// Socket calls: each returns a value or a negated errno, never both through errno.
#ifndef CAPUS_SOCKET_H
#define CAPUS_SOCKET_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Error numbers that are told apart.
enum {
    CAPUS_WOULD_BLOCK = EAGAIN,
    CAPUS_CONNECTION_ABORTED = ECONNABORTED, CAPUS_BROKEN_PIPE = EPIPE, CAPUS_CONNECTION_RESET = ECONNRESET,
    CAPUS_NO_DESCRIPTORS = EMFILE,
    CAPUS_NO_DESCRIPTORS_IN_SYSTEM = ENFILE,
    CAPUS_ADDRESS_IN_USE = EADDRINUSE,
    CAPUS_NOT_PERMITTED = EACCES,
    CAPUS_OTHER_DEVICE = EXDEV,
    CAPUS_NO_MEMORY = ENOMEM, CAPUS_NO_BUFFERS = ENOBUFS, CAPUS_BAD_DESCRIPTOR = EBADF,
    CAPUS_NO_PROCESS = ESRCH,
    CAPUS_ADDRESS_NOT_LOCAL = EADDRNOTAVAIL,
    CAPUS_NOT_SUPPORTED = EINVAL,
    CAPUS_NO_DATA = ENODATA,
    CAPUS_NO_SYSTEM_CALL = ENOSYS,
    CAPUS_FORBIDDEN = EPERM,
};

// A peer or local address, in the smallest form that a connection can afford to keep.
typedef struct capus_address {
    uint8_t ip[16];
    uint16_t port;
    // 4, 6, or 1 for a Unix socket; 0 when unknown. IPv4 mapped into IPv6 is kept as IPv4.
    uint8_t family;
} capus_address;

// Options of stream sockets; what a listener has its connections inherit.
typedef struct capus_socket_options {
    bool no_delay;
    bool fast_open;
    // Seconds of silence until a peer is probed, seconds between probes, and how many may stay unanswered; 0: never.
    int keep_alive_idle;
    int keep_alive_interval;
    int keep_alive_probes;
    // Bytes; 0 leaves them to the kernel.
    int receive_buffer;
    int send_buffer;
} capus_socket_options;

typedef struct capus_listen_options {
    capus_socket_options socket;
    int backlog;
    bool reuse_port;
    bool ipv6_only;
    // Hand a connection over when its first bytes are there: saves a wait where the client speaks first.
    bool defer_accept;
} capus_listen_options;

// Reads a numeric address. False when `host` is neither IPv4 nor IPv6.
bool capus_address_parse(const char *_Nonnull host, uint16_t port, capus_address *_Nonnull address);
// Writes the numeric form without port or brackets; at least 46 bytes.
void capus_address_format(const capus_address *_Nonnull address, char *_Nonnull text, size_t capacity);

int capus_listen(const capus_address *_Nonnull address, capus_listen_options options);
// The socket file gets `mode`; one that nobody answers on is replaced.
int capus_listen_unix(const char *_Nonnull path, int backlog, unsigned mode);
int capus_accept(int listener, capus_address *_Nonnull peer);
// Starts a connection; 0 in `*pending` when it is established already.
int capus_connect(const capus_address *_Nonnull address, bool *_Nonnull pending);
// The same with options, from the local address `source` (port 0: any) if there is one.
int capus_connect_with(const capus_address *_Nonnull address, const capus_address *_Nullable source,
                       const capus_socket_options *_Nonnull options, bool *_Nonnull pending);
int capus_connect_unix(const char *_Nonnull path, bool *_Nonnull pending);

// The errno that a connection that was started has failed with; 0 when it stands.
int capus_connect_result(int fd);

int capus_local_address(int fd, capus_address *_Nonnull address);
// True when the peer has gone in both directions or the socket failed, without reading.
bool capus_is_hung_up(int fd);
int capus_shutdown_write(int fd);

long capus_receive(int fd, void *_Nonnull bytes, size_t capacity);
// The same, and leaves the bytes to be received again.
long capus_peek(int fd, void *_Nonnull bytes, size_t capacity);
long capus_send(int fd, const void *_Nonnull bytes, size_t count);
// For output that is followed by closing at once: it leaves in one segment with the FIN.
long capus_send_last(int fd, const void *_Nonnull bytes, size_t count);
// One call for two pieces, as one segment where it fits.
long capus_send2(int fd, const void *_Nonnull first, size_t first_count, const void *_Nonnull second,
                 size_t second_count);

// Sends or receives one message and, when `passed` is not negative, a descriptor with it. A received one is
// close-on-exec.
long capus_send_descriptor(int fd, const void *_Nonnull bytes, size_t count, int passed);
long capus_receive_descriptor(int fd, void *_Nonnull bytes, size_t capacity, int *_Nonnull passed);
// The process at the other end of a Unix socket: for a listening one, the process that listens.
int capus_peer_process(int fd);

void capus_close(int fd);

#endif
