/*
 * The floor: what an HTTP server costs that does nothing but move bytes.
 *
 * It looks for the empty line that ends a request head and sends a canned answer; it parses nothing, keeps no
 * timers, no limits and no date. Whatever a real server spends beyond this is the price of being a server.
 *
 *     floor PORT [keepalive|close [CERTIFICATE KEY]]
 *
 * keepalive   answers every head on a connection; all answers of one read leave with one send
 * close       answers once and closes: accept4, epoll_ctl, epoll_wait, recv, send, close per connection, and
 *             no TCP_DEFER_ACCEPT, as a plain C server is usually written
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "server.h"
#include "transport.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    RECEIVE_SIZE = 64 * 1024,
    SCAN_PADDING = 32, /* the scanner loads whole vectors and may read this far past the received bytes */
    MAX_HEAD = 32 * 1024,
    COPIES = 1024, /* so many answers lie one behind the other, so that a batch needs no assembling */
};

#define ANSWER_START "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n"
#define ANSWER_END "Content-Length: 13\r\n\r\nHello, World!"

/* Indexed by descriptor. Most connections never use any of it: whole requests come, whole answers go. */
struct peer {
    char *carry;      /* the start of a head whose end has not come yet */
    uint32_t carried; /* bytes in `carry` */
    uint32_t phase;   /* where in the canned answer the unsent bytes begin */
    uint64_t owed;    /* answer bytes the socket would not take yet */
};

static struct peer peers[MAX_CONNECTIONS];
static char received[RECEIVE_SIZE + SCAN_PADDING];
static char *answers;
static size_t answer_length;
static bool close_after_answer;

static void drop(int fd) {
    free(peers[fd].carry);
    memset(&peers[fd], 0, sizeof peers[fd]);
    transport_close(fd);
}

/* The byte after the next "\r\n\r\n", or NULL when there is none before `end`. */
static inline const char *head_end(const char *at, const char *end) {
#ifdef __SSE2__
    /* A "\r" here and two bytes on is hardly ever anything but the empty line: two compares for 16 bytes. */
    const __m128i carriage_return = _mm_set1_epi8('\r');
    for (; at < end; at += 16) {
        __m128i here = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)at), carriage_return);
        __m128i later = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(at + 2)), carriage_return);
        unsigned hits = (unsigned)_mm_movemask_epi8(_mm_and_si128(here, later));
        for (; hits; hits &= hits - 1) {
            const char *hit = at + __builtin_ctz(hits);
            if (hit + 4 > end) return NULL;
            if (hit[1] == '\n' && hit[3] == '\n') return hit + 4;
        }
    }
    return NULL;
#else
    const char *hit = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
    return hit ? hit + 4 : NULL;
#endif
}

/* Sends `owed` bytes of answers beginning at `phase`; false when the connection is gone. */
static bool send_answers(int fd, uint64_t owed, size_t phase, bool was_blocked) {
    while (owed > 0) {
        size_t most = COPIES * answer_length - phase;
        ssize_t sent = transport_send(fd, answers + phase, owed < most ? owed : most);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) {
            peers[fd].owed = owed;
            peers[fd].phase = (uint32_t)phase;
            /* Not reading until this peer has taken its answers keeps what is owed to one batch. */
            if (!was_blocked) watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
            return true;
        }
        if (sent < 0) {
            drop(fd);
            return false;
        }
        owed -= (uint64_t)sent;
        if (owed > 0) phase = (phase + (size_t)sent) % answer_length;
    }
    if (close_after_answer) {
        drop(fd);
        return false;
    }
    if (was_blocked) {
        peers[fd].owed = 0;
        watch(EPOLL_CTL_MOD, fd, EPOLLIN);
    }
    return true;
}

/* Keeps an unfinished head until the rest of it comes; false when it is too long to be one. */
static bool carry_over(struct peer *peer, const char *rest, size_t length) {
    if (length > MAX_HEAD) return false;
    if (!peer->carry && !(peer->carry = malloc(MAX_HEAD))) fail("malloc");
    memcpy(peer->carry, rest, length);
    peer->carried = (uint32_t)length;
    return true;
}

static bool read_once(int fd) {
    struct peer *peer = &peers[fd];
    size_t carried = peer->carried;
    if (carried) memcpy(received, peer->carry, carried);

    ssize_t count = transport_receive(fd, received + carried, RECEIVE_SIZE - carried);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (count <= 0) {
        drop(fd);
        return false;
    }

    const char *at = received, *end = received + carried + count, *next;
    uint64_t heads = 0;
    while (at < end && (next = head_end(at, end))) {
        heads++;
        at = next;
    }

    if (at < end) {
        if (!carry_over(peer, at, (size_t)(end - at))) {
            drop(fd);
            return false;
        }
    } else if (carried) {
        free(peer->carry);
        peer->carry = NULL;
        peer->carried = 0;
    }
    return heads == 0 || send_answers(fd, (close_after_answer ? 1 : heads) * answer_length, 0, false);
}

static void on_readable(int fd) {
    while (read_once(fd) && transport_has_more(fd)) {
    }
}

/* One connection per wake-up: the listener stays ready while more of them wait, and no accept4 is in vain. */
static void on_connection(int listener) {
    int fd = accept_one(listener);
    if (fd < 0) return;
    transport_open(fd, true);
    watch(EPOLL_CTL_ADD, fd, EPOLLIN);
}

static void prepare_answers(void) {
    const char *answer = close_after_answer ? ANSWER_START "Connection: close\r\n" ANSWER_END
                                            : ANSWER_START ANSWER_END;
    answer_length = strlen(answer);
    answers = malloc(COPIES * answer_length);
    if (!answers) fail("malloc");
    for (size_t i = 0; i < COPIES; i++) memcpy(answers + i * answer_length, answer, answer_length);
}

static void serve(int listener) {
    struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                on_connection(fd);
            } else if (peers[fd].owed) {
                send_answers(fd, peers[fd].owed, peers[fd].phase, true);
            } else {
                on_readable(fd);
            }
        }
    }
}

int main(int argc, char **argv) {
    int port = argc > 1 ? atoi(argv[1]) : 0;
    const char *mode = argc > 2 ? argv[2] : "keepalive";
    if (port < 1 || port > 65535 || (argc > 3 && argc != 5) || (strcmp(mode, "keepalive") && strcmp(mode, "close"))) {
        fprintf(stderr, "usage: %s PORT [keepalive|close [CERTIFICATE KEY]]\n", argv[0]);
        return 2;
    }
    close_after_answer = !strcmp(mode, "close");
    prepare_answers();
    transport_prepare(argc > 3 ? argv[3] : NULL, argc > 4 ? argv[4] : NULL);
    serve(listen_on((uint16_t)port));
}
