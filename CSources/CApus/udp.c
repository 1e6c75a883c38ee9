#define _GNU_SOURCE
#include "capus_udp.h"

#include "address.h"

#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_BUFFER (4 * 1024 * 1024)

// What one system call moves.
typedef struct batch {
    struct mmsghdr messages[CAPUS_UDP_BATCH];
    struct iovec bytes[CAPUS_UDP_BATCH];
    any_ip_address peers[CAPUS_UDP_BATCH];
    control control[CAPUS_UDP_BATCH];
} batch;

static void set_option(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); }

static int open_socket(const capus_address *address, bool reuse_port, bool connects) {
    any_ip_address system;
    socklen_t length = capus_address_to_system(address, &system);
    int fd = socket(system.generic.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    // A burst has to wait somewhere; the kernel gives as much as net.core.rmem_max and wmem_max allow.
    set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
    set_option(fd, SOL_SOCKET, SO_REUSEPORT, reuse_port);
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if ((connects ? connect(fd, &system.generic, length) : bind(fd, &system.generic, length)) != 0) {
        int failure = errno;
        close(fd);
        return -failure;
    }
    return fd;
}

int capus_udp_bind(const capus_address *address, bool reuse_port) { return open_socket(address, reuse_port, false); }

int capus_udp_connect(const capus_address *address) { return open_socket(address, false, true); }

bool capus_udp_join(int fd) {
    int segment;
    socklen_t size = sizeof segment;
    set_option(fd, SOL_UDP, UDP_GRO, 1);
    // A kernel that does not know the option would not refuse a run: it would send it as one long datagram.
    return getsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, &size) == 0;
}

int capus_udp_receive(int fd, uint8_t *slots, capus_datagrams *pieces) {
    batch batch;
    for (int i = 0; i < CAPUS_UDP_BATCH; i++) {
        batch.bytes[i] = (struct iovec){slots + (size_t)i * CAPUS_UDP_SLOT_BYTES, 65536};
        batch.messages[i].msg_hdr = (struct msghdr){.msg_name = &batch.peers[i],
                                                    .msg_namelen = sizeof batch.peers[i],
                                                    .msg_iov = &batch.bytes[i],
                                                    .msg_iovlen = 1,
                                                    .msg_control = &batch.control[i],
                                                    .msg_controllen = sizeof batch.control[i]};
    }
    int count = recvmmsg(fd, batch.messages, CAPUS_UDP_BATCH, 0, NULL);
    for (int i = 0; i < count; i++) {
        struct cmsghdr *header = CMSG_FIRSTHDR(&batch.messages[i].msg_hdr);
        int segment = 0;
        if (header != NULL && header->cmsg_level == SOL_UDP && header->cmsg_type == UDP_GRO) {
            memcpy(&segment, CMSG_DATA(header), sizeof segment);
        }
        pieces[i].bytes = batch.bytes[i].iov_base;
        pieces[i].count = batch.messages[i].msg_len;
        pieces[i].segment = (uint32_t)segment;
        capus_address_from_system(&batch.peers[i], &pieces[i].peer);
    }
    return count < 0 ? -errno : count;
}

int capus_udp_send(int fd, const capus_datagrams *pieces, int count) {
    batch batch;
    for (int i = 0; i < count; i++) {
        // An IPv6 socket takes IPv4 peers as they are.
        socklen_t length = pieces[i].peer.family == 0 ? 0 : capus_address_to_system(&pieces[i].peer, &batch.peers[i]);
        struct msghdr *message = &batch.messages[i].msg_hdr;
        batch.bytes[i] = (struct iovec){pieces[i].bytes, pieces[i].count};
        *message = (struct msghdr){.msg_name = length == 0 ? NULL : &batch.peers[i],
                                   .msg_namelen = length,
                                   .msg_iov = &batch.bytes[i],
                                   .msg_iovlen = 1};
        if (pieces[i].segment != 0) {
            uint16_t segment = (uint16_t)pieces[i].segment;
            message->msg_control = &batch.control[i];
            message->msg_controllen = CMSG_SPACE(sizeof segment);
            batch.control[i].header = (struct cmsghdr){CMSG_LEN(sizeof segment), SOL_UDP, UDP_SEGMENT};
            memcpy(CMSG_DATA(&batch.control[i].header), &segment, sizeof segment);
        }
    }
    int sent = sendmmsg(fd, batch.messages, (unsigned)count, MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

bool capus_udp_refuses_runs(int failure) { return failure == EIO || failure == EINVAL || failure == EMSGSIZE; }
