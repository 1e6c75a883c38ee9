// The libevent backend: one event_base without locks, one struct event per watched descriptor, and a bufferevent
// for the output of a connection that the kernel did not take at once. Reads are ours: evbuffer_read would add an
// ioctl(FIONREAD), cap each read at 4 KiB and copy.
#include "loop.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

// Beside CAPUS_READ…: output that leaves through a TLS session waits for the descriptor to take more.
#define OUTBOUND_WAITS 16

typedef struct watched {
    struct event event;
    uint32_t generation;
    uint32_t interest;
} watched;

typedef struct libevent_loop {
    capus_loop base;
    struct event_base *event_base;
    struct event *timer;
    // The epoll descriptor inside the event_base, -1 when it could not be found.
    int epoll_fd;
    // Indexed by descriptor.
    watched **watched;
    int watched_count;
} libevent_loop;

static void timer_fired(evutil_socket_t fd, short what, void *context) {
    (void)fd, (void)what;
    capus_loop_timer_fired(context);
}

static struct event_base *make_event_base(void) {
    struct event_config *config = event_config_new();
    if (config == NULL) {
        return NULL;
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME); // Two clock readings less per turn.
    event_config_avoid_method(config, "select");
    event_config_avoid_method(config, "poll");
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

// libevent 2.1 hides the descriptor it waits on and knows no EPOLLEXCLUSIVE. The descriptor is the one that accepts a
// change of what it watches the timer for.
static int find_epoll(int timer_fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = timer_fd};
    for (int fd = 3; fd < timer_fd + 16; fd++) {
        if (epoll_ctl(fd, EPOLL_CTL_MOD, timer_fd, &event) == 0) {
            return fd;
        }
    }
    return -1;
}

// Makes the registration of a listener exclusive, behind libevent's back: it sees the same events, and its own removal
// finds what it expects. A registration cannot be changed to exclusive, so it is made again.
static int watch_exclusively(libevent_loop *loop, int fd) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = fd};
    if (loop->epoll_fd < 0 || epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL) != 0) {
        return 0;
    }
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

capus_loop *capus_libevent_create(void) {
    libevent_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return NULL;
    }
    loop->event_base = make_event_base();
    if (loop->event_base == NULL || capus_loop_timer_open(&loop->base) != 0) {
        goto failed;
    }
    loop->timer = event_new(loop->event_base, loop->base.timer_fd, EV_READ | EV_PERSIST, timer_fired, loop);
    if (loop->timer == NULL || event_add(loop->timer, NULL) != 0) {
        goto failed;
    }
    loop->epoll_fd = find_epoll(loop->base.timer_fd);
    return &loop->base;
failed:
    if (loop->timer != NULL) {
        event_free(loop->timer);
    }
    if (loop->event_base != NULL) {
        event_base_free(loop->event_base);
    }
    if (loop->base.timer_fd > 0) {
        close(loop->base.timer_fd);
    }
    free(loop);
    errno = ENOMEM;
    return NULL;
}

static void libevent_destroy(capus_loop *base) {
    libevent_loop *loop = (libevent_loop *)base;
    for (int i = 0; i < loop->watched_count; i++) {
        if (loop->watched[i] != NULL) {
            event_del(&loop->watched[i]->event);
            free(loop->watched[i]);
        }
    }
    free(loop->watched);
    event_free(loop->timer);
    event_base_free(loop->event_base);
    close(base->timer_fd);
    free(loop);
}

// libevent keeps what it has not told yet, and waits for nothing before it has.
static void tell(capus_loop *loop, int fd, uint32_t generation, uint32_t flags) {
    capus_loop_push(loop, fd, generation, flags);
    if (loop->ready_count >= CAPUS_EVENTS_PER_TURN) {
        event_base_loopbreak(((libevent_loop *)loop)->event_base);
    }
}

static void became_ready(evutil_socket_t fd, short what, void *context) {
    libevent_loop *loop = context;
    uint32_t flags = 0;
    if (what & EV_READ) {
        flags |= CAPUS_READ;
    }
    if (what & EV_WRITE) {
        flags |= CAPUS_WRITE;
    }
    tell(&loop->base, fd, loop->watched[fd]->generation, flags);
}

static watched **slot_of(libevent_loop *loop, int fd) {
    if (fd >= loop->watched_count) {
        int count = loop->watched_count == 0 ? 64 : loop->watched_count;
        while (count <= fd) {
            count *= 2;
        }
        watched **grown = realloc(loop->watched, (size_t)count * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        memset(grown + loop->watched_count, 0, (size_t)(count - loop->watched_count) * sizeof *grown);
        loop->watched = grown;
        loop->watched_count = count;
    }
    return &loop->watched[fd];
}

static int set_interest(capus_loop *base, int fd, uint32_t generation, uint32_t interest) {
    libevent_loop *loop = (libevent_loop *)base;
    watched **slot = slot_of(loop, fd);
    if (slot == NULL) {
        return ENOMEM;
    }
    watched *entry = *slot;
    if (entry != NULL) {
        event_del(&entry->event);
    }
    if (interest == 0) {
        free(entry);
        *slot = NULL;
        return 0;
    }
    if (entry == NULL) {
        entry = malloc(sizeof *entry);
        if (entry == NULL) {
            return ENOMEM;
        }
        *slot = entry;
    }
    entry->generation = generation;
    entry->interest = interest;
    int reads = interest & CAPUS_READ ? EV_READ : 0;
    int writes = interest & (CAPUS_WRITE | OUTBOUND_WAITS) ? EV_WRITE : 0;
    event_assign(&entry->event, loop->event_base, fd, (short)(EV_PERSIST | reads | writes), became_ready, loop);
    // libevent does not always say why.
    errno = ENOMEM;
    int failure = event_add(&entry->event, NULL) != 0 ? errno : 0;
    if (failure == 0 && interest & CAPUS_EXCLUSIVE) {
        failure = watch_exclusively(loop, fd);
    }
    if (failure != 0) {
        event_del(&entry->event);
        free(entry);
        *slot = NULL;
    }
    return failure;
}

static uint32_t interest_of(libevent_loop *loop, int fd) {
    watched **slot = slot_of(loop, fd);
    return slot == NULL || *slot == NULL ? 0 : (*slot)->interest;
}

static int libevent_watch(capus_loop *base, int fd, uint32_t generation, uint32_t interest) {
    uint32_t kept = interest_of((libevent_loop *)base, fd) & OUTBOUND_WAITS;
    return set_interest(base, fd, generation, interest | kept);
}

static int libevent_outbound_watch(capus_outbound *outbound, bool wanted) {
    uint32_t interest = interest_of((libevent_loop *)outbound->loop, outbound->fd) & ~(uint32_t)OUTBOUND_WAITS;
    return set_interest(outbound->loop, outbound->fd, outbound->generation,
                        wanted ? interest | OUTBOUND_WAITS : interest);
}

static int libevent_poll(capus_loop *base, int64_t deadline_ns, int64_t now_ns) {
    libevent_loop *loop = (libevent_loop *)base;
    int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;
    if (deadline_ns >= 0 && deadline_ns <= now_ns) {
        flags |= EVLOOP_NONBLOCK;
    } else if (deadline_ns >= 0) {
        capus_loop_timer_arm(base, deadline_ns);
    }
    return event_base_loop(loop->event_base, flags) < 0 ? (errno == 0 ? EINVAL : errno) : 0;
}

// ---- Output: a bufferevent that only writes ----

// Not the bufferevent's write callback: that tells only when nothing is left, while progress has to be known before.
static void output_changed(struct evbuffer *bytes, const struct evbuffer_cb_info *change, void *context) {
    (void)bytes;
    capus_outbound *outbound = context;
    if (change->n_deleted > 0) {
        tell(outbound->loop, outbound->fd, outbound->generation, CAPUS_WRITE);
    }
}

static void output_failed(struct bufferevent *transport, short what, void *context) {
    (void)transport, (void)what;
    capus_outbound *outbound = context;
    outbound->error = errno == 0 ? EPIPE : errno;
    tell(outbound->loop, outbound->fd, outbound->generation, CAPUS_WRITE);
}

static int libevent_outbound_open(capus_outbound *outbound) {
    libevent_loop *loop = (libevent_loop *)outbound->loop;
    struct bufferevent *transport = bufferevent_socket_new(loop->event_base, outbound->fd, 0);
    if (transport == NULL) {
        return ENOMEM;
    }
    bufferevent_setcb(transport, NULL, NULL, output_failed, outbound);
    bufferevent_set_max_single_write(transport, CAPUS_WRITE_PER_EVENT);
    outbound->transport = transport;
    outbound->bytes = bufferevent_get_output(transport);
    if (evbuffer_add_cb(outbound->bytes, output_changed, outbound) == NULL) {
        bufferevent_free(transport);
        return ENOMEM;
    }
    return 0;
}

static void libevent_outbound_close(capus_outbound *outbound) {
    bufferevent_setcb(outbound->transport, NULL, NULL, NULL, NULL);
    evbuffer_remove_cb(outbound->bytes, output_changed, outbound);
    bufferevent_free(outbound->transport);
}

static int libevent_outbound_flush(capus_outbound *outbound) {
    return outbound->error; // The bufferevent has written already.
}

const capus_backend_vtable capus_libevent_vtable = {
    .watch = libevent_watch,
    .poll = libevent_poll,
    .destroy = libevent_destroy,
    .outbound_open = libevent_outbound_open,
    .outbound_close = libevent_outbound_close,
    .outbound_flush = libevent_outbound_flush,
    .outbound_watch = libevent_outbound_watch,
};
