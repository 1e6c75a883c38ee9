// Addresses as the system has them, for the files that make system calls.
#ifndef CAPUS_ADDRESS_INTERNAL_H
#define CAPUS_ADDRESS_INTERNAL_H

#include "capus_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

typedef union any_ip_address {
    struct sockaddr generic;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} any_ip_address;

// What goes beside a message: one number, a descriptor for instance.
typedef union control {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr header;
} control;

// Returns the length that goes with it.
socklen_t capus_address_to_system(const capus_address *address, any_ip_address *system);
// IPv4 mapped into IPv6 becomes IPv4.
void capus_address_from_system(const any_ip_address *system, capus_address *address);

#endif
