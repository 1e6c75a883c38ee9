// The raw epoll backend: level-triggered (edge-triggered with drain measured slower), hundreds of events a wait.
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

// Beside CAPUS_READ…: the queue of unsent output waits for the descriptor to take more.
#define OUTBOUND_WAITS 16

// Marks the timer's events: no descriptor has this number.
#define TIMER_MARK UINT64_MAX

typedef struct epoll_loop {
    capus_loop base;
    int epoll_fd;
    // Indexed by descriptor: what the kernel watches it for now. One byte each, so that a change of interest needs
    // no lookup in the kernel to know whether to add or to modify.
    uint8_t *interest;
    int interest_count;
    struct epoll_event events[CAPUS_EVENTS_PER_TURN];
} epoll_loop;

capus_loop *capus_epoll_create(void) {
    epoll_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return NULL;
    }
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        free(loop);
        return NULL;
    }
    struct epoll_event timer = {.events = EPOLLIN, .data.u64 = TIMER_MARK};
    if (capus_loop_timer_open(&loop->base) != 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->base.timer_fd, &timer) != 0) {
        close(loop->epoll_fd);
        free(loop);
        return NULL;
    }
    return &loop->base;
}

static void epoll_destroy(capus_loop *base) {
    epoll_loop *loop = (epoll_loop *)base;
    close(loop->epoll_fd);
    close(base->timer_fd);
    free(loop->interest);
    free(loop);
}

static int reserve_interest(epoll_loop *loop, int fd) {
    if (fd < loop->interest_count) {
        return 0;
    }
    int count = loop->interest_count == 0 ? 64 : loop->interest_count;
    while (count <= fd) {
        count *= 2;
    }
    uint8_t *grown = realloc(loop->interest, (size_t)count);
    if (grown == NULL) {
        return ENOMEM;
    }
    for (int i = loop->interest_count; i < count; i++) {
        grown[i] = 0;
    }
    loop->interest = grown;
    loop->interest_count = count;
    return 0;
}

static int set_interest(epoll_loop *loop, int fd, uint32_t generation, uint32_t interest) {
    uint32_t mask = 0;
    if (interest & CAPUS_READ) {
        mask |= EPOLLIN;
    }
    if (interest & (CAPUS_WRITE | OUTBOUND_WAITS)) {
        mask |= EPOLLOUT;
    }
    if (interest & CAPUS_EXCLUSIVE) {
        mask |= EPOLLEXCLUSIVE;
    }
    int operation = EPOLL_CTL_MOD;
    if (loop->interest[fd] == 0) {
        if (interest == 0) {
            return 0;
        }
        operation = EPOLL_CTL_ADD;
    } else if (interest == 0) {
        operation = EPOLL_CTL_DEL;
    }
    struct epoll_event event = {.events = mask};
    event.data.u64 = (uint64_t)generation << 32 | (uint32_t)fd;
    // A descriptor that was closed is watched no more, whoever closed it, and another one may have its number.
    bool failed = epoll_ctl(loop->epoll_fd, operation, fd, &event) != 0 && operation != EPOLL_CTL_DEL;
    if (failed && (errno != ENOENT || epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)) {
        return errno;
    }
    loop->interest[fd] = (uint8_t)interest;
    return 0;
}

static int epoll_watch(capus_loop *base, int fd, uint32_t generation, uint32_t interest) {
    epoll_loop *loop = (epoll_loop *)base;
    int failure = reserve_interest(loop, fd);
    if (failure != 0) {
        return failure;
    }
    return set_interest(loop, fd, generation, interest | (loop->interest[fd] & OUTBOUND_WAITS));
}

static int epoll_poll(capus_loop *base, int64_t deadline_ns, int64_t now_ns) {
    epoll_loop *loop = (epoll_loop *)base;
    bool is_due = deadline_ns >= 0 && deadline_ns <= now_ns;
    if (deadline_ns >= 0 && !is_due) {
        capus_loop_timer_arm(base, deadline_ns);
    }
    int count = epoll_wait(loop->epoll_fd, loop->events, CAPUS_EVENTS_PER_TURN, is_due ? 0 : -1);
    if (count < 0) {
        return errno == EINTR ? 0 : errno;
    }
    for (int i = 0; i < count; i++) {
        uint32_t mask = loop->events[i].events;
        uint32_t flags = 0;
        if (mask & EPOLLIN) {
            flags |= CAPUS_READ;
        }
        if (mask & EPOLLOUT) {
            flags |= CAPUS_WRITE;
        }
        if (mask & (EPOLLHUP | EPOLLERR)) {
            flags |= CAPUS_HANGUP;
        }
        uint64_t data = loop->events[i].data.u64;
        if (data == TIMER_MARK) {
            capus_loop_timer_fired(base);
            continue;
        }
        capus_loop_push(base, (int32_t)(uint32_t)data, (uint32_t)(data >> 32), flags);
    }
    return 0;
}

// ---- Output ----

static int outbound_watch(capus_outbound *outbound, bool wanted) {
    epoll_loop *loop = (epoll_loop *)outbound->loop;
    int failure = reserve_interest(loop, outbound->fd);
    if (failure != 0) {
        return failure;
    }
    uint32_t interest = loop->interest[outbound->fd] & ~(uint32_t)OUTBOUND_WAITS;
    return set_interest(loop, outbound->fd, outbound->generation, wanted ? interest | OUTBOUND_WAITS : interest);
}

static int epoll_outbound_open(capus_outbound *outbound) {
    outbound->bytes = evbuffer_new();
    if (outbound->bytes == NULL) {
        return ENOMEM;
    }
    int failure = outbound_watch(outbound, true);
    if (failure != 0) {
        evbuffer_free(outbound->bytes);
    }
    return failure;
}

static void epoll_outbound_close(capus_outbound *outbound) {
    outbound_watch(outbound, false);
    evbuffer_free(outbound->bytes);
}

const capus_backend_vtable capus_epoll_vtable = {
    .watch = epoll_watch,
    .poll = epoll_poll,
    .destroy = epoll_destroy,
    .outbound_open = epoll_outbound_open,
    .outbound_close = epoll_outbound_close,
    .outbound_flush = capus_outbound_flush_plain,
    .outbound_watch = outbound_watch,
};
