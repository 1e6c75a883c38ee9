// Makes system calls on sockets fail or do less than they could, as a kernel may: for programs under test, by
// LD_PRELOAD. See bench/Faults.
//
//     APUS_FAULTS=PERCENT[,SEED]
//
// So many of a hundred calls fail: reads and writes take a part of the bytes only, or are told to come again
// (EAGAIN), or are interrupted (EINTR); epoll_wait is interrupted; accept is told that the client has gone
// (ECONNABORTED), or that a signal came. All of this a program has to live with: its answers are the same.
#define _GNU_SOURCE
#include "chance.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static uint32_t rate;

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("APUS_FAULTS");
    if (!text) return;
    char *end;
    rate = (uint32_t)strtoul(text, &end, 10);
    if (*end == ',') chance ^= strtoull(end + 1, NULL, 10) * 0x9E3779B97F4A7C15u;
}

static bool strikes(void) { return rate > 0 && draw(100) < rate; }

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

// Datagrams are whole or not there, and other descriptors do not work by halves: streams alone are meant.
static bool is_stream(int fd) {
    int saved = errno;
    int type = 0;
    socklen_t length = sizeof type;
    bool is = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM;
    errno = saved;
    return is;
}

// Whether a call fails for now; `errno` says how.
static bool fails_for_now(void) {
    switch (draw(3)) {
    case 0:
        errno = EAGAIN;
        return true;
    case 1:
        errno = EINTR;
        return true;
    default: return false;
    }
}

// Of so many bytes, some.
static size_t some(size_t count) { return count > 1 ? 1 + draw(count > 4096 ? 4096 : (uint32_t)count) : count; }

#define HALVE(name, fd, count, ...) \
    REAL(name); \
    if ((count) > 0 && strikes() && is_stream(fd)) { \
        if (fails_for_now()) return -1; \
        size_t part = some(count); \
        if (part < (count)) (count) = part; \
    } \
    return real(__VA_ARGS__)

ssize_t recv(int fd, void *bytes, size_t count, int flags) {
    if (flags & MSG_PEEK) {
        REAL(recv);
        return real(fd, bytes, count, flags);
    }
    HALVE(recv, fd, count, fd, bytes, count, flags);
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) { HALVE(send, fd, count, fd, bytes, count, flags); }

ssize_t read(int fd, void *bytes, size_t count) { HALVE(read, fd, count, fd, bytes, count); }

ssize_t write(int fd, const void *bytes, size_t count) { HALVE(write, fd, count, fd, bytes, count); }

ssize_t sendfile(int to, int from, off_t *offset, size_t count) {
    HALVE(sendfile, to, count, to, from, offset, count);
}

// The first part alone, and of that some.
static int first_part(const struct iovec *parts, int count, struct iovec *first) {
    for (int index = 0; index < count; index++) {
        if (parts[index].iov_len == 0) continue;
        first->iov_base = parts[index].iov_base;
        first->iov_len = some(parts[index].iov_len);
        return 1;
    }
    return 0;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    struct iovec first;
    if (strikes() && is_stream(fd)) {
        if (fails_for_now()) return -1;
        if (first_part(parts, count, &first)) return real(fd, &first, 1);
    }
    return real(fd, parts, count);
}

ssize_t readv(int fd, const struct iovec *parts, int count) {
    REAL(readv);
    struct iovec first;
    if (strikes() && is_stream(fd)) {
        if (fails_for_now()) return -1;
        if (first_part(parts, count, &first)) return real(fd, &first, 1);
    }
    return real(fd, parts, count);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(sendmsg);
    struct iovec first;
    // Descriptors that go with the bytes go with the first one.
    if (message->msg_controllen == 0 && strikes() && is_stream(fd)) {
        if (fails_for_now()) return -1;
        struct msghdr part = *message;
        if (first_part(message->msg_iov, (int)message->msg_iovlen, &first)) {
            part.msg_iov = &first;
            part.msg_iovlen = 1;
            return real(fd, &part, flags);
        }
    }
    return real(fd, message, flags);
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
    REAL(accept4);
    if (strikes()) {
        switch (draw(3)) {
        case 0: errno = EAGAIN; break;
        case 1: errno = EINTR; break;
        default: errno = ECONNABORTED;
        }
        return -1;
    }
    return real(fd, address, length, flags);
}

int epoll_wait(int fd, struct epoll_event *events, int count, int timeout) {
    REAL(epoll_wait);
    if (strikes()) {
        if (draw(2)) {
            errno = EINTR;
            return -1;
        }
        // One at a time, in the kernel's order.
        return real(fd, events, 1, timeout);
    }
    return real(fd, events, count, timeout);
}
