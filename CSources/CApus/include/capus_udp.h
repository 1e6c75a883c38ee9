// UDP: many datagrams in one system call, and runs of datagrams as one piece where the kernel can do that.
#ifndef CAPUS_UDP_H
#define CAPUS_UDP_H

#include "capus_socket.h"

enum {
    // Bytes that one datagram carries at most.
    CAPUS_UDP_MOST_BYTES = 65507,
    // Pieces that one call moves at most.
    CAPUS_UDP_BATCH = 64,
    // From one received piece to the next. Slots at multiples of a large power of two would share few cache lines.
    CAPUS_UDP_SLOT_BYTES = 65536 + 192,
    // Longer datagrams are not joined: where packets carry 1,500 bytes, as nearly everywhere, the kernel refuses it.
    CAPUS_UDP_LONGEST_SEGMENT = 1452,
    CAPUS_UDP_REFUSED = ECONNREFUSED,
};

// A datagram of `count` bytes or, if `segment` is not 0, a run of datagrams of `segment` bytes each, of which the last
// may be shorter.
typedef struct capus_datagrams {
    uint8_t *_Nonnull bytes;
    uint32_t count;
    uint32_t segment;
    // Of family 0 for what leaves over a connected socket.
    capus_address peer;
} capus_datagrams;

// A bound socket, or a connected one.
int capus_udp_bind(const capus_address *_Nonnull address, bool reuse_port);
int capus_udp_connect(const capus_address *_Nonnull address);
// Has runs of datagrams received as one piece; whether they can be sent as one.
bool capus_udp_join(int fd);

// Receives what is there, up to CAPUS_UDP_BATCH pieces, into `slots`, and returns how many, or a negated errno.
int capus_udp_receive(int fd, uint8_t *_Nonnull slots, capus_datagrams *_Nonnull pieces);
// Sends up to CAPUS_UDP_BATCH pieces, and returns how many, or a negated errno that concerns the first.
int capus_udp_send(int fd, const capus_datagrams *_Nonnull pieces, int count);
// Whether it is a run that was refused: by a device without checksums, or because its datagrams are too long for it.
bool capus_udp_refuses_runs(int failure);

#endif
