// The board that a service's processes share: an entry of counters for each worker process. It stays readable while the
// worker is busy, after it crashed, and for the other workers. Each entry has one writer, its worker; its fields are
// aligned words, so no read is torn. The master alone claims and retires entries.
#ifndef CAPUS_STATUS_H
#define CAPUS_STATUS_H

#include "capus_socket.h"
#include "capus_tls.h"

#include <stdint.h>

enum {
    // Worker processes at the same time, those that are leaving included.
    CAPUS_BOARD_CAPACITY = 2048,
    CAPUS_WORKER_NAME_CAPACITY = 48,
    CAPUS_BACKTRACE_DEPTH = 24,
};

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

// What an entry of the board is.
enum {
    CAPUS_ENTRY_FREE = 0,
    CAPUS_ENTRY_PROCESS,
    // The sums of the processes of one worker that have ended, so that the service's counters never go back.
    CAPUS_ENTRY_ENDED,
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

    // One of CAPUS_ENTRY_….
    uint32_t kind;
    uint32_t worker_id;
    // The worker's name, cut to fit.
    char worker[CAPUS_WORKER_NAME_CAPACITY];

    // Left by a crash: return addresses, innermost first, and where the executable was loaded.
    uint64_t image_base;
    uint64_t frame_count;
    uint64_t frames[CAPUS_BACKTRACE_DEPTH];
} capus_worker_status;

// Two workers do not write to one cache line.
_Static_assert(sizeof(capus_worker_status) % 64 == 0, "an entry fills its cache lines");

typedef struct capus_board capus_board;

// Makes memory to share, of zeros and of a size that nobody can change; returns its descriptor (close-on-exec) or a
// negated errno.
int capus_memory_create(size_t size);
// Bytes of a board: programs that differ in it cannot share one.
long capus_board_size(void);
// Maps a board; NULL when the system refuses, or it is the board of another version.
capus_board *_Nullable capus_board_map(int fd);

// What the processes of a service seal session tickets with; CAPUS_TLS_SECRET_BYTES of it.
uint8_t *_Nonnull capus_board_secret(capus_board *_Nonnull board);

// A cleared entry for a new process, or -1 when the board is full.
int capus_board_claim(capus_board *_Nonnull board, const char *_Nonnull worker, int worker_id);
capus_worker_status *_Nonnull capus_board_entry(capus_board *_Nonnull board, int index);
// Adds an entry's counters to those of ended processes of the same worker, and frees it.
void capus_board_retire(capus_board *_Nonnull board, int index);
// Copies the entries that are in use, at one moment; returns how many, at most `capacity`.
int capus_board_snapshot(capus_board *_Nonnull board, capus_worker_status *_Nonnull entries, int capacity);

#endif
