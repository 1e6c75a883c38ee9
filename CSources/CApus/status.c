#define _GNU_SOURCE
#include "capus_status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct capus_board {
    // Odd while the master moves counters between entries.
    _Atomic uint64_t sequence;
    // No entry from here on was ever in use.
    _Atomic uint32_t used;
    uint8_t secret[CAPUS_TLS_SECRET_BYTES];
    _Alignas(64) capus_worker_status entries[CAPUS_BOARD_CAPACITY];
};

int capus_memory_create(size_t size) {
    int fd = memfd_create("apus", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return -errno;
    }
    // A worker that gave up root must not be able to take the memory away from its master.
    if (ftruncate(fd, (off_t)size) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        int failure = errno;
        close(fd);
        return -failure;
    }
    return fd;
}

long capus_board_size(void) { return sizeof(capus_board); }

// What a worker wrote there is not to be trusted.
static uint32_t used_entries(const capus_board *board) {
    uint32_t used = board->used;
    return used < CAPUS_BOARD_CAPACITY ? used : CAPUS_BOARD_CAPACITY;
}

capus_board *capus_board_map(int fd) {
    struct stat info;
    if (fstat(fd, &info) != 0 || info.st_size != (off_t)sizeof(capus_board)) {
        return NULL;
    }
    void *board = mmap(NULL, sizeof(capus_board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return board == MAP_FAILED ? NULL : board;
}

uint8_t *capus_board_secret(capus_board *board) { return board->secret; }

static int free_entry(capus_board *board) {
    for (int i = 0; i < CAPUS_BOARD_CAPACITY; i++) {
        if (board->entries[i].kind == CAPUS_ENTRY_FREE) {
            return i;
        }
    }
    return -1;
}

static void label(capus_worker_status *entry, const char *worker, uint32_t kind) {
    memset(entry, 0, sizeof *entry);
    strncpy(entry->worker, worker, sizeof entry->worker - 1);
    entry->kind = kind;
}

static void note_use(capus_board *board, int index) {
    if ((uint32_t)index >= board->used) {
        board->used = (uint32_t)index + 1;
    }
}

int capus_board_claim(capus_board *board, const char *worker, int worker_id) {
    int index = free_entry(board);
    if (index < 0) {
        return -1;
    }
    board->sequence++;
    label(&board->entries[index], worker, CAPUS_ENTRY_PROCESS);
    board->entries[index].worker_id = (uint32_t)worker_id;
    note_use(board, index);
    board->sequence++;
    return index;
}

capus_worker_status *capus_board_entry(capus_board *board, int index) { return &board->entries[index]; }

static capus_worker_status *ended_entry(capus_board *board, const char *worker) {
    for (uint32_t i = 0; i < used_entries(board); i++) {
        capus_worker_status *entry = &board->entries[i];
        if (entry->kind == CAPUS_ENTRY_ENDED && strncmp(entry->worker, worker, sizeof entry->worker) == 0) {
            return entry;
        }
    }
    int index = free_entry(board);
    if (index < 0) {
        return NULL;
    }
    label(&board->entries[index], worker, CAPUS_ENTRY_ENDED);
    note_use(board, index);
    return &board->entries[index];
}

void capus_board_retire(capus_board *board, int index) {
    capus_worker_status *entry = &board->entries[index];
    board->sequence++;
    capus_worker_status *sum = ended_entry(board, entry->worker);
    if (sum != NULL) {
        sum->requests += entry->requests;
        sum->failed_sends += entry->failed_sends;
        sum->callback_errors += entry->callback_errors;
        sum->bytes_read += entry->bytes_read;
        sum->bytes_written += entry->bytes_written;
        sum->accepted += entry->accepted;
    }
    memset(entry, 0, sizeof *entry);
    board->sequence++;
}

int capus_board_snapshot(capus_board *board, capus_worker_status *entries, int capacity) {
    // A master that died in between leaves the sequence odd: some tries, then whatever is there.
    for (int tries = 0;; tries++) {
        uint64_t before = board->sequence;
        int count = 0;
        for (uint32_t i = 0; i < used_entries(board) && count < capacity; i++) {
            if (board->entries[i].kind != CAPUS_ENTRY_FREE) {
                entries[count++] = board->entries[i];
            }
        }
        if ((before % 2 == 0 && board->sequence == before) || tries == 1000) {
            return count;
        }
    }
}
