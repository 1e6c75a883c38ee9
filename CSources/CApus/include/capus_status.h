// The page that a worker shares with its master: counters that stay readable while the worker is busy, and after it
// crashed. One writer (the worker), one reader (the master); each field is an aligned word, so no read is torn.
#ifndef CAPUS_STATUS_H
#define CAPUS_STATUS_H

#include "capus_socket.h"

#include <stdint.h>

// What the worker's loop was last doing.
enum {
    CAPUS_DOING_NOTHING = 0,
    CAPUS_DOING_START,
    CAPUS_DOING_CONNECT,
    CAPUS_DOING_MESSAGE,
    CAPUS_DOING_CLOSE,
    CAPUS_DOING_ERROR,
    CAPUS_DOING_BUFFER,
    CAPUS_DOING_TIMER,
    CAPUS_DOING_TASK,
    CAPUS_DOING_STOP,
};

typedef struct capus_worker_status {
    // Connections open now, incoming and outgoing.
    uint64_t connections;
    // Messages received.
    uint64_t requests;
    // Sends that failed: peer gone or buffer full.
    uint64_t failed_sends;
    // Errors thrown by callbacks.
    uint64_t callback_errors;
    // Timers that wait.
    uint64_t timers;
    uint64_t bytes_read;
    uint64_t bytes_written;
    // Connections accepted since the start.
    uint64_t accepted;
    // Monotonic nanoseconds when the loop came back from its wait; 0 while it waits.
    uint64_t busy_since_ns;
    // Monotonic nanoseconds of the worker's first turn.
    uint64_t started_ns;
    // One of CAPUS_DOING_…, and for which connection id.
    uint64_t doing;
    uint64_t connection_id;
    // Its peer.
    capus_address peer;
} capus_worker_status;

// Makes the page, returns its descriptor (close-on-exec) or a negated errno.
int capus_status_create(void);
// Maps the page; NULL when the system refuses.
capus_worker_status *_Nullable capus_status_map(int fd);
void capus_status_unmap(capus_worker_status *_Nonnull status);

#endif
