#define _GNU_SOURCE
#include "capus_socket.h"

#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFER_ACCEPT_SECONDS 10
// Connections that may be under way with data in their first segment.
#define FAST_OPEN_QUEUE 256

typedef union any_address {
    struct sockaddr generic;
    any_ip_address ip;
    struct sockaddr_un local;
    struct sockaddr_storage storage;
} any_address;

static void set_option(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); }

bool capus_address_parse(const char *host, uint16_t port, capus_address *address) {
    memset(address, 0, sizeof *address);
    address->port = port;
    if (inet_pton(AF_INET, host, address->ip) == 1) {
        address->family = 4;
        return true;
    }
    if (inet_pton(AF_INET6, host, address->ip) == 1) {
        address->family = 6;
        return true;
    }
    return false;
}

void capus_address_format(const capus_address *address, char *text, size_t capacity) {
    text[0] = 0;
    if (address->family == 4 || address->family == 6) {
        inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->ip, text, (socklen_t)capacity);
    }
}

socklen_t capus_address_to_system(const capus_address *address, any_ip_address *system) {
    memset(system, 0, sizeof *system);
    if (address->family == 4) {
        system->v4.sin_family = AF_INET;
        system->v4.sin_port = htons(address->port);
        memcpy(&system->v4.sin_addr, address->ip, 4);
        return sizeof system->v4;
    }
    system->v6.sin6_family = AF_INET6;
    system->v6.sin6_port = htons(address->port);
    memcpy(&system->v6.sin6_addr, address->ip, 16);
    return sizeof system->v6;
}

void capus_address_from_system(const any_ip_address *system, capus_address *address) {
    memset(address, 0, sizeof *address);
    if (system->generic.sa_family == AF_INET) {
        address->family = 4;
        address->port = ntohs(system->v4.sin_port);
        memcpy(address->ip, &system->v4.sin_addr, 4);
    } else if (system->generic.sa_family == AF_INET6) {
        address->port = ntohs(system->v6.sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&system->v6.sin6_addr)) {
            address->family = 4;
            memcpy(address->ip, (const uint8_t *)&system->v6.sin6_addr + 12, 4);
        } else {
            address->family = 6;
            memcpy(address->ip, &system->v6.sin6_addr, 16);
        }
    } else if (system->generic.sa_family == AF_UNIX) {
        address->family = 1;
    }
}

static int fail(int fd) {
    int failure = errno;
    close(fd);
    return -failure;
}

static void configure(int fd, const capus_socket_options *options) {
    if (options->keep_alive_idle > 0) {
        set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, options->keep_alive_idle);
        set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, options->keep_alive_interval);
        set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, options->keep_alive_probes);
    }
    if (options->no_delay) {
        set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    }
    if (options->receive_buffer > 0) {
        set_option(fd, SOL_SOCKET, SO_RCVBUF, options->receive_buffer);
    }
    if (options->send_buffer > 0) {
        set_option(fd, SOL_SOCKET, SO_SNDBUF, options->send_buffer);
    }
}

static void configure_listener(int fd, const capus_listen_options *options) {
    configure(fd, &options->socket);
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (options->socket.fast_open) {
        set_option(fd, IPPROTO_TCP, TCP_FASTOPEN, FAST_OPEN_QUEUE);
    }
    if (options->reuse_port) {
        set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (options->defer_accept) {
        set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_ACCEPT_SECONDS);
    }
}

int capus_listen(const capus_address *address, capus_listen_options options) {
    any_address system;
    socklen_t length = capus_address_to_system(address, &system.ip);
    int fd = socket(system.generic.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    configure_listener(fd, &options);
    if (address->family == 6) {
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only);
    }
    if (bind(fd, &system.generic, length) != 0 || listen(fd, options.backlog) != 0) {
        return fail(fd);
    }
    return fd;
}

static bool unix_address(const char *path, any_address *system) {
    memset(system, 0, sizeof *system);
    if (strlen(path) >= sizeof system->local.sun_path) {
        return false;
    }
    system->local.sun_family = AF_UNIX;
    strcpy(system->local.sun_path, path);
    return true;
}

// A socket file that nobody answers on was left by a process that died.
static void remove_stale_socket(const any_address *system) {
    struct stat info;
    if (stat(system->local.sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) {
        return;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe >= 0 && connect(probe, &system->generic, sizeof system->local) != 0 && errno == ECONNREFUSED) {
        unlink(system->local.sun_path);
    }
    close(probe);
}

int capus_listen_unix(const char *path, int backlog, unsigned mode) {
    any_address system;
    if (!unix_address(path, &system)) {
        return -ENAMETOOLONG;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    remove_stale_socket(&system);
    mode_t previous = umask((mode_t)(~mode & 0777)); // The file must never be wider than `mode`, not even briefly.
    int bound = bind(fd, &system.generic, sizeof system.local);
    umask(previous);
    if (bound != 0 || listen(fd, backlog) != 0) {
        return fail(fd);
    }
    return fd;
}

int capus_accept(int listener, capus_address *peer) {
    any_address system;
    socklen_t length = sizeof system;
    int fd;
    do {
        fd = accept4(listener, &system.generic, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return -errno;
    }
    capus_address_from_system(&system.ip, peer);
    return fd;
}

static int start_connect(int fd, const any_address *system, socklen_t length, bool *pending) {
    *pending = false;
    if (connect(fd, &system->generic, length) != 0) {
        if (errno != EINPROGRESS) {
            return fail(fd);
        }
        *pending = true;
    }
    return fd;
}

int capus_connect_with(const capus_address *address, const capus_address *source, const capus_socket_options *options,
                       bool *pending) {
    any_address system;
    socklen_t length = capus_address_to_system(address, &system.ip);
    int fd = socket(system.generic.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    configure(fd, options);
    if (options->fast_open) {
        set_option(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    }
    if (source != NULL) {
        any_address local;
        socklen_t local_length = capus_address_to_system(source, &local.ip);
        // The port is chosen when the other end is known: it may then be in use towards another one.
        set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
        if (bind(fd, &local.generic, local_length) != 0) {
            return fail(fd);
        }
    }
    return start_connect(fd, &system, length, pending);
}

int capus_connect(const capus_address *address, bool *pending) {
    capus_socket_options options = {.no_delay = true};
    return capus_connect_with(address, NULL, &options, pending);
}

int capus_connect_unix(const char *path, bool *pending) {
    any_address system;
    if (!unix_address(path, &system)) {
        return -ENAMETOOLONG;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : start_connect(fd, &system, sizeof system.local, pending);
}

int capus_connect_result(int fd) {
    int failure = 0;
    socklen_t length = sizeof failure;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &length) == 0 ? failure : errno;
}

int capus_local_address(int fd, capus_address *address) {
    any_address system;
    socklen_t length = sizeof system;
    if (getsockname(fd, &system.generic, &length) != 0) {
        return errno;
    }
    capus_address_from_system(&system.ip, address);
    return 0;
}

bool capus_is_hung_up(int fd) {
    struct pollfd query = {.fd = fd, .events = 0};
    char byte;
    if (poll(&query, 1, 0) != 1 || (query.revents & (POLLHUP | POLLERR)) == 0) {
        return false;
    }
    // What a peer sent before it left is still to be read.
    return (query.revents & POLLERR) != 0 || recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

int capus_shutdown_write(int fd) { return shutdown(fd, SHUT_WR) == 0 ? 0 : errno; }

static long receive_with(int fd, void *bytes, size_t capacity, int flags) {
    ssize_t count;
    do {
        count = recv(fd, bytes, capacity, flags);
    } while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

long capus_receive(int fd, void *bytes, size_t capacity) { return receive_with(fd, bytes, capacity, 0); }

long capus_peek(int fd, void *bytes, size_t capacity) { return receive_with(fd, bytes, capacity, MSG_PEEK); }

static long send_with(int fd, const void *bytes, size_t count, int flags) {
    ssize_t sent;
    do {
        sent = send(fd, bytes, count, flags);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

long capus_send(int fd, const void *bytes, size_t count) { return send_with(fd, bytes, count, MSG_NOSIGNAL); }

long capus_send_last(int fd, const void *bytes, size_t count) {
    return send_with(fd, bytes, count, MSG_NOSIGNAL | MSG_MORE);
}

long capus_send2(int fd, const void *first, size_t first_count, const void *second, size_t second_count) {
    struct iovec pieces[2] = {{(void *)first, first_count}, {(void *)second, second_count}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    ssize_t sent;
    do {
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

void capus_close(int fd) { close(fd); }

// ---- Descriptors between processes ----

long capus_send_descriptor(int fd, const void *bytes, size_t count, int passed) {
    struct iovec piece = {(void *)bytes, count};
    control control;
    memset(&control, 0, sizeof control);
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (passed >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &passed, sizeof passed);
    }
    ssize_t sent;
    do {
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

long capus_receive_descriptor(int fd, void *bytes, size_t capacity, int *passed) {
    struct iovec piece = {bytes, capacity};
    control control;
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t count;
    do {
        count = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    } while (count < 0 && errno == EINTR);
    *passed = -1;
    if (count < 0) {
        return -errno;
    }
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_type == SCM_RIGHTS) {
        memcpy(passed, CMSG_DATA(header), sizeof *passed);
    }
    return count;
}

int capus_peer_process(int fd) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? (int)peer.pid : -errno;
}
