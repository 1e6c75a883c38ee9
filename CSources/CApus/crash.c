#define _GNU_SOURCE
#include "capus_crash.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define SIGNAL_STACK_BYTES (64 * 1024)

static capus_worker_status *crash_status;
static timer_t last_moment;
static struct itimerspec grace;

// ---- Crashes ----

static int first_image(struct dl_phdr_info *info, size_t size, void *base) {
    (void)size;
    *(uint64_t *)base = info->dlpi_addr;
    return 1; // The executable comes first.
}

static uint64_t image_base(void) {
    uint64_t base = 0;
    dl_iterate_phdr(first_image, &base);
    return base;
}

static void crashed(int signal) {
    void *frames[CAPUS_BACKTRACE_DEPTH];
    int count = backtrace(frames, CAPUS_BACKTRACE_DEPTH);
    for (int i = 0; i < count; i++) {
        crash_status->frames[i] = (uint64_t)frames[i];
    }
    crash_status->frame_count = (uint64_t)count;
    raise(signal); // The handler is gone already: this ends the process as if it had never been there.
}

void capus_crash_watch(capus_worker_status *status) {
    crash_status = status;
    status->image_base = image_base();
    void *unused[1];
    backtrace(unused, 1); // Loads what it needs now: later there may be no memory to be had.
    stack_t stack = {.ss_sp = malloc(SIGNAL_STACK_BYTES), .ss_size = SIGNAL_STACK_BYTES};
    if (stack.ss_sp != NULL) {
        sigaltstack(&stack, NULL);
    }
    static const int signals[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction present, wanted;
        memset(&wanted, 0, sizeof wanted);
        wanted.sa_handler = crashed;
        wanted.sa_flags = SA_ONSTACK | SA_RESETHAND | SA_NODEFER;
        if (sigaction(signals[i], NULL, &present) == 0 && present.sa_handler == SIG_DFL) {
            sigaction(signals[i], &wanted, NULL);
        }
    }
}

bool capus_crash_frame(const capus_worker_status *status, int index, char *text, size_t capacity) {
    uint64_t own_base = image_base();
    Dl_info own, frame;
    // A return address stands behind the call, which may be the function's last instruction.
    void *address = (void *)(status->frames[index] - status->image_base + own_base - 1);
    if (dladdr((void *)capus_crash_frame, &own) == 0 || dladdr(address, &frame) == 0 ||
        frame.dli_fbase != own.dli_fbase) {
        return false;
    }
    if (frame.dli_sname == NULL) {
        snprintf(text, capacity, "+0x%llx", (unsigned long long)(status->frames[index] - status->image_base));
        return true;
    }
    char *(*demangle)(const char *, size_t, char *, size_t *, uint32_t) = dlsym(RTLD_DEFAULT, "swift_demangle");
    char *name = demangle == NULL ? NULL : demangle(frame.dli_sname, strlen(frame.dli_sname), NULL, NULL, 0);
    snprintf(text, capacity, "%s", name == NULL ? frame.dli_sname : name);
    free(name);
    return true;
}

// ---- The master's death ----

static void parent_died(int signal) {
    (void)signal;
    timer_settime(last_moment, 0, &grace, NULL);
}

bool capus_follow_parent(int parent, double seconds) {
    grace.it_value.tv_sec = (time_t)seconds;
    grace.it_value.tv_nsec = (long)((seconds - (double)grace.it_value.tv_sec) * 1e9) + 1;
    // The kernel ends the process then: a loop that does not come back needs nothing less.
    struct sigevent end = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = parent_died;
    action.sa_flags = SA_RESTART;
    if (timer_create(CLOCK_MONOTONIC, &end, &last_moment) == 0 && sigaction(SIGRTMIN, &action, NULL) == 0) {
        prctl(PR_SET_PDEATHSIG, SIGRTMIN);
    }
    return getppid() == parent;
}
