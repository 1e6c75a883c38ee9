/*
 * The floor of an echo: it finds where the messages end and sends them back.
 *
 *     floor-echo PORT text|frame
 *
 * text    lines, each ended by a line feed
 * frame   packets behind their length: four bytes, big-endian, counting themselves
 *
 * The whole messages of one read leave with one send, from where they were received: nothing is copied, nothing is
 * made of them, and there are no limits but that of the buffer, no time-outs and no clock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "server.h"

enum { RECEIVE_SIZE = 64 * 1024 };

/* Bytes in memory of their own; most connections never need it: whole messages come, whole answers go. */
struct rest {
    char *bytes;
    size_t count;
};

/* Indexed by descriptor. */
struct peer {
    struct rest begun; /* the start of a message whose end has not come yet */
    struct rest owed;  /* answers that the socket would not take yet */
};

static struct peer peers[MAX_CONNECTIONS];
static char received[RECEIVE_SIZE];
static bool is_text;

static void forget(struct rest *rest) {
    free(rest->bytes);
    *rest = (struct rest){0};
}

static void keep(struct rest *rest, const char *bytes, size_t count) {
    char *copy = count ? malloc(count) : NULL;
    if (count && !copy) fail("malloc");
    if (count) memcpy(copy, bytes, count);
    free(rest->bytes);
    *rest = (struct rest){copy, count};
}

static void drop(int fd) {
    forget(&peers[fd].begun);
    forget(&peers[fd].owed);
    close(fd);
}

/* Bytes of the first message, 0 while its end is not there, -1 when it can have none. */
static inline ssize_t message_length(const char *at, size_t count) {
    if (is_text) {
        const char *hit = memchr(at, '\n', count);
        return hit ? hit + 1 - at : 0;
    }
    uint32_t length;
    if (count < sizeof length) return 0;
    memcpy(&length, at, sizeof length);
    length = ntohl(length);
    if (length < sizeof length || length > RECEIVE_SIZE) return -1;
    return length <= count ? (ssize_t)length : 0;
}

static void send_answers(int fd, const char *bytes, size_t count) {
    bool was_blocked = peers[fd].owed.count > 0;
    while (count > 0) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) break;
        if (sent < 0) {
            drop(fd);
            return;
        }
        bytes += sent;
        count -= (size_t)sent;
    }
    if (count == 0 && !was_blocked) return;
    keep(&peers[fd].owed, bytes, count);
    /* Not reading until this peer has taken its answers keeps what is owed to one batch. */
    if (was_blocked != (count > 0)) watch(EPOLL_CTL_MOD, fd, count > 0 ? EPOLLOUT : EPOLLIN);
}

static void on_readable(int fd) {
    struct rest *begun = &peers[fd].begun;
    size_t held = begun->count;
    if (held) memcpy(received, begun->bytes, held);

    ssize_t count = recv(fd, received + held, RECEIVE_SIZE - held, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        drop(fd);
        return;
    }

    size_t whole = 0, filled = held + (size_t)count;
    ssize_t length;
    while (whole < filled && (length = message_length(received + whole, filled - whole)) != 0) {
        if (length < 0) {
            drop(fd);
            return;
        }
        whole += (size_t)length;
    }
    if (whole == 0 && filled == RECEIVE_SIZE) { /* a line that is too long */
        drop(fd);
        return;
    }
    if (held || whole < filled) keep(begun, received + whole, filled - whole);
    if (whole > 0) send_answers(fd, received, whole);
}

static void serve(int listener) {
    struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int accepted = accept_one(listener);
                if (accepted >= 0) watch(EPOLL_CTL_ADD, accepted, EPOLLIN);
            } else if (peers[fd].owed.count) {
                send_answers(fd, peers[fd].owed.bytes, peers[fd].owed.count);
            } else {
                on_readable(fd);
            }
        }
    }
}

int main(int argc, char **argv) {
    int port = argc == 3 ? atoi(argv[1]) : 0;
    is_text = argc == 3 && !strcmp(argv[2], "text");
    if (port < 1 || port > 65535 || (!is_text && strcmp(argv[2], "frame"))) {
        fprintf(stderr, "usage: %s PORT text|frame\n", argv[0]);
        return 2;
    }
    serve(listen_on((uint16_t)port));
}
