/*
 * A client of WebSocket servers that is cheaper than they are, so that one core of it saturates one core of server.
 *
 *     websocket-client [-c CONNECTIONS] [-p DEPTH] [-s BYTES] [-d SECONDS | -n ROUNDS] [--broadcast] [--binary]
 *                      [--stall SECONDS] PORT
 *
 * Connects to 127.0.0.1, opens a WebSocket on each connection, and prints {"ready": CONNECTIONS}. Then each line on its
 * standard input begins a turn, which ends with one line of JSON; the connections stay open between turns, so that
 * what the server spends in between is not counted. It ends when its input does.
 *
 * -p           messages sent at once on a connection; the next ones follow when all of them came back: a round
 * -s           bytes of a message, 1 to 65,535; text unless --binary
 * -n           rounds of each connection; a turn never starts more after ten minutes
 * --broadcast  one more connection sends DEPTH messages, which the server sends to all; the next ones follow when all
 *              connections have all of them
 * --stall      give up when nothing has come for so long (10)
 *
 * Every byte that comes is compared: heads of frames, which must be as short as they can be, and contents. Two blocks
 * of messages take turns, and the messages within a block differ: none can be lost, doubled or moved unseen.
 *
 * Exits with 1 when anything went wrong during a turn, 2 when it could not begin.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "websocket-frame.h"

enum { BUFFER_SIZE = 256 * 1024, EVENTS = 256, PROBE_SIZE = 4096, WAIT_MILLISECONDS = 100, BLOCKS = 2 };

static const double LONGEST_TURN = 600;
/* The example of RFC 6455, section 1.3. */
static const char KEY[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static struct {
    unsigned connections, depth, size;
    double seconds;
    uint64_t rounds; /* 0 when the turn is bounded by `seconds` */
    double stall;
    bool broadcast, binary;
    uint16_t port;
} options = {.connections = 64, .depth = 1, .size = 20, .seconds = 1, .stall = 10};

struct connection {
    int fd;
    bool wants_write; /* registered for EPOLLOUT */
    bool is_active;   /* answers of this round are missing */
    unsigned block;   /* of this round */
    uint64_t rounds;  /* begun in this turn */
    size_t sent;      /* bytes of this round's messages that are out */
    size_t got;       /* bytes of this round's answers that are in */
};

static struct block {
    uint8_t *request, *answer; /* DEPTH messages as they are sent, and as they come back */
    size_t request_length, answer_length;
} blocks[BLOCKS];

static struct connection *connections;
static unsigned connection_count; /* with the sender of broadcasts, which is the last one */
static uint8_t buffer[BUFFER_SIZE];
static int poller;
static unsigned active;
static uint64_t finished, errors; /* messages that came */
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
    fprintf(stderr, "websocket-client: port %u: %s\n", options.port, what);
    exit(2);
}

/* ---- before the turns ---- */

static void prepare_block(struct block *block, unsigned number) {
    size_t most = options.depth * ((size_t)options.size + FRAME_HEAD_MOST);
    block->request = malloc(most);
    block->answer = malloc(most);
    uint8_t *content = malloc(options.size);
    if (!block->request || !block->answer || !content) give_up("out of memory");
    uint8_t first = 0x80 | (options.binary ? OPCODE_BINARY : OPCODE_TEXT);
    for (unsigned i = 0; i < options.depth; i++) {
        for (unsigned j = 0; j < options.size; j++) content[j] = (uint8_t)('a' + (i + j + 13 * number) % 26);
        uint8_t mask[4];
        for (unsigned j = 0; j < sizeof mask; j++) mask[j] = (uint8_t)rand();

        uint8_t *at = block->request + block->request_length;
        size_t head = frame_head(at, first, options.size, true);
        memcpy(at + head, mask, sizeof mask);
        frame_mask(at + head + sizeof mask, content, options.size, mask);
        block->request_length += head + sizeof mask + options.size;

        at = block->answer + block->answer_length;
        head = frame_head(at, first, options.size, false);
        memcpy(at + head, content, options.size);
        block->answer_length += head + options.size;
    }
    free(content);
}

/* Reads the answer to the handshake byte for byte, so that no frame behind it is taken. */
static void read_answer(int fd) {
    static char text[PROBE_SIZE];
    size_t got = 0;
    do {
        ssize_t count = got + 1 < sizeof text ? recv(fd, text + got, 1, 0) : 0;
        if (count < 0) give_up(errno == EAGAIN ? "no answer to the handshake in time" : strerror(errno));
        if (count == 0) give_up("closed during the handshake, or its answer is too long");
        text[++got] = 0;
    } while (got < 4 || memcmp(text + got - 4, "\r\n\r\n", 4));
    if (strncmp(text, "HTTP/1.1 101 ", 13) || !strstr(text, ACCEPT)) {
        fprintf(stderr, "websocket-client: the server answers: %.*s\n", (int)strcspn(text, "\r\n"), text);
        exit(2);
    }
    if (strcasestr(text, "\r\nSec-WebSocket-Extensions:")) give_up("an extension that was not asked for");
}

static void watch(struct connection *connection, int operation, bool wants_write) {
    struct epoll_event event = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0), .data.ptr = connection};
    epoll_ctl(poller, operation, connection->fd, &event);
    connection->wants_write = wants_write;
}

/* One after the other, so that no server's accept queue overflows and delays us by a retransmission. */
static void open_one(struct connection *connection) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) give_up(strerror(errno));
    struct timeval patience = {.tv_sec = (time_t)options.stall + 1}, forever = {0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) give_up(strerror(errno));
    char request[512];
    int length = snprintf(request, sizeof request,
                          "GET / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
                          options.port, KEY);
    if (send(fd, request, (size_t)length, MSG_NOSIGNAL) != length) give_up(strerror(errno));
    read_answer(fd);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof forever);
    connection->fd = fd;
    watch(connection, EPOLL_CTL_ADD, false);
}

/* ---- during a turn ---- */

static void retire(struct connection *connection) {
    if (connection->is_active) active--;
    connection->is_active = false;
}

/* A lost connection is not opened again: a server that has died cannot hold us. */
static void lose(struct connection *connection) {
    errors++;
    retire(connection);
    close(connection->fd);
    connection->fd = -1;
}

static void send_messages(struct connection *connection) {
    const struct block *block = &blocks[connection->block];
    while (connection->sent < block->request_length) {
        ssize_t sent = send(connection->fd, block->request + connection->sent,
                            block->request_length - connection->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
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

static void begin_round(struct connection *connection, bool sends) {
    if (connection->fd < 0) return;
    if (!connection->is_active) active++;
    connection->is_active = true;
    connection->block ^= 1;
    connection->got = connection->sent = 0;
    connection->rounds++;
    if (sends) send_messages(connection);
}

static bool has_more_rounds(const struct connection *connection) {
    return !stopping && (options.rounds == 0 || connection->rounds < options.rounds);
}

static void begin_broadcast(void) {
    for (unsigned i = 0; i < connection_count; i++) begin_round(&connections[i], i == connection_count - 1);
}

static void finish_round(struct connection *connection) {
    finished += options.depth;
    if (!options.broadcast && has_more_rounds(connection)) {
        begin_round(connection, true);
        return;
    }
    retire(connection);
    /* A broadcast is over when everybody has it. */
    if (options.broadcast && active == 0 && errors == 0 && has_more_rounds(connection)) begin_broadcast();
}

static void on_readable(struct connection *connection) {
    ssize_t count = recv(connection->fd, buffer, BUFFER_SIZE, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const struct block *block = &blocks[connection->block];
    size_t left = block->answer_length - connection->got;
    if (count <= 0 || !connection->is_active || (size_t)count > left ||
        memcmp(buffer, block->answer + connection->got, (size_t)count)) {
        lose(connection);
        return;
    }
    connection->got += (size_t)count;
    if (connection->got == block->answer_length) finish_round(connection);
}

static void run_turn(void) {
    struct epoll_event events[EVENTS];
    double start = now(), progress = start, limit = options.rounds ? LONGEST_TURN : options.seconds;
    stopping = false;
    for (unsigned i = 0; i < connection_count; i++) connections[i].rounds = 0;
    if (options.broadcast) begin_broadcast();
    else
        for (unsigned i = 0; i < connection_count; i++) begin_round(&connections[i], true);
    while (active > 0) {
        int ready = epoll_wait(poller, events, EVENTS, WAIT_MILLISECONDS);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection->fd >= 0 && events[i].events & EPOLLOUT) send_messages(connection);
            if (connection->fd >= 0 && events[i].events & ~EPOLLOUT) on_readable(connection);
        }
        double time = now();
        if (time - start >= limit) stopping = true;
        if (ready > 0) {
            progress = time;
        } else if (time - progress > options.stall) {
            fprintf(stderr, "websocket-client: nothing came for %.1f s, %u connections wait\n", options.stall, active);
            errors += active;
            return;
        }
    }
}

static void report(double seconds, double cpu) {
    double rate = seconds > 0 ? (double)finished / seconds : 0;
    double each = finished ? cpu * 1e6 / (double)finished : 0;
    printf("{\"messages\": %llu, \"errors\": %llu, \"seconds\": %.6f, \"messages_per_second\": %.1f, "
           "\"client_cpu_us_per_message\": %.4f}\n",
           (unsigned long long)finished, (unsigned long long)errors, seconds, rate, each);
    fflush(stdout);
}

static void close_all(void) {
    for (unsigned i = 0; i < connection_count; i++) {
        static const uint8_t frame[] = {0x88, 0x82, 1, 2, 3, 4, 0x03 ^ 1, 0xE8 ^ 2}; /* 1000 */
        if (connections[i].fd < 0) continue;
        send(connections[i].fd, frame, sizeof frame, MSG_NOSIGNAL | MSG_DONTWAIT);
        close(connections[i].fd);
    }
}

/* ---- the command line ---- */

static void usage(void) {
    fprintf(stderr, "usage: websocket-client [-c CONNECTIONS] [-p DEPTH] [-s BYTES] [-d SECONDS | -n ROUNDS]\n"
                    "                        [--broadcast] [--binary] [--stall SECONDS] PORT\n");
    exit(2);
}

static unsigned positive(const char *text, unsigned most) {
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || value == 0 || value > most) usage();
    return (unsigned)value;
}

static double positive_seconds(const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value > 0 && value <= LONGEST_TURN)) usage();
    return value;
}

static void parse_options(int argc, char **argv) {
    static const struct option names[] = {{"broadcast", no_argument, NULL, 'B'},
                                          {"binary", no_argument, NULL, 'b'},
                                          {"stall", required_argument, NULL, 'S'},
                                          {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "c:p:s:d:n:", names, NULL)) >= 0) {
        switch (option) {
        case 'c': options.connections = positive(optarg, 50000); break;
        case 'p': options.depth = positive(optarg, 1024); break;
        case 's': options.size = positive(optarg, 65535); break;
        case 'd': options.seconds = positive_seconds(optarg); break;
        case 'n': options.rounds = positive(optarg, 1000000000); break;
        case 'B': options.broadcast = true; break;
        case 'b': options.binary = true; break;
        case 'S': options.stall = positive_seconds(optarg); break;
        default: usage();
        }
    }
    if (optind + 1 != argc) usage();
    options.port = (uint16_t)positive(argv[optind], 65535);
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) give_up(strerror(errno));

    for (unsigned i = 0; i < BLOCKS; i++) prepare_block(&blocks[i], i);
    connection_count = options.connections + (options.broadcast ? 1 : 0);
    connections = calloc(connection_count, sizeof *connections);
    if (!connections) give_up("out of memory");
    for (unsigned i = 0; i < connection_count; i++) open_one(&connections[i]);
    printf("{\"ready\": %u}\n", connection_count);
    fflush(stdout);

    char line[16];
    while (errors == 0 && fgets(line, sizeof line, stdin)) {
        finished = 0;
        double start = now(), cpu = cpu_seconds();
        run_turn();
        report(now() - start, cpu_seconds() - cpu);
    }
    close_all();
    return errors ? 1 : 0;
}
