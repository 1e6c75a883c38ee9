/*
 * A client that keeps a UDP echo server busy: sockets of which each has a number of datagrams under way.
 *
 *     udpclient [-c SOCKETS] [-w WINDOW] [-s BYTES] [-d SECONDS] HOST PORT
 *
 * It sends and receives many datagrams with one system call, one by one for the kernel: nothing is joined, so a server
 * that joins has no better a client for it. What has not come back 0.2 s after the last answer on its socket is lost.
 *
 * Prints one line of JSON. Exits with 2 when it could not begin.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, MOST_SOCKETS = 1024, MOST_BYTES = 1472 };

struct peer {
    int fd;
    int missing; /* datagrams under way */
    double last; /* when one came back */
};

static struct peer peers[MOST_SOCKETS];
static struct mmsghdr outgoing[BATCH], incoming[BATCH];
static struct iovec out_bytes[BATCH], in_bytes[BATCH];
static char payload[MOST_BYTES], received[BATCH][MOST_BYTES];
static uint64_t echoed, lost, wrong;
static int window = 64, size = 64;

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

static void fill(struct peer *peer) {
    while (peer->missing < window) {
        int count = window - peer->missing < BATCH ? window - peer->missing : BATCH;
        int sent = sendmmsg(peer->fd, outgoing, (unsigned)count, 0);
        if (sent <= 0) {
            return;
        }
        peer->missing += sent;
    }
}

static void take(struct peer *peer, double time) {
    int count;
    do {
        count = recvmmsg(peer->fd, incoming, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < count; i++) {
            wrong += incoming[i].msg_len != (unsigned)size;
        }
        if (count > 0) {
            echoed += (uint64_t)count;
            peer->missing -= count;
            peer->last = time;
        }
    } while (count == BATCH);
}

static int open_socket(const struct sockaddr_in *server) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    int room = 1 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (fd < 0 || connect(fd, (const struct sockaddr *)server, sizeof *server) != 0) {
        perror("udpclient");
        exit(2);
    }
    return fd;
}

int main(int count, char **arguments) {
    int sockets = 4, option;
    double seconds = 1;
    while ((option = getopt(count, arguments, "c:w:s:d:")) != -1) {
        switch (option) {
        case 'c': sockets = atoi(optarg); break;
        case 'w': window = atoi(optarg); break;
        case 's': size = atoi(optarg); break;
        case 'd': seconds = atof(optarg); break;
        default: return 2;
        }
    }
    struct sockaddr_in server = {.sin_family = AF_INET};
    if (count - optind != 2 || sockets < 1 || sockets > MOST_SOCKETS || size < 0 || size > MOST_BYTES ||
        inet_pton(AF_INET, arguments[optind], &server.sin_addr) != 1) {
        fprintf(stderr, "usage: udpclient [-c SOCKETS] [-w WINDOW] [-s BYTES] [-d SECONDS] HOST PORT\n");
        return 2;
    }
    server.sin_port = htons((uint16_t)atoi(arguments[optind + 1]));
    for (int i = 0; i < BATCH; i++) {
        out_bytes[i] = (struct iovec){payload, (size_t)size};
        in_bytes[i] = (struct iovec){received[i], MOST_BYTES};
        outgoing[i].msg_hdr = (struct msghdr){.msg_iov = &out_bytes[i], .msg_iovlen = 1};
        incoming[i].msg_hdr = (struct msghdr){.msg_iov = &in_bytes[i], .msg_iovlen = 1};
    }
    int poller = epoll_create1(0);
    double start = now(), time = start, checked = start, cpu = cpu_seconds();
    for (int i = 0; i < sockets; i++) {
        peers[i] = (struct peer){.fd = open_socket(&server), .last = start};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &peers[i]};
        epoll_ctl(poller, EPOLL_CTL_ADD, peers[i].fd, &event);
        fill(&peers[i]);
    }
    while ((time = now()) - start < seconds) {
        struct epoll_event events[BATCH];
        int ready = epoll_wait(poller, events, BATCH, 20);
        for (int i = 0; i < ready; i++) {
            take(events[i].data.ptr, time);
            fill(events[i].data.ptr);
        }
        for (int i = 0; time - checked > 0.1 && i < sockets; i++) {
            if (time - peers[i].last > 0.2) {
                lost += (uint64_t)peers[i].missing;
                peers[i].missing = 0;
                fill(&peers[i]);
            }
        }
        checked = time - checked > 0.1 ? time : checked;
    }
    cpu = cpu_seconds() - cpu;
    printf("{\"echoed\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"wrong\": %" PRIu64
           ", \"seconds\": %.6f, \"datagrams_per_second\": %.0f, \"client_cpu_us_per_datagram\": %.4f}\n",
           echoed, lost, wrong, time - start, (double)echoed / (time - start),
           echoed > 0 ? cpu * 1e6 / (double)echoed : 0);
    return 0;
}
