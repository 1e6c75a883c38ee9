// UDP: the datagrams of peers wait in the program's socket, and what it sends is kept with the peer, each datagram
// behind its length in two bytes. Peers are told apart by their ports.
#define _GNU_SOURCE
#include "kernel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define FIRST_PORT 20000
// What a kernel cuts one piece into at the most, and what it holds at the most.
#define MOST_SEGMENTS 64
#define MOST_BYTES 65507

// A datagram in a socket.
typedef struct head {
    uint16_t peer, count;
} head;

bool datagrams_say(peer *peer, descriptor *socket) {
    uint32_t left = is_chaos ? 1 + simulation_draw(simulation_draw(4) == 0 ? 90 : 4) : UINT32_MAX;
    bool has_said = false;
    peer->state |= SIMULATION_CONNECTED;
    for (; left > 0 && peer->said < peer->plan.input_count; left--) {
        const uint8_t *next = peer->plan.input + peer->said;
        head head = {(uint16_t)(peer - peers), 0};
        memcpy(&head.count, next, sizeof head.count);
        bytes_append(&socket->in, &head, sizeof head);
        bytes_append(&socket->in, next + sizeof head.count, head.count);
        peer->said += sizeof head.count + head.count;
        has_said = true;
    }
    if (peer->said == peer->plan.input_count) peer->state |= SIMULATION_SAID_ALL;
    return has_said;
}

static head first_head(const descriptor *socket) {
    head head;
    memcpy(&head, socket->in.start, sizeof head);
    return head;
}

static size_t take_datagram(descriptor *socket, uint8_t *to) {
    head taken = first_head(socket);
    memcpy(to, socket->in.start + sizeof taken, taken.count);
    bytes_drop(&socket->in, sizeof taken + taken.count);
    return taken.count;
}

// One datagram, or a run of one peer's, which all have one size but for the last.
static void receive_piece(descriptor *socket, struct mmsghdr *message) {
    struct msghdr *to = &message->msg_hdr;
    uint8_t *bytes = to->msg_iov->iov_base;
    head first = first_head(socket);
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)(FIRST_PORT + first.peer)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memcpy(to->msg_name, &from, sizeof from);
    to->msg_namelen = sizeof from;
    size_t total = take_datagram(socket, bytes);
    int segment = 0;
    for (int count = 1; socket->joins && first.count > 0 && count < MOST_SEGMENTS && socket->in.count > 0; count++) {
        head next = first_head(socket);
        bool fits = next.peer == first.peer && next.count > 0 && next.count <= first.count &&
                    total + next.count <= MOST_BYTES;
        if (!fits || simulation_draw(20) == 0) break;
        segment = first.count;
        total += take_datagram(socket, bytes + total);
        if (next.count < first.count) break;
    }
    message->msg_len = (unsigned)total;
    if (segment == 0) {
        to->msg_controllen = 0;
        return;
    }
    struct cmsghdr *control = CMSG_FIRSTHDR(to);
    *control = (struct cmsghdr){CMSG_LEN(sizeof segment), SOL_UDP, UDP_GRO};
    memcpy(CMSG_DATA(control), &segment, sizeof segment);
    to->msg_controllen = CMSG_SPACE(sizeof segment);
}

int datagrams_receive(descriptor *socket, struct mmsghdr *messages, unsigned count) {
    // What came back of an earlier datagram.
    if (strikes(3)) {
        errno = ECONNREFUSED;
        return -1;
    }
    if (strikes(20)) count = 1 + simulation_draw(count);
    unsigned received = 0;
    while (received < count && socket->in.count > 0) receive_piece(socket, &messages[received++]);
    if (received == 0) errno = EAGAIN;
    return received == 0 ? -1 : (int)received;
}

// The size that a piece is to be cut into; 0 for one datagram.
static size_t segment_of(const struct msghdr *message) {
    struct cmsghdr *control = message->msg_controllen == 0 ? NULL : CMSG_FIRSTHDR((struct msghdr *)message);
    uint16_t segment = 0;
    if (control != NULL) memcpy(&segment, CMSG_DATA(control), sizeof segment);
    return segment;
}

static peer *receiver(const struct msghdr *message) {
    struct sockaddr_in to;
    memcpy(&to, message->msg_name, sizeof to);
    int number = ntohs(to.sin_port) - FIRST_PORT;
    if (number < 0 || number >= peer_count) abort();
    return &peers[number];
}

// 0, or why the kernel does not take it.
static int refusal(size_t segment, bool *is_of_runs) {
    static const int runs[] = {EIO, EINVAL, EMSGSIZE}, others[] = {EAGAIN, ENOBUFS, EPERM, ECONNREFUSED};
    *is_of_runs = segment > 0 && strikes(10);
    if (*is_of_runs) return runs[simulation_draw(3)];
    return strikes(5) ? others[simulation_draw(4)] : 0;
}

static void hear_datagram(peer *peer, const uint8_t *bytes, size_t size) {
    uint16_t count = (uint16_t)size;
    bytes_append(&peer->heard, &count, sizeof count);
    bytes_append(&peer->heard, bytes, size);
}

int datagrams_send(const struct mmsghdr *messages, unsigned count) {
    for (unsigned index = 0; index < count; index++) {
        const struct msghdr *message = &messages[index].msg_hdr;
        const uint8_t *bytes = message->msg_iov->iov_base;
        size_t size = message->msg_iov->iov_len, segment = segment_of(message);
        size_t datagrams = segment == 0 ? 1 : (size + segment - 1) / segment;
        if (size > MOST_BYTES || datagrams > MOST_SEGMENTS) abort();
        peer *peer = receiver(message);
        bool is_of_runs = false;
        int failure = refusal(segment, &is_of_runs);
        if (failure != 0) {
            // Only that of the first is told.
            if (index > 0) return (int)index;
            if (!is_of_runs) peer->refused += (uint32_t)datagrams;
            errno = failure;
            return -1;
        }
        for (size_t offset = 0; segment > 0 && offset < size; offset += segment) {
            hear_datagram(peer, bytes + offset, size - offset < segment ? size - offset : segment);
        }
        if (segment == 0) hear_datagram(peer, bytes, size);
        if (strikes(10)) return (int)index + 1;
    }
    return (int)count;
}

uint32_t simulation_refused(int number) { return peers[number].refused; }

int simulation_peer_of_port(int port) { return port - FIRST_PORT; }
