/*
 * A client that is cheaper than any server, so that one core of it saturates one core of server.
 *
 *     client [-c CONNECTIONS] [-p DEPTH] [-d SECONDS | -n REQUESTS] [--path PATH | --echo text|frame]
 *            [--close] [--hold] [--stall SECONDS] HOST PORT
 *
 * It learns the length of the answer once, from a request of its own before the run, and then only counts
 * bytes. What it still checks: every batch of answers begins with "HTTP/1.1 200", and is exactly as long as
 * its answers are together. The `Date` field has a constant width, so a server's answers all have one length.
 *
 * --echo   messages of 64 bytes instead of HTTP, lines or frames, which the server sends back: then every batch must
 *          begin with the message
 * -p       requests sent at once on a connection; the next batch follows when all of them are answered
 * --close  a new connection for each request, read to its end
 * --hold   opens the connections, has one request answered on each, prints its line, and keeps them open
 *          until its standard input ends: for measuring what an idle connection costs
 * --stall  give up when nothing has come for so long (5)
 *
 * Prints one line of JSON. Exits with 1 when anything went wrong during the run, 2 when it could not begin.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "transport.h"

enum { BUFFER_SIZE = 256 * 1024, EVENTS = 256, PROBE_SIZE = 64 * 1024, WAIT_MILLISECONDS = 100 };

enum { ECHO_SIZE = 64 };

/* What every batch of answers begins with. */
static const char *expected = "HTTP/1.1 200";
static size_t expected_length = sizeof "HTTP/1.1 200" - 1;

static struct {
    unsigned connections, depth;
    double seconds; /* 0 when the run is bounded by `requests` */
    uint64_t requests;
    double stall;
    bool close, hold;
    const char *path, *host, *port;
    const char *echo; /* "text" or "frame"; NULL for HTTP */
} options = {.connections = 64, .depth = 1, .stall = 5, .path = "/"};

struct connection {
    int fd;
    bool wants_write; /* registered for EPOLLOUT */
    uint32_t pending; /* answers of the current batch */
    size_t sent;      /* bytes of the current batch's requests that are out */
    uint64_t got;     /* bytes of the current batch's answers that are in */
};

static struct sockaddr_storage address;
static socklen_t address_length;
static char *request_block; /* `depth` copies of the request */
static size_t request_length;
static uint64_t answer_length;
static char buffer[BUFFER_SIZE];
static int poller;
static unsigned active; /* connections with a batch under way */
static uint64_t started_requests, finished_requests, errors;
static bool stopping;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void give_up(const char *what) {
    fprintf(stderr, "client: %s:%s: %s\n", options.host, options.port, what);
    exit(2);
}

/* ---- before the run ---- */

static void resolve(void) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int status = getaddrinfo(options.host, options.port, &hints, &found);
    if (status) give_up(gai_strerror(status));
    memcpy(&address, found->ai_addr, found->ai_addrlen);
    address_length = found->ai_addrlen;
    freeaddrinfo(found);
}

static char *http_request(void) {
    char *request;
    int length = asprintf(&request,
                          "GET %s HTTP/1.1\r\n"
                          "Host: %s:%s\r\n"
                          "User-Agent: apus-bench\r\n"
                          "Accept: */*\r\n"
                          "%s\r\n",
                          options.path, options.host, options.port,
                          options.close ? "Connection: close\r\n" : "");
    if (length < 0) give_up("out of memory");
    request_length = (size_t)length;
    return request;
}

/* A message that is its own answer. */
static char *echo_request(void) {
    char *message = malloc(ECHO_SIZE);
    if (!message) give_up("out of memory");
    request_length = expected_length = ECHO_SIZE;
    memset(message, 'a', ECHO_SIZE);
    if (!strcmp(options.echo, "text")) {
        message[ECHO_SIZE - 1] = '\n';
    } else {
        uint32_t length = htonl(ECHO_SIZE);
        memcpy(message, &length, sizeof length);
    }
    return message;
}

static void prepare_requests(void) {
    char *request = options.echo ? echo_request() : http_request();
    request_block = malloc(options.depth * request_length);
    if (!request_block) give_up("out of memory");
    for (size_t copy = 0; copy < options.depth; copy++)
        memcpy(request_block + copy * request_length, request, request_length);
    if (options.echo) expected = request_block;
    free(request);
}

/* The length of the answer, or 0 when `text` does not hold the whole head yet. */
static uint64_t whole_length(const char *text) {
    if (options.echo) return request_length;
    const char *end = strstr(text, "\r\n\r\n");
    if (!end) return 0;
    if (strncmp(text, expected, expected_length)) {
        fprintf(stderr, "client: the server answers: %.*s\n", (int)strcspn(text, "\r\n"), text);
        exit(2);
    }
    const char *field = strcasestr(text, "\r\nContent-Length:");
    if (!field || field > end) give_up("the answer has no Content-Length");
    return (uint64_t)(end + 4 - text) + strtoull(field + strlen("\r\nContent-Length:"), NULL, 10);
}

/* One request on a new blocking connection. Returns the socket (still open), and the answer's length. */
static int ask_once(uint64_t *length) {
    static char text[PROBE_SIZE];
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) give_up(strerror(errno));
    struct timeval patience = {.tv_sec = (time_t)options.stall};
    patience.tv_usec = (suseconds_t)((options.stall - (double)patience.tv_sec) * 1e6);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, address_length) < 0) give_up(strerror(errno));
    transport_open(fd, false);
    if (transport_send(fd, request_block, request_length) < 0) give_up(strerror(errno));

    size_t got = 0;
    *length = 0;
    while (*length == 0 || got < *length) {
        /* A long body need not fit: once the head is known only the number of bytes matters. */
        size_t at = *length ? 0 : got;
        ssize_t count = transport_receive(fd, text + at, PROBE_SIZE - 1 - at);
        if (count < 0) give_up(errno == EAGAIN ? "no answer in time" : strerror(errno));
        if (count == 0) give_up("closed before the answer was complete, or its head is too long");
        got += (size_t)count;
        if (*length) continue;
        text[got] = 0;
        *length = whole_length(text);
    }
    if (got > *length) give_up("more bytes came than the answer's Content-Length says");
    return fd;
}

/* ---- during the run ---- */

static void retire(struct connection *connection) {
    active--;
    if (connection->fd >= 0) transport_close(connection->fd);
    connection->fd = -1;
}

/* A lost connection is not opened again: when all are lost the run is over. A dead server cannot hold us. */
static void lose(struct connection *connection) {
    errors++;
    retire(connection);
}

static void watch(struct connection *connection, int operation, bool wants_write) {
    struct epoll_event event = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0), .data.ptr = connection};
    epoll_ctl(poller, operation, connection->fd, &event);
    connection->wants_write = wants_write;
}

static void send_requests(struct connection *connection) {
    size_t length = connection->pending * request_length;
    while (connection->sent < length) {
        const char *rest = request_block + connection->sent;
        ssize_t sent = transport_send(connection->fd, rest, length - connection->sent);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) {
            if (!connection->wants_write) watch(connection, EPOLL_CTL_MOD, true);
            return;
        }
        if (sent < 0) {
            lose(connection);
            return;
        }
        connection->sent += (size_t)sent;
    }
    if (connection->wants_write) watch(connection, EPOLL_CTL_MOD, false);
}

static bool connect_one(struct connection *connection) {
    connection->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) return false;
    if (!options.close) {
        int on = 1;
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    int status = connect(connection->fd, (struct sockaddr *)&address, address_length);
    if (status < 0 && errno != EINPROGRESS) return false;
    transport_open(connection->fd, false);
    watch(connection, EPOLL_CTL_ADD, false);
    return true;
}

/* Begins the next batch, or retires the connection when there is nothing more to ask. */
static void begin_batch(struct connection *connection) {
    uint64_t left = options.requests ? options.requests - started_requests : options.depth;
    if (stopping || left == 0) {
        retire(connection);
        return;
    }
    connection->pending = (uint32_t)(left < options.depth ? left : options.depth);
    connection->sent = connection->got = 0;
    started_requests += connection->pending;
    if (connection->fd < 0 && !connect_one(connection)) {
        lose(connection);
        return;
    }
    send_requests(connection);
}

static bool begins_as_expected(const struct connection *connection, size_t count) {
    if (connection->got >= expected_length) return true;
    size_t left = expected_length - connection->got;
    return !memcmp(buffer, expected + connection->got, count < left ? count : left);
}

static void finish_batch(struct connection *connection) {
    finished_requests += connection->pending;
    if (options.close) {
        transport_close(connection->fd);
        connection->fd = -1;
    }
    begin_batch(connection);
}

static void on_readable(struct connection *connection) {
    uint64_t whole = connection->pending * answer_length;
    for (;;) {
        ssize_t count = transport_receive(connection->fd, buffer, BUFFER_SIZE);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return;
        bool ended = count == 0;
        if (ended && options.close && connection->got == whole) {
            finish_batch(connection);
            return;
        }
        bool sound = count > 0 && begins_as_expected(connection, (size_t)count);
        connection->got += sound ? (size_t)count : 0;
        if (!sound || connection->got > whole) {
            lose(connection);
            return;
        }
        if (options.close) continue; /* the end of the stream is mostly there already */
        if (connection->got == whole) {
            finish_batch(connection);
            return;
        }
        if (count < BUFFER_SIZE && !transport_has_more(connection->fd)) return;
    }
}

static void run(struct connection *connections) {
    active = options.connections;
    for (unsigned i = 0; i < options.connections; i++) {
        connections[i].fd = -1;
        begin_batch(&connections[i]);
    }
    struct epoll_event events[EVENTS];
    double start = now(), progress = start;
    uint64_t seen = 0;
    while (active > 0) {
        int ready = epoll_wait(poller, events, EVENTS, WAIT_MILLISECONDS);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) send_requests(connection);
            if (connection->fd >= 0 && events[i].events & ~EPOLLOUT) on_readable(connection);
        }
        double time = now();
        if (options.seconds > 0 && time - start >= options.seconds) stopping = true;
        if (finished_requests != seen) {
            seen = finished_requests;
            progress = time;
        } else if (time - progress > options.stall) {
            fprintf(stderr, "client: nothing came for %.1f s, %u connections wait\n", options.stall, active);
            errors += active;
            return;
        }
    }
}

static void report(double seconds, double cpu) {
    double rate = seconds > 0 ? (double)finished_requests / seconds : 0;
    double each = finished_requests ? cpu * 1e6 / (double)finished_requests : 0;
    printf("{\"requests\": %llu, \"errors\": %llu, \"seconds\": %.6f, \"requests_per_second\": %.1f, "
           "\"client_cpu_us_per_request\": %.4f}\n",
           (unsigned long long)finished_requests, (unsigned long long)errors, seconds, rate, each);
    fflush(stdout);
}

/* One after the other, so that no server's accept queue overflows and delays us by a retransmission. */
static void hold(void) {
    double start = now(), cpu = cpu_seconds();
    uint64_t length;
    for (unsigned i = 0; i < options.connections; i++) {
        ask_once(&length);
        finished_requests++;
    }
    report(now() - start, cpu_seconds() - cpu);
    while (read(STDIN_FILENO, buffer, BUFFER_SIZE) > 0) {
    }
}

/* ---- the command line ---- */

static void usage(void) {
    fprintf(stderr, "usage: client [-c CONNECTIONS] [-p DEPTH] [-d SECONDS | -n REQUESTS]\n"
                    "              [--path PATH | --echo text|frame] [--close] [--hold] [--stall SECONDS] HOST PORT\n");
    exit(2);
}

static unsigned long long positive(const char *text) {
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || value == 0 || value > 1000000000ULL) usage();
    return value;
}

static double positive_seconds(const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value > 0 && value < 86400)) usage();
    return value;
}

static void parse_options(int argc, char **argv) {
    static const struct option names[] = {{"path", required_argument, NULL, 'P'},
                                          {"echo", required_argument, NULL, 'E'},
                                          {"close", no_argument, NULL, 'C'},
                                          {"hold", no_argument, NULL, 'H'},
                                          {"stall", required_argument, NULL, 'S'},
                                          {"n", required_argument, NULL, 'n'},
                                          {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "c:p:d:n:", names, NULL)) != -1;) {
        switch (option) {
        case 'c': options.connections = (unsigned)positive(optarg); break;
        case 'p': options.depth = (unsigned)positive(optarg); break;
        case 'd': options.seconds = positive_seconds(optarg); break;
        case 'n': options.requests = positive(optarg); break;
        case 'P': options.path = optarg; break;
        case 'E': options.echo = optarg; break;
        case 'C': options.close = true; break;
        case 'H': options.hold = true; break;
        case 'S': options.stall = positive_seconds(optarg); break;
        default: usage();
        }
    }
    if (argc - optind != 2 || (options.seconds > 0 && options.requests)) usage();
    if (options.close && (options.depth > 1 || options.hold)) usage();
    bool knows_echo = !options.echo || !strcmp(options.echo, "text") || !strcmp(options.echo, "frame");
    if (!knows_echo || (options.echo && options.close)) usage();
    if (options.depth > 65536) usage();
    if (options.seconds == 0 && !options.requests) options.seconds = 1;
    options.host = argv[optind];
    options.port = argv[optind + 1];
}

static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    raise_descriptor_limit();
    transport_prepare(NULL, NULL);
    resolve();
    prepare_requests();
    if (options.hold) {
        hold();
        return 0;
    }
    transport_close(ask_once(&answer_length));
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct connection *connections = calloc(options.connections, sizeof *connections);
    if (poller < 0 || !connections) give_up(strerror(errno));

    double start = now(), cpu = cpu_seconds();
    run(connections);
    report(now() - start, cpu_seconds() - cpu);
    free(connections);
    return errors ? 1 : 0;
}
