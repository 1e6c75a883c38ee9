// Connects and resets, at a steady pace: resets PORT RATE SECONDS. Every other connection asks before.
//
// Prints how many it began, how many were established when they were reset, and the seconds that it took.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/// 1: reset when it was established; 0: given up before; -1: it could not even begin.
static int connect_and_reset(int port, int number) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    // Several addresses: to choose among the ports of one takes long when many of them are in use.
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000101 + number % 64)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0) {
        close(fd);
        return -1;
    }
    // Over loopback a connection is established before this returns, unless the server's queue is full.
    int started = connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS;
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    int established = started && getpeername(fd, (struct sockaddr *)&peer, &length) == 0;
    if (established && number % 2) established = send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0;
    close(fd);
    return started ? established : -1;
}

int main(int count, char **arguments) {
    if (count != 4) return 64;
    int port = atoi(arguments[1]);
    double rate = atof(arguments[2]), seconds = atof(arguments[3]), began = now();
    int total = rate * seconds, begun = 0, established = 0;
    // Late is late: all of them are made, and the time says how fast that was.
    while (begun < total && now() - began < 10 * seconds) {
        int due = (now() - began) * rate;
        for (; begun < due && begun < total; begun++) {
            int outcome = connect_and_reset(port, begun);
            if (outcome < 0) {
                perror("resets");
                return 1;
            }
            established += outcome;
        }
        usleep(1000);
    }
    printf("%d %d %.2f\n", begun, established, now() - began);
    return 0;
}
