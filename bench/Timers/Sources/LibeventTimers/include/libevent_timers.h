#pragma once

#include <stddef.h>
#include <stdint.h>

// Nanoseconds for all timers together.
typedef struct {
    int64_t adding;
    int64_t cancelling;
} libevent_timers_cost;

// Adds a timer for each delay, in seconds, and cancels them in the given order of indices, with libevent's own timers
// and from a callback of its loop.
libevent_timers_cost libevent_timers_run(const double *delays, const uint32_t *order, size_t count);
