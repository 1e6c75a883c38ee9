// A kernel of its own for programs under test: sockets, epoll, timers and the monotonic clock are simulated within the
// process, so that a run is told by its seed alone, and takes microseconds.
//
// A program that links this gets the simulated versions of the system's calls, the libraries that it uses, too. Peers
// are plans: what they say, how they read, how they end. In the first phase of a schedule all that a kernel may do is
// done at random: bytes come in pieces, calls do a part of their work or fail for now, events come in any order, some
// of them later. In the second phase the kernel behaves and peers do what is left of their plans. When nothing happens
// any more the control descriptor becomes readable.
#ifndef CSIMULATION_H
#define CSIMULATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct simulation_plan {
    // Of UDP, where only this and `listener` count: datagrams, each behind its length in two bytes.
    const uint8_t *_Nullable input;
    size_t input_count;
    // It resets the connection when it has said so many bytes; negative: never.
    int64_t resets_after;
    // It says FIN behind its input.
    bool finishes;
    // It closes with that, rather than to read on: what is sent to it afterwards is answered by a reset.
    bool leaves;
    // Of a hundred of its turns in the first phase, so many in which it reads; none: it does not read in the second
    // phase either.
    uint32_t reads;
    // What the kernel takes for it until it reads.
    uint32_t room;
    // What the kernel holds of its input until the program reads.
    uint32_t window;
    // It speaks TLS.
    bool secured;
    // The socket that it connects or sends to; of no use for the peers of outgoing connections.
    int listener;
    // Outgoing connections only: it is refused, at once or later.
    bool refuses;
} simulation_plan;

// What has become of a peer.
enum {
    // The program has accepted it, or is connected to it.
    SIMULATION_CONNECTED = 1,
    // The program has closed, or shut down its sending half, and the peer has read all before that.
    SIMULATION_HEARD_END = 2,
    // The program has reset the connection, by closing it with input unread or by what came for it afterwards.
    SIMULATION_WAS_RESET = 4,
    // A reset has cost the peer bytes that it had not read.
    SIMULATION_LOST = 8,
    // All of its input has reached the kernel.
    SIMULATION_SAID_ALL = 16,
    // It has reset the connection itself.
    SIMULATION_RESET = 32,
    // The kernel has dropped it before it was accepted.
    SIMULATION_DROPPED = 64,
};

// What peers of outgoing connections show that are secured: files in PEM. False if they cannot be used.
bool simulation_use_certificate(const char *_Nonnull certificate_file, const char *_Nonnull key_file);

// Begins a schedule: `steps` waits long. Descriptors that are open stay; the peers of the last one are forgotten.
void simulation_begin(uint64_t seed, uint32_t steps, bool jumps_in_time);
// A peer that connects to the listening socket at some time. Returns its number.
int simulation_add_client(const simulation_plan *_Nonnull plan);
// A peer that the next `connect` gets that has none yet.
int simulation_add_server(const simulation_plan *_Nonnull plan);

simulation_plan simulation_plan_of(int peer);
// The socket that began to listen, or was bound for UDP, last.
int simulation_last_listener(void);

// The bytes that a peer has read, in UDP as in its plan, and its flags.
const uint8_t *_Nonnull simulation_heard(int peer, size_t *_Nonnull count);
uint32_t simulation_state(int peer);
// Datagrams for a peer that the kernel did not take, runs that it did not want to cut not counted.
uint32_t simulation_refused(int peer);
// The peer that a datagram came from.
int simulation_peer_of_port(int port);
// The peer that is at the other end of a descriptor.
int simulation_peer(int fd);

// The descriptor that becomes readable when nothing happens any more; it is so until simulation_begin or
// simulation_go_on.
int simulation_control(void);
void simulation_go_on(void);
// Simulated descriptors that are open, the control descriptor, the poller and its timer among them.
int simulation_open_descriptors(void);
// Of the source of all chances of this schedule: less than `limit`.
uint32_t simulation_draw(uint32_t limit);
// Waits since the start of the program, and the seconds that went by in its clock.
uint64_t simulation_waits(void);
// Prints each call from now on.
void simulation_trace(bool on);

#endif
