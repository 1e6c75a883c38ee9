// Loaded into a server with LD_PRELOAD: each datagram gets a system call of its own, `recvfrom` in and `sendto` out,
// and the kernel joins and splits none. Everything else of the server stays as it is: what batches are worth is the
// difference.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
    (void)timeout;
    for (unsigned i = 0; i < count; i++) {
        struct msghdr *message = &messages[i].msg_hdr;
        ssize_t size = recvfrom(fd, message->msg_iov->iov_base, message->msg_iov->iov_len, flags, message->msg_name,
                                &message->msg_namelen);
        if (size < 0) {
            return i > 0 ? (int)i : -1;
        }
        message->msg_controllen = 0;
        messages[i].msg_len = (unsigned)size;
    }
    return (int)count;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    for (unsigned i = 0; i < count; i++) {
        const struct msghdr *message = &messages[i].msg_hdr;
        ssize_t size = sendto(fd, message->msg_iov->iov_base, message->msg_iov->iov_len, flags, message->msg_name,
                              message->msg_namelen);
        if (size < 0) {
            return i > 0 ? (int)i : -1;
        }
        messages[i].msg_len = (unsigned)size;
    }
    return (int)count;
}

// No datagrams that the kernel has joined (UDP_GRO), and none for it to split (UDP_SEGMENT).
int setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
    if (level == SOL_UDP && name == UDP_GRO) {
        errno = ENOPROTOOPT;
        return -1;
    }
    return (int)syscall(SYS_setsockopt, fd, level, name, value, length);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
    if (level == SOL_UDP && name == UDP_SEGMENT) {
        errno = ENOPROTOOPT;
        return -1;
    }
    return (int)syscall(SYS_getsockopt, fd, level, name, value, length);
}
