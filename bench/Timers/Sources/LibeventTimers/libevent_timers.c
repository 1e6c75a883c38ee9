#include "libevent_timers.h"

#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    struct event_base *base;
    const double *delays;
    const uint32_t *order;
    size_t count;
    libevent_timers_cost cost;
} run;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void *checked(void *pointer) {
    if (pointer == NULL) {
        abort();
    }
    return pointer;
}

static void fired(int fd, short what, void *argument) {
    (void)fd, (void)what, (void)argument;
}

static void measure(int fd, short what, void *argument) {
    (void)fd, (void)what;
    run *run = argument;
    struct event **timers = checked(malloc(run->count * sizeof *timers));
    struct event **shuffled = checked(malloc(run->count * sizeof *shuffled));

    int64_t start = now();
    for (size_t i = 0; i < run->count; i++) {
        double delay = run->delays[i];
        struct timeval time = {.tv_sec = (time_t)delay, .tv_usec = (suseconds_t)((delay - (time_t)delay) * 1e6)};
        timers[i] = checked(evtimer_new(run->base, fired, NULL));
        if (evtimer_add(timers[i], &time) != 0) {
            abort();
        }
    }
    run->cost.adding = now() - start;

    for (size_t i = 0; i < run->count; i++) {
        shuffled[i] = timers[run->order[i]];
    }
    start = now();
    for (size_t i = 0; i < run->count; i++) {
        evtimer_del(shuffled[i]);
        event_free(shuffled[i]);
    }
    run->cost.cancelling = now() - start;
    free(timers);
    free(shuffled);
}

libevent_timers_cost libevent_timers_run(const double *delays, const uint32_t *order, size_t count) {
    run run = {.base = checked(event_base_new()), .delays = delays, .order = order, .count = count};
    struct timeval soon = {0, 0};
    if (event_base_once(run.base, -1, EV_TIMEOUT, measure, &run, &soon) != 0 || event_base_dispatch(run.base) < 0) {
        abort();
    }
    event_base_free(run.base);
    return run.cost;
}
