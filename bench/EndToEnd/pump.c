/*
 * Both ends of a proxy: it listens where the proxy connects to, connects to where the proxy listens, and sends so
 * many bytes each way at once.
 *
 *     pump BYTES BACKEND_PORT PROXY_PORT
 *
 * Each direction carries a pattern of its own. Its period is a prime, so that no lost, doubled or exchanged block goes
 * unnoticed; every byte that comes is compared. An end that has sent and received everything closes its sending half,
 * and the other one must see that after exactly BYTES. It does not close it sooner, since nginx takes the end of one
 * direction for that of both. With one port for both there is no proxy between: what the pump itself costs.
 *
 * Prints one line of JSON. Exits with 1 when the bytes were not the right ones or did not come, 2 when it could not
 * begin.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PERIOD = 65521, BLOCK = 256 * 1024, STALL_MILLISECONDS = 20000 };

struct direction {
    char pattern[PERIOD + BLOCK]; /* from any place of the period a whole block follows */
    uint64_t sent, received;
    bool ended;
};

static struct direction there, back;
static char buffer[BLOCK];
static uint64_t total;

static void give_up(const char *what, int status) {
    fprintf(stderr, "pump: %s (%llu bytes there, %llu back)\n", what, (unsigned long long)there.received,
            (unsigned long long)back.received);
    exit(status);
}

static void prepare(struct direction *direction, uint32_t seed) {
    for (size_t i = 0; i < PERIOD; i++) {
        seed = seed * 1664525 + 1013904223;
        direction->pattern[i] = (char)(seed >> 24);
    }
    for (size_t i = PERIOD; i < sizeof direction->pattern; i++) direction->pattern[i] = direction->pattern[i - PERIOD];
}

static void send_some(int fd, struct direction *direction) {
    uint64_t left = total - direction->sent;
    size_t most = left < BLOCK ? (size_t)left : BLOCK;
    ssize_t count = send(fd, direction->pattern + direction->sent % PERIOD, most, MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0) give_up(strerror(errno), 1);
    direction->sent += (uint64_t)count;
}

static void receive_some(int fd, struct direction *direction) {
    ssize_t count = recv(fd, buffer, BLOCK, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0) give_up(strerror(errno), 1);
    if (count == 0) {
        if (direction->received != total) give_up("the stream ended too early", 1);
        direction->ended = true;
        return;
    }
    if (direction->received + (uint64_t)count > total) give_up("too many bytes came", 1);
    const char *right = direction->pattern + direction->received % PERIOD;
    if (memcmp(buffer, right, (size_t)count)) give_up("other bytes came", 1);
    direction->received += (uint64_t)count;
}

static struct pollfd interest(int fd, const struct direction *in, const struct direction *out) {
    short events = (short)((in->ended ? 0 : POLLIN) | (out->sent < total ? POLLOUT : 0));
    return (struct pollfd){.fd = events ? fd : -1, .events = events};
}

static void finish(int fd, const struct direction *in, const struct direction *out) {
    if (in->received == total && out->sent == total && !in->ended) shutdown(fd, SHUT_WR);
}

static void run(int client, int backend) {
    while (!there.ended || !back.ended) {
        finish(client, &back, &there);
        finish(backend, &there, &back);
        struct pollfd ends[] = {interest(client, &back, &there), interest(backend, &there, &back)};
        int ready = poll(ends, 2, STALL_MILLISECONDS);
        if (ready == 0) give_up("nothing came for 20 s", 1);
        if (ends[0].revents & POLLOUT) send_some(client, &there);
        if (ends[1].revents & POLLOUT) send_some(backend, &back);
        if (ends[0].revents & ~POLLOUT) receive_some(client, &back);
        if (ends[1].revents & ~POLLOUT) receive_some(backend, &there);
    }
}

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A connection from here to the proxy, and the one that the proxy opens for it. */
static void connect_ends(int backend_port, int proxy_port, int *client, int *backend) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = loopback(backend_port);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 16) < 0)
        give_up(strerror(errno), 2);
    *client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address = loopback(proxy_port);
    if (connect(*client, (struct sockaddr *)&address, sizeof address) < 0) give_up(strerror(errno), 2);
    fcntl(*client, F_SETFL, O_NONBLOCK);
    struct pollfd waiting = {.fd = listener, .events = POLLIN};
    if (poll(&waiting, 1, 5000) != 1) give_up("the proxy does not connect", 2);
    *backend = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (*backend < 0) give_up(strerror(errno), 2);
    close(listener);
}

static double seconds(const struct timeval *time) { return (double)time->tv_sec + (double)time->tv_usec * 1e-6; }

int main(int argc, char **argv) {
    total = argc == 4 ? strtoull(argv[1], NULL, 10) : 0;
    int backend_port = argc == 4 ? atoi(argv[2]) : 0, proxy_port = argc == 4 ? atoi(argv[3]) : 0;
    if (total == 0 || backend_port < 1 || backend_port > 65535 || proxy_port < 1 || proxy_port > 65535) {
        fprintf(stderr, "usage: %s BYTES BACKEND_PORT PROXY_PORT\n", argv[0]);
        return 2;
    }
    prepare(&there, 1);
    prepare(&back, 2);
    int client, backend;
    connect_ends(backend_port, proxy_port, &client, &backend);
    struct timespec start, end;
    struct rusage usage;
    clock_gettime(CLOCK_MONOTONIC, &start);
    run(client, backend);
    clock_gettime(CLOCK_MONOTONIC, &end);
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"bytes_each_way\": %llu, \"seconds\": %.6f, \"client_cpu_seconds\": %.6f}\n", (unsigned long long)total,
           (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) * 1e-9,
           seconds(&usage.ru_utime) + seconds(&usage.ru_stime));
    return 0;
}
