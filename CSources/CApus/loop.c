#include "loop.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

capus_loop *capus_loop_create(capus_backend backend) {
    capus_loop *loop = backend == CAPUS_BACKEND_EPOLL ? capus_epoll_create() : capus_libevent_create();
    signal(SIGPIPE, SIG_IGN); // OpenSSL writes without MSG_NOSIGNAL.
    if (loop != NULL) {
        loop->vtable = backend == CAPUS_BACKEND_EPOLL ? &capus_epoll_vtable : &capus_libevent_vtable;
    }
    return loop;
}

void capus_loop_destroy(capus_loop *loop) { loop->vtable->destroy(loop); }

const char *capus_loop_description(capus_backend backend) {
    static char text[64];
    if (backend == CAPUS_BACKEND_EPOLL) {
        return "epoll";
    }
    snprintf(text, sizeof text, "libevent %s", event_get_version());
    return text;
}

int capus_loop_watch(capus_loop *loop, int fd, uint32_t generation, uint32_t interest) {
    return loop->vtable->watch(loop, fd, generation, interest);
}

int capus_loop_poll(capus_loop *loop, int64_t deadline_ns, int64_t now_ns, const capus_event **events) {
    loop->ready_count = 0;
    int failure = loop->vtable->poll(loop, deadline_ns, now_ns);
    *events = loop->ready;
    return failure != 0 ? -failure : loop->ready_count;
}

int capus_loop_timer_open(capus_loop *loop) {
    loop->armed_ns = -1;
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return loop->timer_fd < 0 ? errno : 0;
}

void capus_loop_timer_arm(capus_loop *loop, int64_t deadline_ns) {
    // One that is set for an earlier time stays: the wait then ends early, which is allowed.
    if (loop->armed_ns >= 0 && loop->armed_ns <= deadline_ns) {
        return;
    }
    struct itimerspec when = {.it_value = {.tv_sec = deadline_ns / 1000000000, .tv_nsec = deadline_ns % 1000000000}};
    timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    loop->armed_ns = deadline_ns;
}

void capus_loop_timer_fired(capus_loop *loop) {
    // To disarm it makes it unreadable, as reading does, and cannot fail.
    timerfd_settime(loop->timer_fd, 0, &(struct itimerspec){0}, NULL);
    loop->armed_ns = -1;
}

void capus_loop_push(capus_loop *loop, int fd, uint32_t generation, uint32_t flags) {
    loop->ready[loop->ready_count++] = (capus_event){.fd = fd, .generation = generation, .flags = flags};
}

capus_outbound *capus_outbound_create(capus_loop *loop, int fd, uint32_t generation) {
    capus_outbound *outbound = calloc(1, sizeof *outbound);
    if (outbound == NULL) {
        return NULL;
    }
    *outbound = (capus_outbound){.loop = loop, .fd = fd, .generation = generation};
    if (loop->vtable->outbound_open(outbound) != 0) {
        free(outbound);
        return NULL;
    }
    return outbound;
}

capus_outbound *capus_outbound_create_waiting(void) {
    capus_outbound *outbound = calloc(1, sizeof *outbound);
    if (outbound != NULL && (outbound->bytes = evbuffer_new()) == NULL) {
        free(outbound);
        return NULL;
    }
    return outbound;
}

capus_outbound *capus_outbound_create_watched(capus_loop *loop, int fd, uint32_t generation, capus_tls *tls,
                                              bool starts) {
    capus_outbound *outbound = capus_outbound_create_waiting();
    if (outbound == NULL) {
        return NULL;
    }
    outbound->loop = loop;
    outbound->fd = fd;
    outbound->generation = generation;
    outbound->tls = tls;
    outbound->is_watched = true;
    if (starts && loop->vtable->outbound_watch(outbound, true) != 0) {
        capus_outbound_destroy(outbound);
        return NULL;
    }
    return outbound;
}

bool capus_outbound_is_watched(const capus_outbound *outbound) { return outbound->is_watched; }

int capus_outbound_start(capus_outbound *outbound) { return outbound->loop->vtable->outbound_watch(outbound, true); }

// libevent does not say when it could not watch the descriptor for what was added to its buffer.
static int leaves(capus_outbound *outbound) {
    struct bufferevent *transport = outbound->transport;
    bool is_due = transport != NULL && outbound->error == 0 && evbuffer_get_length(outbound->bytes) > 0;
    return is_due && !event_pending(&transport->ev_write, EV_WRITE, NULL) ? ENOMEM : 0;
}

int capus_outbound_take_over(capus_outbound *outbound, capus_outbound *waiting) {
    outbound->known += evbuffer_get_length(waiting->bytes);
    int result = evbuffer_add_buffer(outbound->bytes, waiting->bytes);
    capus_outbound_destroy(waiting);
    return result == 0 ? leaves(outbound) : ENOMEM;
}

int capus_outbound_destroy(capus_outbound *outbound) {
    int failure = 0;
    if (outbound->loop != NULL && !outbound->is_watched) {
        outbound->loop->vtable->outbound_close(outbound);
    } else {
        if (outbound->loop != NULL) {
            failure = outbound->loop->vtable->outbound_watch(outbound, false);
        }
        evbuffer_free(outbound->bytes);
    }
    free(outbound);
    return failure;
}

int capus_outbound_append(capus_outbound *outbound, const void *bytes, size_t count) {
    outbound->known += count;
    return evbuffer_add(outbound->bytes, bytes, count) == 0 ? leaves(outbound) : ENOMEM;
}

int capus_outbound_append_reference(capus_outbound *outbound, const void *bytes, size_t count,
                                    void (*release)(const void *, size_t, void *), void *owner) {
    outbound->known += count;
    if (evbuffer_add_reference(outbound->bytes, bytes, count, release, owner) != 0) {
        release(bytes, count, owner);
        return ENOMEM;
    }
    return leaves(outbound);
}

size_t capus_outbound_count(const capus_outbound *outbound) { return evbuffer_get_length(outbound->bytes); }

size_t capus_outbound_progress(capus_outbound *outbound) {
    size_t count = evbuffer_get_length(outbound->bytes);
    size_t progress = outbound->known - count;
    outbound->known = count;
    return progress;
}

static int flush_secured(capus_outbound *outbound) {
    size_t budget = CAPUS_WRITE_PER_EVENT;
    size_t count;
    while (budget > 0 && (count = evbuffer_get_length(outbound->bytes)) > 0) {
        size_t piece = count < CAPUS_TLS_RECORD_BYTES ? count : CAPUS_TLS_RECORD_BYTES;
        const void *start = evbuffer_pullup(outbound->bytes, (ev_ssize_t)piece);
        long written = start == NULL ? -ENOMEM : capus_tls_send(outbound->tls, outbound->fd, start, piece);
        if (written < 0) {
            return written == -EAGAIN ? 0 : (outbound->error = (int)-written);
        }
        evbuffer_drain(outbound->bytes, (size_t)written);
        budget = budget > (size_t)written ? budget - (size_t)written : 0;
    }
    return 0;
}

int capus_outbound_flush_plain(capus_outbound *outbound) {
    size_t budget = CAPUS_WRITE_PER_EVENT;
    while (evbuffer_get_length(outbound->bytes) > 0 && budget > 0) {
        int written = evbuffer_write_atmost(outbound->bytes, outbound->fd, (ev_ssize_t)budget);
        if (written > 0) {
            budget -= (size_t)written;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return 0;
        } else if (errno != EINTR) {
            return outbound->error = errno;
        }
    }
    return 0;
}

int capus_outbound_flush(capus_outbound *outbound) {
    if (outbound->tls != NULL) {
        return flush_secured(outbound);
    }
    return outbound->is_watched ? capus_outbound_flush_plain(outbound)
                                : outbound->loop->vtable->outbound_flush(outbound);
}
