// Descriptors, peers, time, and what happens while the program waits.
#include "kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// In the second phase this much time passes before all is taken for over: time-outs have come by then.
#define REST_NS (12 * 1000000000LL)
// What a kernel that behaves takes and holds.
#define CALM_ROOM 65536
// Waits of one schedule that no sane program needs.
#define MOST_WAITS 200000

descriptor descriptors[DESCRIPTORS];
peer peers[PEERS];
int peer_count;
int last_listener = -1;
int64_t simulated_now_ns = 1000000000000;
bool is_chaos;
bool is_tracing;

static uint64_t state = 1;
static uint64_t seed;
static uint64_t waits, waits_of_schedule;
static uint32_t steps_left;
static bool jumps;
static int64_t rest_ns;
static int control_fd = -1;
static bool is_at_rest;

uint32_t simulation_draw(uint32_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return limit == 0 ? 0 : (uint32_t)((state * 0x2545F4914F6CDD1DULL) >> 33) % limit;
}

bool strikes(uint32_t percent) { return is_chaos && simulation_draw(100) < percent; }

void bytes_append(bytes *to, const void *from, size_t count) {
    if (count == 0) return;
    if (to->count + count > to->capacity) {
        to->capacity = (to->count + count) * 2;
        to->start = realloc(to->start, to->capacity);
        if (to->start == NULL) abort();
    }
    memcpy(to->start + to->count, from, count);
    to->count += count;
}

void bytes_drop(bytes *of, size_t count) {
    of->count -= count;
    if (of->count > 0) memmove(of->start, of->start + count, of->count);
}

// ---- Descriptors ----

descriptor *simulated(int fd) {
    if (fd < FIRST_DESCRIPTOR || fd >= FIRST_DESCRIPTOR + DESCRIPTORS) return NULL;
    descriptor *found = &descriptors[fd - FIRST_DESCRIPTOR];
    return found->kind == NOTHING ? NULL : found;
}

int open_descriptor(kind kind) {
    for (int index = 0; index < DESCRIPTORS; index++) {
        descriptor *free = &descriptors[index];
        if (free->kind != NOTHING) continue;
        bytes in = free->in, out = free->out;
        in.count = out.count = 0;
        *free = (descriptor){.kind = kind, .peer = -1, .in = in, .out = out};
        return FIRST_DESCRIPTOR + index;
    }
    errno = EMFILE;
    return -1;
}

// What the peer had not read and what never reached the program: a reset may cost both.
static void reset_peer(peer *peer, bytes *unread) {
    peer->state |= SIMULATION_WAS_RESET;
    if (unread->count == 0) return;
    size_t lost = simulation_draw((uint32_t)unread->count + 1);
    if (lost == 0) return;
    unread->count -= lost;
    peer->state |= SIMULATION_LOST;
}

void close_descriptor(int fd) {
    descriptor *closed = simulated(fd);
    TRACE("  close %d\n", fd);
    if (closed->kind == STREAM && closed->peer >= 0) {
        peer *peer = &peers[closed->peer];
        peer->fd = -1;
        peer->is_closed_by_program = true;
        if (closed->in.count > 0 && !closed->is_reset) reset_peer(peer, &closed->out);
        bytes_append(&peer->tail, closed->out.start, closed->out.count);
    }
    closed->kind = NOTHING;
}

int simulation_open_descriptors(void) {
    int count = 0;
    for (int index = 0; index < DESCRIPTORS; index++) count += descriptors[index].kind != NOTHING;
    return count;
}

// ---- Peers ----

static int add(const simulation_plan *plan, bool is_client) {
    if (peer_count == PEERS) abort();
    peer *added = &peers[peer_count];
    bytes heard = added->heard, tail = added->tail, wire = added->wire;
    heard.count = tail.count = wire.count = 0;
    *added = (peer){.plan = *plan, .is_client = is_client, .fd = -1, .heard = heard, .tail = tail, .wire = wire};
    if (plan->secured) session_begin(added);
    return peer_count++;
}

int simulation_add_client(const simulation_plan *plan) { return add(plan, true); }
int simulation_add_server(const simulation_plan *plan) { return add(plan, false); }

const uint8_t *simulation_heard(int number, size_t *count) {
    static const uint8_t none;
    *count = peers[number].heard.count;
    return *count == 0 ? &none : peers[number].heard.start;
}

simulation_plan simulation_plan_of(int number) { return peers[number].plan; }

int simulation_last_listener(void) { return last_listener; }

uint32_t simulation_state(int number) { return peers[number].state; }

int simulation_peer(int fd) {
    descriptor *found = simulated(fd);
    return found == NULL ? -1 : found->peer;
}

static bool is_over(const peer *peer) {
    return (peer->state & (SIMULATION_RESET | SIMULATION_WAS_RESET | SIMULATION_DROPPED)) != 0;
}

// A random part of `count`: one byte, a few, or all.
static size_t piece(size_t count) {
    if (!is_chaos || count <= 1) return count;
    switch (simulation_draw(4)) {
    case 0: return 1;
    case 1: return 1 + simulation_draw(count < 16 ? (uint32_t)count : 16);
    case 2: return 1 + simulation_draw((uint32_t)count);
    default: return count;
    }
}

static void reset_by_peer(peer *peer, descriptor *socket) {
    TRACE("peer %d resets\n", (int)(peer - peers));
    peer->state |= SIMULATION_RESET;
    if (socket != NULL) {
        socket->is_reset = true;
        socket->failure = ECONNRESET;
        socket->in.count = socket->out.count = 0;
    }
}

// Moves bytes to the program's socket; true when something has moved.
static bool deliver(peer *peer, descriptor *socket, const uint8_t *from, size_t count, size_t *moved) {
    size_t window = is_chaos ? peer->plan.window : CALM_ROOM;
    size_t room = window > socket->in.count ? window - socket->in.count : 0;
    size_t taken = piece(count < room ? count : room);
    bytes_append(&socket->in, from, taken);
    *moved += taken;
    return taken > 0;
}

static bool say_wire(peer *peer, descriptor *socket) {
    bool has_moved = false;
    size_t left = peer->wire.count - peer->wire_said;
    if (left > 0) has_moved = deliver(peer, socket, peer->wire.start + peer->wire_said, left, &peer->wire_said);
    return has_moved;
}

static bool say(peer *peer, descriptor *socket) {
    size_t left = peer->plan.input_count - peer->said;
    bool has_moved = false;
    if (peer->plan.resets_after >= 0) {
        size_t until = (size_t)peer->plan.resets_after;
        if (peer->said >= until) {
            reset_by_peer(peer, socket);
            return true;
        }
        if (until - peer->said < left) left = until - peer->said;
    }
    if (peer->plan.secured) {
        size_t part = piece(left);
        if (part > 0 && session_say(peer, peer->plan.input + peer->said, part)) {
            peer->said += part;
            has_moved = true;
        }
        has_moved |= say_wire(peer, socket);
    } else if (left > 0) {
        has_moved = deliver(peer, socket, peer->plan.input + peer->said, left, &peer->said);
    }
    if (peer->said == peer->plan.input_count && peer->wire_said == peer->wire.count) peer->state |= SIMULATION_SAID_ALL;
    return has_moved;
}

static bool finish(peer *peer, descriptor *socket) {
    bool is_all = (peer->state & SIMULATION_SAID_ALL) != 0;
    // A peer that has heard the end closes, too, once all is said.
    bool wants = peer->plan.finishes || (peer->state & SIMULATION_HEARD_END) != 0;
    if (peer->has_finished || !is_all || !wants) return false;
    if (peer->plan.secured) {
        size_t before = peer->wire.count;
        session_finish(peer);
        if (peer->wire.count > before) {
            peer->state &= ~(uint32_t)SIMULATION_SAID_ALL;
            say(peer, socket);
            return true;
        }
    }
    TRACE("peer %d finishes\n", (int)(peer - peers));
    peer->has_finished = true;
    socket->peer_finished = true;
    socket->peer_has_left = peer->plan.leaves;
    return true;
}

static bool hear(peer *peer, bytes *from) {
    size_t count = piece(from->count);
    if (count == 0) return false;
    if (peer->plan.secured) {
        session_hear(peer, from->start, count);
    } else {
        bytes_append(&peer->heard, from->start, count);
    }
    bytes_drop(from, count);
    return true;
}

// The program has closed its end: what it sent is still there, and what comes for it is answered by a reset.
static bool act_alone(peer *peer, bool reads) {
    bool has_moved = false;
    if (reads && !peer->plan.leaves) has_moved = hear(peer, &peer->tail);
    bool says_more = peer->said < peer->plan.input_count || peer->wire_said < peer->wire.count;
    if (says_more && !(peer->state & SIMULATION_HEARD_END)) {
        reset_peer(peer, &peer->tail);
        return true;
    }
    if (reads && peer->tail.count == 0 && !(peer->state & SIMULATION_HEARD_END)) {
        peer->state |= SIMULATION_HEARD_END;
        has_moved = true;
    }
    return has_moved;
}

static bool complete_connect(peer *peer, descriptor *socket) {
    if (!socket->is_connecting) return false;
    socket->is_connecting = false;
    if (socket->will_fail) {
        socket->failure = ECONNREFUSED;
        socket->is_reset = true;
        peer->state |= SIMULATION_DROPPED;
    } else {
        peer->state |= SIMULATION_CONNECTED;
    }
    return true;
}

// One turn of a peer; true when anything has changed.
static bool act(peer *peer) {
    descriptor *listener = simulated(peer->plan.listener);
    if (listener != NULL && listener->kind == DATAGRAMS) return datagrams_say(peer, listener);
    if (is_over(peer)) {
        // What it had received before the reset can still be read.
        bool reads = !is_chaos || simulation_draw(100) < peer->plan.reads;
        return peer->state & SIMULATION_WAS_RESET && reads && peer->plan.reads > 0 ? hear(peer, &peer->tail) : false;
    }
    bool reads = peer->plan.reads > 0 && (!is_chaos || simulation_draw(100) < peer->plan.reads);
    if (peer->is_closed_by_program) return act_alone(peer, reads);
    if (peer->fd < 0) {
        if (!peer->is_client || peer->is_pending) return false;
        peer->is_pending = true;
        return true;
    }
    descriptor *socket = simulated(peer->fd);
    if (socket->is_connecting) return complete_connect(peer, socket);
    if (socket->is_reset) return false;
    bool has_moved = false;
    if (socket->peer_has_left) {
        if (socket->out.count > 0) {
            reset_by_peer(peer, socket);
            return true;
        }
        return false;
    }
    if (!peer->has_finished) has_moved = say(peer, socket);
    if (is_over(peer)) return true;
    if (reads) has_moved |= hear(peer, &socket->out);
    if (reads && socket->is_shut && socket->out.count == 0 && !(peer->state & SIMULATION_HEARD_END)) {
        peer->state |= SIMULATION_HEARD_END;
        has_moved = true;
    }
    if (!is_chaos || simulation_draw(4) == 0) has_moved |= finish(peer, socket);
    return has_moved;
}

// ---- Waiting ----

int pending_client(int listener) {
    for (int index = 0; index < peer_count; index++) {
        if (peers[index].is_pending && peers[index].plan.listener == listener) return index;
    }
    return -1;
}

size_t room_of(const descriptor *of) { return is_chaos ? peers[of->peer].plan.room : CALM_ROOM; }

static uint32_t readiness(const descriptor *of) {
    switch (of->kind) {
    case LISTENER: return pending_client(FIRST_DESCRIPTOR + (int)(of - descriptors)) >= 0 ? EPOLLIN : 0;
    case TIMER: return of->expires_ns > 0 && of->expires_ns <= simulated_now_ns ? EPOLLIN : 0;
    case CONTROL: return is_at_rest ? EPOLLIN : 0;
    case DATAGRAMS: return of->in.count > 0 ? EPOLLIN & of->watch.events : 0;
    case STREAM: break;
    default: return 0;
    }
    if (of->is_connecting) return 0;
    uint32_t ready = 0;
    if (of->in.count > 0 || of->peer_finished || of->is_reset) ready |= EPOLLIN;
    if (of->is_reset || of->is_shut || of->out.count < room_of(of)) ready |= EPOLLOUT;
    if (of->is_reset || (of->is_shut && of->peer_finished)) ready |= EPOLLHUP;
    if (of->failure != 0) ready |= EPOLLERR;
    return ready & (of->watch.events | EPOLLHUP | EPOLLERR);
}

static int collect(struct epoll_event *events, int most) {
    int count = 0;
    // The kernel's order is nobody's business.
    uint32_t first = is_chaos ? simulation_draw(DESCRIPTORS) : 0;
    for (uint32_t offset = 0; offset < DESCRIPTORS && count < most; offset++) {
        descriptor *watched = &descriptors[(first + offset) % DESCRIPTORS];
        if (watched->kind == NOTHING || !watched->is_watched) continue;
        uint32_t ready = readiness(watched);
        if (ready == 0 || strikes(30)) continue;
        events[count].events = ready;
        events[count].data = watched->watch.data;
        count++;
        TRACE("  ready %d: %x\n", (int)(watched - descriptors) + FIRST_DESCRIPTOR, ready);
    }
    return count;
}

static bool anything_ready(void) {
    for (int index = 0; index < DESCRIPTORS; index++) {
        if (descriptors[index].kind != NOTHING && descriptors[index].is_watched && readiness(&descriptors[index]))
            return true;
    }
    return false;
}

static int64_t next_timer(void) {
    int64_t next = INT64_MAX;
    for (int index = 0; index < DESCRIPTORS; index++) {
        const descriptor *timer = &descriptors[index];
        if (timer->kind == TIMER && timer->expires_ns > 0 && timer->expires_ns < next) next = timer->expires_ns;
    }
    return next;
}

static void end_chaos(void) {
    if (!is_chaos) return;
    TRACE("-- calm\n");
    is_chaos = false;
    rest_ns = simulated_now_ns + REST_NS;
}

static bool let_peers_act(void) {
    bool has_changed = false;
    if (is_chaos) {
        for (uint32_t turns = simulation_draw(4); turns > 0 && peer_count > 0; turns--) {
            has_changed |= act(&peers[simulation_draw((uint32_t)peer_count)]);
        }
        return has_changed;
    }
    for (int index = 0; index < peer_count; index++) has_changed |= act(&peers[index]);
    return has_changed;
}

static void let_time_pass(void) {
    simulated_now_ns += simulation_draw(100000);
    if (is_chaos && jumps && simulation_draw(50) == 0) simulated_now_ns += simulation_draw(12000) * 1000000LL;
}

// Nothing is ready and no peer does anything: time passes to the next timer, or all is over.
static void pass_idle_time(void) {
    int64_t next = next_timer();
    if (next <= rest_ns) {
        simulated_now_ns = next > simulated_now_ns ? next : simulated_now_ns;
    } else {
        is_at_rest = true;
    }
}

int wait_for_events(struct epoll_event *events, int most, int timeout) {
    waits++;
    if (++waits_of_schedule > MOST_WAITS) {
        fprintf(stderr, "seed %llu: the program does not come to rest\n", (unsigned long long)seed);
        abort();
    }
    if (is_chaos && (steps_left == 0 || --steps_left == 0)) end_chaos();
    if (strikes(5)) {
        errno = EINTR;
        return -1;
    }
    for (;;) {
        let_time_pass();
        bool has_changed = let_peers_act();
        int count = collect(events, most);
        if (count > 0 || timeout == 0) return count;
        if (is_chaos) {
            if (steps_left == 0 || --steps_left == 0) end_chaos();
        } else if (!has_changed && !anything_ready()) {
            pass_idle_time();
        }
    }
}

// ---- Schedules ----

void simulation_begin(uint64_t new_seed, uint32_t steps, bool jumps_in_time) {
    for (int index = 0; index < peer_count; index++) session_end(&peers[index]);
    peer_count = 0;
    seed = new_seed;
    state = (new_seed + 1) * 0x9E3779B97F4A7C15ULL;
    for (int round = 0; round < 4; round++) simulation_draw(2);
    sessions_begin();
    waits_of_schedule = 0;
    steps_left = steps;
    jumps = jumps_in_time;
    is_chaos = true;
    is_at_rest = false;
}

void simulation_go_on(void) {
    is_at_rest = false;
    rest_ns = simulated_now_ns;
}

int simulation_control(void) {
    if (control_fd < 0) control_fd = open_descriptor(CONTROL);
    return control_fd;
}

uint64_t simulation_waits(void) { return waits; }

void simulation_trace(bool on) { is_tracing = on; }
