// The poller: readiness of descriptors, one interface, two backends (libevent and raw epoll).
//
// A poller never calls back into Swift. It collects what became ready during one wait and hands the list out, so
// that both backends share one dispatch loop, in the same order, with the same protection against stale events.
#ifndef CAPUS_LOOP_H
#define CAPUS_LOOP_H

#include "capus_tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum capus_backend {
    CAPUS_BACKEND_LIBEVENT = 0,
    CAPUS_BACKEND_EPOLL = 1,
} capus_backend;

// What a descriptor is watched for, and what it became ready for.
enum {
    CAPUS_READ = 1,
    CAPUS_WRITE = 2,
    // Only in events: the peer is gone in both directions, or the socket failed.
    CAPUS_HANGUP = 4,
    // Only when watching: wake one of the processes that share the listener.
    CAPUS_EXCLUSIVE = 8,
};

typedef struct capus_event {
    int32_t fd;
    // The caller's generation of `fd`, as given to capus_loop_watch: tells a reused descriptor from its predecessor.
    uint32_t generation;
    uint32_t flags;
} capus_event;

typedef struct capus_loop capus_loop;

// Makes a poller; NULL with errno set when the system refuses.
capus_loop *_Nullable capus_loop_create(capus_backend backend);
void capus_loop_destroy(capus_loop *_Nonnull loop);

// The version of the library or kernel interface behind the backend, for `status` and `doctor`.
const char *_Nonnull capus_loop_description(capus_backend backend);

// Watches `fd` for the directions in `interest`, replacing what it was watched for. 0 stops watching.
// Returns 0, or an errno.
int capus_loop_watch(capus_loop *_Nonnull loop, int fd, uint32_t generation, uint32_t interest);

// Waits until something is ready or the monotonic clock reaches `deadline_ns` (negative: no limit; `now_ns` is what
// the clock says), and returns how many events `*events` holds, or a negated errno. The list stays valid until the
// next call. The wait may end early with no event: the caller looks at its deadlines and waits again.
int capus_loop_poll(capus_loop *_Nonnull loop, int64_t deadline_ns, int64_t now_ns,
                    const capus_event *_Nullable *_Nonnull events);

// ---- Unsent output -------------------------------------------------------------------------------------------
// Made on first need, when the kernel did not take all bytes at once, and destroyed when drained. The bytes are
// held in an evbuffer under both backends; libevent drains it through a bufferevent, epoll by writing on readiness.
// Each time the queue shrinks, empties or fails, the poller delivers CAPUS_WRITE for the descriptor.

typedef struct capus_outbound capus_outbound;

capus_outbound *_Nullable capus_outbound_create(capus_loop *_Nonnull loop, int fd, uint32_t generation);
// For a connection with a TLS session, or whose caller writes beside the queue: CAPUS_WRITE is delivered as long as the
// descriptor takes more, also while nothing is queued. Before a handshake is over nothing leaves until
// capus_outbound_start.
capus_outbound *_Nullable capus_outbound_create_watched(capus_loop *_Nonnull loop, int fd, uint32_t generation,
                                                        capus_tls *_Nullable tls, bool starts);
// Whether it is such a queue.
bool capus_outbound_is_watched(const capus_outbound *_Nonnull outbound);
int capus_outbound_start(capus_outbound *_Nonnull outbound);
// For a connection that has no descriptor yet: holds bytes until capus_outbound_take_over.
capus_outbound *_Nullable capus_outbound_create_waiting(void);
// Moves what `waiting` holds behind what `outbound` holds, and destroys it.
int capus_outbound_take_over(capus_outbound *_Nonnull outbound, capus_outbound *_Nonnull waiting);
// Returns an errno when the poller cannot watch the descriptor any more for what it is watched for otherwise.
int capus_outbound_destroy(capus_outbound *_Nonnull outbound);

// Appends a copy of the bytes. Returns 0, or ENOMEM: then not all of them will leave, as after each function here that
// returns one. The connection has to be closed.
int capus_outbound_append(capus_outbound *_Nonnull outbound, const void *_Nonnull bytes, size_t count);

// Appends bytes that stay where they are; `release(bytes, count, owner)` is called once they are not needed.
int capus_outbound_append_reference(capus_outbound *_Nonnull outbound, const void *_Nonnull bytes, size_t count,
                                    void (*_Nonnull release)(const void *_Nullable bytes, size_t count,
                                                             void *_Nullable owner),
                                    void *_Nullable owner);

// Bytes that have not reached the kernel yet.
size_t capus_outbound_count(const capus_outbound *_Nonnull outbound);

// Bytes that left since the last call.
size_t capus_outbound_progress(capus_outbound *_Nonnull outbound);

// Called after CAPUS_WRITE: writes what the kernel takes. Returns 0, or the errno the socket failed with.
int capus_outbound_flush(capus_outbound *_Nonnull outbound);

#endif
