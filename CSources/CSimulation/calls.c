// The system's calls, in front of those of the C library: simulated descriptors are answered for here, others go on.
#define _GNU_SOURCE
#include "kernel.h"

#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) \
    static __typeof__(&name) real; \
    if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

// ---- Bytes ----

static int fail(int code) {
    errno = code;
    return -1;
}

// Calls fail for now, or are interrupted.
static bool fails_for_now(void) {
    if (strikes(10)) {
        errno = EAGAIN;
        return true;
    }
    if (strikes(5)) {
        errno = EINTR;
        return true;
    }
    return false;
}

static size_t part(size_t count) { return count > 1 && strikes(30) ? 1 + simulation_draw((uint32_t)count) : count; }

static ssize_t take(descriptor *from, void *to, size_t capacity, bool keeps) {
    if (from->kind == TIMER) {
        if (from->expires_ns == 0 || from->expires_ns > simulated_now_ns) return fail(EAGAIN);
        uint64_t once = 1;
        memcpy(to, &once, sizeof once);
        from->expires_ns = 0;
        return sizeof once;
    }
    if (from->kind != STREAM) return fail(EINVAL);
    if (from->is_connecting) return fail(EAGAIN);
    if (fails_for_now()) return -1;
    if (from->failure != 0) {
        int failure = from->failure;
        from->failure = 0;
        return fail(failure);
    }
    if (from->in.count == 0) return from->peer_finished || from->is_reset ? 0 : fail(EAGAIN);
    size_t count = part(from->in.count < capacity ? from->in.count : capacity);
    memcpy(to, from->in.start, count);
    if (!keeps) bytes_drop(&from->in, count);
    return (ssize_t)count;
}

// What there is room for; 0 and `errno` when the call fails.
static size_t room(descriptor *of) {
    if (of->is_connecting) {
        errno = EAGAIN;
        return 0;
    }
    if (of->failure != 0) {
        int failure = of->failure;
        of->failure = 0;
        errno = failure;
        return 0;
    }
    if (of->is_reset || of->is_shut) {
        errno = EPIPE;
        return 0;
    }
    if (fails_for_now()) return 0;
    size_t most = room_of(of);
    if (of->out.count >= most) {
        errno = EAGAIN;
        return 0;
    }
    return most - of->out.count;
}

static ssize_t give(descriptor *to, const void *from, size_t count) {
    if (to->kind != STREAM) return fail(EINVAL);
    size_t most = room(to);
    if (most == 0) return -1;
    count = part(count < most ? count : most);
    bytes_append(&to->out, from, count);
    return (ssize_t)count;
}

static ssize_t give_parts(descriptor *to, const struct iovec *parts, size_t part_count) {
    if (to->kind != STREAM) return fail(EINVAL);
    size_t most = room(to);
    if (most == 0) return -1;
    size_t total = 0;
    for (size_t index = 0; index < part_count; index++) total += parts[index].iov_len;
    size_t left = part(total < most ? total : most);
    size_t given = left;
    for (size_t index = 0; left > 0; index++) {
        size_t count = parts[index].iov_len < left ? parts[index].iov_len : left;
        bytes_append(&to->out, parts[index].iov_base, count);
        left -= count;
    }
    return (ssize_t)given;
}

static ssize_t traced(const char *call, int fd, size_t wanted, ssize_t outcome) {
    TRACE("  %s(%d, %zu) = %zd%s%s\n", call, fd, wanted, outcome, outcome < 0 ? " " : "",
          outcome < 0 ? strerrorname_np(errno) : "");
    return outcome;
}

ssize_t recv(int fd, void *to, size_t capacity, int flags) {
    REAL(recv);
    descriptor *from = simulated(fd);
    if (from == NULL) return real(fd, to, capacity, flags);
    return traced("recv", fd, capacity, take(from, to, capacity, (flags & MSG_PEEK) != 0));
}

ssize_t read(int fd, void *to, size_t capacity) {
    REAL(read);
    descriptor *from = simulated(fd);
    return from == NULL ? real(fd, to, capacity) : traced("read", fd, capacity, take(from, to, capacity, false));
}

ssize_t readv(int fd, const struct iovec *parts, int count) {
    REAL(readv);
    descriptor *from = simulated(fd);
    if (from == NULL) return real(fd, parts, count);
    return traced("readv", fd, parts[0].iov_len, take(from, parts[0].iov_base, parts[0].iov_len, false));
}

ssize_t send(int fd, const void *from, size_t count, int flags) {
    REAL(send);
    descriptor *to = simulated(fd);
    return to == NULL ? real(fd, from, count, flags) : traced("send", fd, count, give(to, from, count));
}

ssize_t write(int fd, const void *from, size_t count) {
    REAL(write);
    descriptor *to = simulated(fd);
    return to == NULL ? real(fd, from, count) : traced("write", fd, count, give(to, from, count));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    descriptor *to = simulated(fd);
    if (to == NULL) return real(fd, parts, count);
    return traced("writev", fd, (size_t)count, give_parts(to, parts, (size_t)count));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(sendmsg);
    descriptor *to = simulated(fd);
    if (to == NULL) return real(fd, message, flags);
    return traced("sendmsg", fd, message->msg_iovlen, give_parts(to, message->msg_iov, message->msg_iovlen));
}

ssize_t sendfile(int fd, int file, off_t *offset, size_t count) {
    REAL(sendfile);
    descriptor *to = simulated(fd);
    if (to == NULL) return real(fd, file, offset, count);
    static char block[65536];
    size_t most = room(to);
    if (most == 0) return traced("sendfile", fd, count, -1);
    if (count > most) count = most;
    ssize_t found = pread(file, block, count < sizeof block ? count : sizeof block, *offset);
    if (found <= 0) return found;
    found = (ssize_t)part((size_t)found);
    bytes_append(&to->out, block, (size_t)found);
    *offset += found;
    return traced("sendfile", fd, count, found);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
    REAL(recvmmsg);
    descriptor *socket = simulated(fd);
    if (socket == NULL) return real(fd, messages, count, flags, timeout);
    return (int)traced("recvmmsg", fd, count, fails_for_now() ? -1 : datagrams_receive(socket, messages, count));
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    REAL(sendmmsg);
    if (simulated(fd) == NULL) return real(fd, messages, count, flags);
    return (int)traced("sendmmsg", fd, count, datagrams_send(messages, count));
}

// ---- Sockets ----

int socket(int domain, int type, int protocol) {
    REAL(socket);
    if (domain != AF_INET) return real(domain, type, protocol);
    return open_descriptor((type & 0xF) == SOCK_STREAM ? STREAM : DATAGRAMS);
}

int bind(int fd, const struct sockaddr *address, socklen_t length) {
    REAL(bind);
    descriptor *socket = simulated(fd);
    if (socket == NULL) return real(fd, address, length);
    if (socket->kind == DATAGRAMS) last_listener = fd;
    return 0;
}

int listen(int fd, int backlog) {
    REAL(listen);
    descriptor *listener = simulated(fd);
    if (listener == NULL) return real(fd, backlog);
    listener->kind = LISTENER;
    last_listener = fd;
    return 0;
}

static void fill(struct sockaddr *address, socklen_t *length) {
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(7), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (address == NULL) return;
    memcpy(address, &local, *length < sizeof local ? *length : sizeof local);
    *length = sizeof local;
}

static int give_client(int number) {
    int fd = open_descriptor(STREAM);
    if (fd < 0) return fd;
    peers[number].is_pending = false;
    peers[number].state |= SIMULATION_CONNECTED;
    peers[number].fd = fd;
    simulated(fd)->peer = number;
    return fd;
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
    REAL(accept4);
    descriptor *listener = simulated(fd);
    if (listener == NULL) return real(fd, address, length, flags);
    if (fails_for_now()) return -1;
    if (strikes(2)) return fail(EMFILE);
    int number = pending_client(fd);
    if (number < 0) return fail(EAGAIN);
    if (strikes(3)) {
        peers[number].is_pending = false;
        peers[number].state |= SIMULATION_DROPPED;
        return fail(ECONNABORTED);
    }
    fill(address, length);
    int accepted = give_client(number);
    TRACE("  accept peer %d as %d\n", number, accepted);
    return accepted;
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
    REAL(connect);
    descriptor *socket = simulated(fd);
    if (socket == NULL) return real(fd, address, length);
    for (int number = 0; number < peer_count; number++) {
        peer *found = &peers[number];
        if (found->is_client || found->fd >= 0 || found->is_closed_by_program || found->state != 0) continue;
        found->fd = fd;
        socket->peer = number;
        if (found->plan.refuses && strikes(30)) {
            found->state |= SIMULATION_DROPPED;
            return fail(ECONNREFUSED);
        }
        if (strikes(20) && !found->plan.refuses) {
            found->state |= SIMULATION_CONNECTED;
            return 0;
        }
        socket->is_connecting = true;
        socket->will_fail = found->plan.refuses;
        return fail(EINPROGRESS);
    }
    return fail(ECONNREFUSED);
}

int close(int fd) {
    REAL(close);
    if (simulated(fd) == NULL) return real(fd);
    close_descriptor(fd);
    return 0;
}

int shutdown(int fd, int how) {
    REAL(shutdown);
    descriptor *socket = simulated(fd);
    if (socket == NULL) return real(fd, how);
    TRACE("  shutdown %d\n", fd);
    if (socket->is_reset || socket->is_connecting) return fail(ENOTCONN);
    if (how != SHUT_RD) socket->is_shut = true;
    return 0;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
    REAL(getsockopt);
    descriptor *socket = simulated(fd);
    if (socket == NULL) return real(fd, level, name, value, length);
    int answer = 0;
    if (level == SOL_SOCKET && name == SO_ERROR) {
        answer = socket->failure;
        socket->failure = 0;
    }
    if (level == SOL_SOCKET && name == SO_TYPE) answer = SOCK_STREAM;
    if (level == SOL_UDP && name == UDP_SEGMENT && strikes(20)) return fail(ENOPROTOOPT);
    memcpy(value, &answer, *length < sizeof answer ? *length : sizeof answer);
    return 0;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
    REAL(setsockopt);
    descriptor *socket = simulated(fd);
    if (socket == NULL) return real(fd, level, name, value, length);
    if (level == SOL_UDP && name == UDP_GRO) socket->joins = true;
    return 0;
}

int getsockname(int fd, struct sockaddr *address, socklen_t *length) {
    REAL(getsockname);
    if (simulated(fd) == NULL) return real(fd, address, length);
    fill(address, length);
    return 0;
}

int poll(struct pollfd *queries, nfds_t count, int timeout) {
    REAL(poll);
    descriptor *socket = count == 1 ? simulated(queries[0].fd) : NULL;
    if (socket == NULL) return real(queries, count, timeout);
    queries[0].revents = 0;
    if (socket->is_reset || (socket->is_shut && socket->peer_finished)) queries[0].revents |= POLLHUP;
    if (socket->failure != 0) queries[0].revents |= POLLERR;
    return queries[0].revents != 0;
}

// ---- Waiting, and time ----

int epoll_create1(int flags) {
    (void)flags;
    return open_descriptor(POLLER);
}

int epoll_ctl(int poller, int operation, int fd, struct epoll_event *event) {
    descriptor *watched = simulated(fd);
    if (simulated(poller) == NULL) return fail(EBADF);
    // The program's real descriptors are for other threads and signals, of which there are none.
    if (watched == NULL) return fd >= FIRST_DESCRIPTOR && fd < FIRST_DESCRIPTOR + DESCRIPTORS ? fail(EBADF) : 0;
    TRACE("  epoll_ctl %s %d %x\n", operation == EPOLL_CTL_ADD ? "add" : operation == EPOLL_CTL_DEL ? "del" : "mod", fd,
          operation == EPOLL_CTL_DEL ? 0 : event->events);
    if (operation == EPOLL_CTL_ADD ? watched->is_watched : !watched->is_watched) {
        return fail(operation == EPOLL_CTL_ADD ? EEXIST : ENOENT);
    }
    watched->is_watched = operation != EPOLL_CTL_DEL;
    if (watched->is_watched) watched->watch = *event;
    return 0;
}

int epoll_wait(int poller, struct epoll_event *events, int most, int timeout) {
    if (simulated(poller) == NULL) return fail(EBADF);
    TRACE("wait at %lld ms\n", (long long)(simulated_now_ns / 1000000));
    return wait_for_events(events, most, timeout);
}

int timerfd_create(int clock, int flags) {
    (void)clock, (void)flags;
    return open_descriptor(TIMER);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *before) {
    (void)flags, (void)before;
    descriptor *timer = simulated(fd);
    if (timer == NULL) return fail(EBADF);
    timer->expires_ns = when->it_value.tv_sec * 1000000000LL + when->it_value.tv_nsec;
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE) return real(clock, now);
    *now = (struct timespec){simulated_now_ns / 1000000000, simulated_now_ns % 1000000000};
    return 0;
}
