// Host names become addresses: getaddrinfo, which blocks, on threads of its own where a loop must not wait.
#ifndef CAPUS_RESOLVE_H
#define CAPUS_RESOLVE_H

#include "capus_socket.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct capus_resolver capus_resolver;

enum {
    // Addresses of one name that are looked at.
    CAPUS_RESOLVED_ADDRESSES = 16,
};

typedef struct capus_resolved {
    // What the question was started with.
    uint64_t id;
    // In the order of preference (RFC 6724), without ports.
    capus_address addresses[CAPUS_RESOLVED_ADDRESSES];
    int count;
    // Why there is none, in words.
    const char *_Nullable failure;
} capus_resolved;

// Waits for the address of a host that is preferred, without a port. Returns why there is none, in words, or NULL.
const char *_Nullable capus_resolve(const char *_Nonnull host, capus_address *_Nonnull address);

// Answers are announced on `eventfd`; NULL when memory is out.
capus_resolver *_Nullable capus_resolver_create(int eventfd);
// Asks for the addresses of a host, on a thread of its own; 0, or an errno.
int capus_resolver_start(capus_resolver *_Nonnull resolver, uint64_t id, const char *_Nonnull host);
// Takes one answer; false when there is none yet.
bool capus_resolver_take(capus_resolver *_Nonnull resolver, capus_resolved *_Nonnull answer);

#endif
