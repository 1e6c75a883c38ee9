// What the two backends share: the vtable and the list of ready events.
#ifndef CAPUS_LOOP_INTERNAL_H
#define CAPUS_LOOP_INTERNAL_H

#include "capus_loop.h"

#include <event2/buffer.h>

// At most this much leaves one connection per event, so that one fast reader cannot starve the others.
#define CAPUS_WRITE_PER_EVENT (256 * 1024)

#define CAPUS_EVENTS_PER_TURN 512

typedef struct capus_backend_vtable {
    int (*watch)(capus_loop *loop, int fd, uint32_t generation, uint32_t interest);
    int (*poll)(capus_loop *loop, int64_t deadline_ns, int64_t now_ns);
    void (*destroy)(capus_loop *loop);
    int (*outbound_open)(capus_outbound *outbound);
    void (*outbound_close)(capus_outbound *outbound);
    int (*outbound_flush)(capus_outbound *outbound);
    // Whether CAPUS_WRITE is delivered when the descriptor takes more: for what the backend does not write itself.
    int (*outbound_watch)(capus_outbound *outbound, bool wanted);
} capus_backend_vtable;

struct capus_loop {
    const capus_backend_vtable *vtable;
    // Ends a wait at its deadline. A wait with a time-out would start and cancel a kernel timer each time it sleeps,
    // which is dear on virtual machines; this one is set when the next deadline moves forward, about once a second.
    int timer_fd;
    // What it is set to, -1 when it is not set.
    int64_t armed_ns;
    // One more for what a descriptor that fails is told of beside what it has done.
    capus_event ready[CAPUS_EVENTS_PER_TURN + 1];
    int ready_count;
};

struct capus_outbound {
    capus_loop *loop;
    int fd;
    uint32_t generation;
    // The errno the socket failed with, 0 while it works.
    int error;
    // Bytes that were queued at the last look, for capus_outbound_progress.
    size_t known;
    // Owned by the backend: an evbuffer of its own (epoll) or that of `transport` (libevent).
    struct evbuffer *bytes;
    void *transport;
    // The session that the bytes leave through; NULL for a plain connection.
    capus_tls *tls;
    // Only tells when the descriptor takes more: neither backend writes.
    bool is_watched;
};

extern const capus_backend_vtable capus_epoll_vtable;
extern const capus_backend_vtable capus_libevent_vtable;

capus_loop *capus_epoll_create(void);
capus_loop *capus_libevent_create(void);

// Makes the timer; 0 or an errno. Sets it, if it is not set for an earlier time. Notes that it has fired.
int capus_loop_timer_open(capus_loop *loop);
void capus_loop_timer_arm(capus_loop *loop, int64_t deadline_ns);
void capus_loop_timer_fired(capus_loop *loop);

// Writes what a plain descriptor takes of the queue; 0 or an errno.
int capus_outbound_flush_plain(capus_outbound *outbound);

// Appends to the ready list, which has room for CAPUS_EVENTS_PER_TURN: a backend leaves the rest for the next turn.
void capus_loop_push(capus_loop *loop, int fd, uint32_t generation, uint32_t flags);

#endif
