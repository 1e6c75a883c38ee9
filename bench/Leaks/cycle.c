/*
 * A client that opens connections only to end them again: connect, send, receive, close, so many times.
 *
 *     cycle [-c CONNECTIONS] ipv4|ipv6|unix|udp PLACE CYCLES
 *
 * PLACE is a port, or the path of a Unix socket; the server echoes lines. Built with -DTLS, it speaks HTTP over TLS
 * instead: one request on each connection.
 *
 * Every third connection is closed by us, every third is reset, and every third is half-closed after the request and
 * read to its end. Of those that are reset every other one does not wait for the answer.
 *
 * A closed connection keeps its port for a minute (TIME_WAIT), so those over IPv4 come from many addresses of
 * 127.0.0.0/8. Where ports run out all the same, it waits for one.
 *
 * Prints one line of JSON. Exits with 1 when a cycle went wrong, 2 when it could not begin.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../EndToEnd/transport.h"

enum { MAX_CONNECTIONS = 1024, ANSWER_ROOM = 1024, SOURCES = 1000, STALL_SECONDS = 10 };

enum ending { CLOSE, RESET, HALF_CLOSE, RESET_UNANSWERED };
static const enum ending endings[] = {CLOSE, RESET, HALF_CLOSE, CLOSE, RESET_UNANSWERED, HALF_CLOSE};

struct cycle {
    int fd; /* -1 between two cycles */
    enum ending ending;
    bool watched;
    size_t sent, got;
    char answer[ANSWER_ROOM];
};

#ifdef TLS
static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", answer_end[] = "Hello, World!";
#else
static const char request[] = "a line that comes back\n", answer_end[] = "a line that comes back\n";
#endif
enum { REQUEST_LENGTH = sizeof request - 1, ANSWER_END_LENGTH = sizeof answer_end - 1 };

static struct cycle cycles[MAX_CONNECTIONS];
static struct sockaddr_storage address;
static socklen_t address_length;
static int poller, socket_type = SOCK_STREAM;
static uint64_t wanted, begun, finished, waits, counts[4];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void fail(const char *what) {
    fprintf(stderr, "cycle: %s after %llu cycles\n", what, (unsigned long long)finished);
    exit(1);
}

static void watch(struct cycle *cycle, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = cycle};
    if (epoll_ctl(poller, cycle->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, cycle->fd, &event) < 0) fail("epoll_ctl");
    cycle->watched = true;
}

/* ---- the end of a cycle ---- */

static void end(struct cycle *cycle) {
    if (cycle->ending == RESET || cycle->ending == RESET_UNANSWERED) {
        struct linger at_once = {.l_onoff = 1};
        setsockopt(cycle->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        transport_abandon(cycle->fd);
    } else {
        transport_close(cycle->fd);
    }
    cycle->fd = -1;
    counts[cycle->ending]++;
    finished++;
}

/* ---- its beginning ---- */

/* False when there is no port, or no room at the server, right now. */
static bool connect_one(struct cycle *cycle) {
    cycle->fd = socket(address.ss_family, socket_type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (cycle->fd < 0) fail(strerror(errno));
    if (address.ss_family == AF_INET) {
        uint32_t place = (uint32_t)(begun % SOURCES);
        struct sockaddr_in source = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(0x7F010000 | (place / 250 << 8) | (place % 250 + 1))};
        int on = 1;
        setsockopt(cycle->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (bind(cycle->fd, (struct sockaddr *)&source, sizeof source) < 0) fail(strerror(errno));
    }
    if (connect(cycle->fd, (struct sockaddr *)&address, address_length) == 0 || errno == EINPROGRESS) return true;
    if (errno != EADDRNOTAVAIL && errno != EAGAIN) fail(strerror(errno));
    close(cycle->fd);
    cycle->fd = -1;
    waits++;
    return false;
}

static void send_request(struct cycle *cycle) {
    while (cycle->sent < REQUEST_LENGTH) {
        ssize_t count = transport_send(cycle->fd, request + cycle->sent, REQUEST_LENGTH - cycle->sent);
        if (count < 0 && errno == EAGAIN) {
            watch(cycle, transport_wants_input(cycle->fd) ? EPOLLIN : EPOLLOUT);
            return;
        }
        if (count < 0) fail(strerror(errno));
        cycle->sent += (size_t)count;
    }
    if (cycle->ending == RESET_UNANSWERED) {
        end(cycle);
        return;
    }
    watch(cycle, EPOLLIN);
    if (cycle->ending == HALF_CLOSE && socket_type == SOCK_STREAM) transport_finish(cycle->fd);
}

static bool begin(struct cycle *cycle) {
    if (!connect_one(cycle)) return false;
    cycle->ending = endings[begun++ % (sizeof endings / sizeof *endings)];
    cycle->watched = false;
    cycle->sent = cycle->got = 0;
    transport_open(cycle->fd, false);
    send_request(cycle);
    return true;
}

/* ---- the answer ---- */

static bool is_answered(const struct cycle *cycle) {
    return cycle->got >= ANSWER_END_LENGTH &&
           !memcmp(cycle->answer + cycle->got - ANSWER_END_LENGTH, answer_end, ANSWER_END_LENGTH);
}

static void receive_answer(struct cycle *cycle) {
    for (;;) {
        ssize_t count = transport_receive(cycle->fd, cycle->answer + cycle->got, ANSWER_ROOM - cycle->got);
        if (count < 0 && errno == EAGAIN) return;
        if (count < 0) fail(strerror(errno));
        if (count == 0 && !is_answered(cycle)) fail("a connection ended without its answer");
        cycle->got += (size_t)count;
        if (cycle->got == ANSWER_ROOM) fail("the answer is too long");
        bool must_end = cycle->ending == HALF_CLOSE && socket_type == SOCK_STREAM;
        if (count == 0 || (is_answered(cycle) && !must_end)) {
            end(cycle);
            return;
        }
    }
}

static void run(unsigned connections) {
    struct epoll_event events[MAX_CONNECTIONS];
    double progress = now();
    uint64_t seen = 0;
    while (finished < wanted) {
        bool has_room = true;
        for (unsigned i = 0; i < connections && has_room; i++)
            while (cycles[i].fd < 0 && begun < wanted && (has_room = begin(&cycles[i]))) continue;
        if (finished >= wanted) return;
        int ready = epoll_wait(poller, events, MAX_CONNECTIONS, has_room ? 100 : 1);
        for (int i = 0; i < ready; i++) {
            struct cycle *cycle = events[i].data.ptr;
            if (cycle->sent < REQUEST_LENGTH) send_request(cycle);
            else receive_answer(cycle);
        }
        double time = now();
        if (finished != seen) {
            seen = finished;
            progress = time;
        } else if (time - progress > STALL_SECONDS) {
            fail("nothing came for 10 s");
        }
    }
}

/* ---- the command line ---- */

static bool parse_place(const char *kind, const char *place) {
    int port = atoi(place);
    bool is_port = port > 0 && port < 65536;
    if (!strcmp(kind, "unix")) {
        struct sockaddr_un *path = (struct sockaddr_un *)&address;
        path->sun_family = AF_UNIX;
        address_length = sizeof *path;
        return snprintf(path->sun_path, sizeof path->sun_path, "%s", place) < (int)sizeof path->sun_path;
    }
    if (!strcmp(kind, "ipv6")) {
        struct sockaddr_in6 loopback = {
            .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        memcpy(&address, &loopback, address_length = sizeof loopback);
        return is_port;
    }
    struct sockaddr_in loopback = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memcpy(&address, &loopback, address_length = sizeof loopback);
    if (!strcmp(kind, "udp")) socket_type = SOCK_DGRAM;
    return is_port && (socket_type == SOCK_DGRAM || !strcmp(kind, "ipv4"));
}

int main(int argc, char **argv) {
    int connections = 64, option;
    while ((option = getopt(argc, argv, "c:")) == 'c') connections = atoi(optarg);
    wanted = argc - optind == 3 ? strtoull(argv[optind + 2], NULL, 10) : 0;
    if (option != -1 || wanted == 0 || connections < 1 || connections > MAX_CONNECTIONS ||
        !parse_place(argv[optind], argv[optind + 1])) {
        fprintf(stderr, "usage: %s [-c CONNECTIONS] ipv4|ipv6|unix|udp PLACE CYCLES\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets without MSG_NOSIGNAL */
    transport_prepare(NULL, NULL);
    poller = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < connections; i++) cycles[i].fd = -1;
    double start = now();
    run((unsigned)connections);
    double seconds = now() - start;
    printf("{\"cycles\": %llu, \"seconds\": %.3f, \"cycles_per_second\": %.0f, \"closed\": %llu, \"reset\": %llu, "
           "\"reset_unanswered\": %llu, \"half_closed\": %llu, \"waits\": %llu}\n",
           (unsigned long long)finished, seconds, (double)finished / seconds, (unsigned long long)counts[CLOSE],
           (unsigned long long)counts[RESET], (unsigned long long)counts[RESET_UNANSWERED],
           (unsigned long long)counts[HALF_CLOSE], (unsigned long long)waits);
    return 0;
}
