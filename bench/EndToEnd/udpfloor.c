/*
 * The floor of UDP: an echo server as it is usually written, one recvfrom and one sendto for each datagram.
 *
 *     udpfloor PORT
 *
 * It receives until nothing is left, so that a wait is shared by all datagrams that are there.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

int main(int count, char **arguments) {
    static char bytes[65536];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    int poller = epoll_create1(0);
    int size = 4 << 20;
    struct epoll_event event = {.events = EPOLLIN};
    if (count != 2) {
        fprintf(stderr, "usage: udpfloor PORT\n");
        return 64;
    }
    address.sin_port = htons((uint16_t)atoi(arguments[1]));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) {
        perror("udpfloor");
        return 1;
    }
    for (;;) {
        if (epoll_wait(poller, &event, 1, -1) < 1) {
            continue;
        }
        for (;;) {
            struct sockaddr_in peer;
            socklen_t length = sizeof peer;
            ssize_t received = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&peer, &length);
            if (received < 0) {
                break;
            }
            sendto(fd, bytes, (size_t)received, 0, (struct sockaddr *)&peer, length);
        }
    }
}
