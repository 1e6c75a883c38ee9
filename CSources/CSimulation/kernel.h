// What the parts of the simulated kernel share.
#ifndef CSIMULATION_KERNEL_H
#define CSIMULATION_KERNEL_H

#include "csimulation.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

// Simulated descriptors are these, the lowest free one first, as in a real kernel: numbers come again at once.
#define FIRST_DESCRIPTOR 400
#define DESCRIPTORS 256
#define PEERS 32

typedef struct bytes {
    uint8_t *start;
    size_t count;
    size_t capacity;
} bytes;

void bytes_append(bytes *to, const void *from, size_t count);
void bytes_drop(bytes *of, size_t count);

typedef enum kind { NOTHING, LISTENER, STREAM, DATAGRAMS, POLLER, TIMER, CONTROL } kind;

// The first of those that wait in the backlog of a listener; -1 without one.
int pending_client(int listener);

typedef struct descriptor {
    kind kind;
    // What the poller watches it for.
    bool is_watched;
    struct epoll_event watch;
    // Of streams.
    int peer;
    bytes in, out;
    int failure;
    bool is_connecting, will_fail, peer_finished, peer_has_left, is_reset, is_shut;
    // Of sockets for datagrams: runs are received as one piece.
    bool joins;
    // Of timers: 0 when it is not set.
    int64_t expires_ns;
} descriptor;

typedef struct peer {
    simulation_plan plan;
    bool is_client;
    // Waits in the backlog.
    bool is_pending;
    uint32_t state;
    int fd;
    size_t said;
    bool has_finished;
    // What it has read, and what was sent to it before the program closed.
    bytes heard, tail;
    bool is_closed_by_program;
    // Datagrams for it that the kernel did not take.
    uint32_t refused;
    // The TLS session of one that is secured, and what it has to say in its name.
    void *session;
    bytes wire;
    size_t wire_said;
} peer;

extern descriptor descriptors[DESCRIPTORS];
extern peer peers[PEERS];
extern int peer_count;
extern int64_t simulated_now_ns;
extern int last_listener;
extern bool is_chaos;
extern bool is_tracing;

#define TRACE(...) \
    do { \
        if (is_tracing) fprintf(stderr, __VA_ARGS__); \
    } while (0)

// NULL when it is a real one.
descriptor *simulated(int fd);
int open_descriptor(kind kind);
void close_descriptor(int fd);
// So many of a hundred calls, in the first phase.
bool strikes(uint32_t percent);
// What a stream takes until its peer reads.
size_t room_of(const descriptor *of);
// What epoll_wait does.
int wait_for_events(struct epoll_event *events, int most, int timeout);

// UDP: one turn of a peer, true when it has said something; recvmmsg and sendmmsg.
bool datagrams_say(peer *peer, descriptor *socket);
int datagrams_receive(descriptor *socket, struct mmsghdr *messages, unsigned count);
int datagrams_send(const struct mmsghdr *messages, unsigned count);

// TLS of peers: what they say and hear is translated.
void sessions_begin(void);
void session_begin(peer *peer);
void session_end(peer *peer);
// Takes in what came over the wire.
void session_hear(peer *peer, const uint8_t *wire, size_t count);
// Translates `count` bytes of its input, as soon as the handshake is over; false when that has to wait.
bool session_say(peer *peer, const uint8_t *plain, size_t count);
void session_finish(peer *peer);

#endif
