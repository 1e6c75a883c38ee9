/*
 * The floor of WebSocket: the handshake, and frames that are unmasked and sent back.
 *
 *     floor-websocket PORT echo|broadcast|batched
 *
 * echo       each frame goes back to who sent it; those of one read leave with one send
 * broadcast  each frame goes to every connection, its sender too, with one send each
 * batched    the frames of one read go to every connection with one send
 *
 * Of the protocol it does what no server can leave out: accept key, heads of frames, masks, pongs, the closing frame.
 * It does not look at fragments or at UTF-8, knows no extension, and has no limits but that of its buffer, no
 * time-outs and no clock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "server.h"
#include "websocket-accept.h"
#include "websocket-frame.h"

enum { RECEIVE_SIZE = 64 * 1024, OWED_MOST = 4 * 1024 * 1024 };

/* Bytes in memory of their own; most connections never need it: whole frames come, whole answers go. */
struct rest {
    uint8_t *bytes;
    size_t count;
};

/* Indexed by descriptor. */
struct peer {
    struct rest begun; /* the start of a frame, or of the request, whose end has not come yet */
    struct rest owed;  /* what the socket would not take yet */
    int place;         /* among the members */
    bool is_there, is_open;
};

static struct peer peers[MAX_CONNECTIONS];
static int members[MAX_CONNECTIONS]; /* descriptors of those that are open */
static int member_count;
/* A scanner for the end of the request needs a zero behind it. */
static uint8_t received[RECEIVE_SIZE + 1];
static uint8_t answers[RECEIVE_SIZE];
static size_t answer_count;
static enum { ECHO, BROADCAST, BATCHED } mode;

static void forget(struct rest *rest) {
    free(rest->bytes);
    *rest = (struct rest){0};
}

static void keep(struct rest *rest, const uint8_t *bytes, size_t count) {
    uint8_t *copy = count ? malloc(count) : NULL;
    if (count && !copy) fail("malloc");
    if (count) memcpy(copy, bytes, count);
    free(rest->bytes);
    *rest = (struct rest){copy, count};
}

static void drop(int fd) {
    struct peer *peer = &peers[fd];
    if (peer->is_open) {
        int last = members[--member_count];
        members[peer->place] = last;
        peers[last].place = peer->place;
    }
    forget(&peer->begun);
    forget(&peer->owed);
    *peer = (struct peer){0};
    close(fd);
}

static void watch_output(int fd, bool waits) {
    /* An echo is read from again when it has taken its answers: what is owed stays one batch. */
    uint32_t input = mode == ECHO && waits ? 0 : EPOLLIN;
    watch(EPOLL_CTL_MOD, fd, input | (waits ? EPOLLOUT : 0));
}

static void append(int fd, const uint8_t *bytes, size_t count) {
    struct rest *owed = &peers[fd].owed;
    if (owed->count + count > OWED_MOST) { /* a reader that is too slow */
        drop(fd);
        return;
    }
    owed->bytes = realloc(owed->bytes, owed->count + count);
    if (!owed->bytes) fail("realloc");
    memcpy(owed->bytes + owed->count, bytes, count);
    owed->count += count;
}

/* Sends, as far as the socket takes it; -1 when the connection is gone. */
static ssize_t send_some(int fd, const uint8_t *bytes, size_t count) {
    size_t done = 0;
    while (done < count) {
        ssize_t sent = send(fd, bytes + done, count - done, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) break;
        if (sent < 0) {
            drop(fd);
            return -1;
        }
        done += (size_t)sent;
    }
    return (ssize_t)done;
}

static void deliver(int fd, const uint8_t *bytes, size_t count) {
    if (peers[fd].owed.count) {
        append(fd, bytes, count);
        return;
    }
    ssize_t sent = send_some(fd, bytes, count);
    if (sent < 0 || (size_t)sent == count) return;
    keep(&peers[fd].owed, bytes + sent, count - (size_t)sent);
    watch_output(fd, true);
}

static void send_owed(int fd) {
    struct rest *owed = &peers[fd].owed;
    ssize_t sent = send_some(fd, owed->bytes, owed->count);
    if (sent <= 0) return;
    if ((size_t)sent == owed->count) {
        forget(owed);
        watch_output(fd, false);
        return;
    }
    owed->count -= (size_t)sent;
    memmove(owed->bytes, owed->bytes + sent, owed->count);
}

/* From the last on: one that is dropped leaves its place to one that has had its turn. */
static void deliver_to_all(void) {
    for (int i = member_count - 1; i >= 0; i--) deliver(members[i], answers, answer_count);
    answer_count = 0;
}

static void flush(int fd) {
    if (!answer_count) return;
    if (mode == ECHO) {
        deliver(fd, answers, answer_count);
        answer_count = 0;
    } else {
        deliver_to_all();
    }
}

/* Takes the first frame. Returns its bytes, 0 while its end is not there, -1 when the connection is over. */
static ssize_t take_frame(int fd, const uint8_t *at, size_t count) {
    if (count < 2) return 0;
    size_t length = at[1] & 0x7F, head = 6;
    if (!(at[1] & 0x80)) return -1;
    if (length == 126) {
        uint16_t size;
        head = 8;
        if (count < head) return 0;
        memcpy(&size, at + 2, sizeof size);
        length = ntohs(size);
    } else if (length == 127) {
        uint64_t size;
        head = 14;
        if (count < head) return 0;
        memcpy(&size, at + 2, sizeof size);
        length = be64toh(size) > RECEIVE_SIZE ? RECEIVE_SIZE : (size_t)be64toh(size);
    }
    if (head + length > RECEIVE_SIZE) return -1;
    if (count < head + length) return 0;

    uint8_t opcode = at[0] & 0x0F;
    uint8_t first = opcode == OPCODE_PING ? (uint8_t)(0x80 | OPCODE_PONG) : at[0];
    if (opcode == OPCODE_PONG) return (ssize_t)(head + length);
    /* An answer is shorter than what it answers, so those of one read fit. */
    uint8_t *answer = answers + answer_count;
    size_t answer_head = frame_head(answer, first, length, false);
    frame_mask(answer + answer_head, at + head, length, at + head - 4);
    if (opcode & 8 && mode != ECHO) { /* for its sender alone, which does not send them in a benchmark */
        deliver(fd, answer, answer_head + length);
        return opcode == OPCODE_CLOSE || !peers[fd].is_there ? -1 : (ssize_t)(head + length);
    }
    answer_count += answer_head + length;
    if (opcode == OPCODE_CLOSE) {
        flush(fd);
        return -1;
    }
    if (mode == BROADCAST) deliver_to_all();
    return peers[fd].is_there ? (ssize_t)(head + length) : -1;
}

/* Answers the request. Returns its bytes, 0 while its end is not there, -1 when it asks for something else. */
static ssize_t take_request(int fd, uint8_t *at, size_t count) {
    at[count] = 0;
    const char *text = (const char *)at;
    const char *end = strstr(text, "\r\n\r\n");
    if (!end) return 0;
    const char *field = strcasestr(text, "\r\nSec-WebSocket-Key:");
    if (strncmp(text, "GET ", 4) || !field || field > end) return -1;
    field += strlen("\r\nSec-WebSocket-Key:");
    field += strspn(field, " \t");
    if (strcspn(field, " \t\r") != KEY_LENGTH) return -1;

    char accept[ACCEPT_LENGTH], answer[256];
    websocket_accept(field, accept);
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %.*s\r\n\r\n",
                          ACCEPT_LENGTH, accept);
    peers[fd].is_open = true;
    peers[fd].place = member_count;
    members[member_count++] = fd;
    deliver(fd, (const uint8_t *)answer, (size_t)length);
    return peers[fd].is_there ? end + 4 - text : -1;
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
    ssize_t length = 1;
    while (whole < filled && length > 0) {
        uint8_t *at = received + whole;
        length = peers[fd].is_open ? take_frame(fd, at, filled - whole) : take_request(fd, at, filled - whole);
        if (length > 0) whole += (size_t)length;
    }
    if (length < 0 || (whole == 0 && filled == RECEIVE_SIZE)) {
        answer_count = 0;
        if (peers[fd].is_there) drop(fd);
        return;
    }
    if (held || whole < filled) keep(begun, received + whole, filled - whole);
    flush(fd);
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
                if (accepted < 0) continue;
                int on = 1;
                setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                peers[accepted].is_there = true;
                watch(EPOLL_CTL_ADD, accepted, EPOLLIN);
                continue;
            }
            if (peers[fd].is_there && peers[fd].owed.count) send_owed(fd);
            /* Dropped since, by what another one of these events sent. */
            if (peers[fd].is_there && events[i].events & ~EPOLLOUT) on_readable(fd);
        }
    }
}

int main(int argc, char **argv) {
    static const char *const names[] = {"echo", "broadcast", "batched"};
    int port = argc == 3 ? atoi(argv[1]) : 0;
    size_t chosen = 0;
    while (argc == 3 && chosen < 3 && strcmp(argv[2], names[chosen])) chosen++;
    if (port < 1 || port > 65535 || chosen == 3) {
        fprintf(stderr, "usage: %s PORT echo|broadcast|batched\n", argv[0]);
        return 2;
    }
    mode = chosen;
    serve(listen_on((uint16_t)port));
}
