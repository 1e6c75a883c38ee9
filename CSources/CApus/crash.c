#define _GNU_SOURCE
#include "capus_crash.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SIGNAL_STACK_BYTES (64 * 1024)

static capus_worker_status *crash_status;
static struct sigaction earlier_handlers[NSIG];
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

static void crashed(int signal, siginfo_t *info, void *context) {
    void *frames[CAPUS_BACKTRACE_DEPTH + 1];
    int count = backtrace(frames, CAPUS_BACKTRACE_DEPTH + 1);
    for (int i = 1; i < count; i++) { // The first is this function.
        crash_status->frames[i - 1] = (uint64_t)frames[i];
    }
    crash_status->frame_count = count > 1 ? (uint64_t)count - 1 : 0;
    const struct sigaction *earlier = &earlier_handlers[signal];
    if (earlier->sa_flags & SA_SIGINFO) {
        earlier->sa_sigaction(signal, info, context);
    }
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
        struct sigaction wanted;
        memset(&wanted, 0, sizeof wanted);
        wanted.sa_sigaction = crashed;
        wanted.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER;
        sigaction(signals[i], &wanted, &earlier_handlers[signals[i]]);
    }
}

// ---- Names of frames ----

// The function that contains `offset`, in the symbol table of the running executable: that of the dynamic linker knows
// only what libraries may call.
static const char *function_at(const char *image, size_t size, uint64_t offset) {
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)image;
    const ElfW(Shdr) *sections = (const ElfW(Shdr) *)(image + header->e_shoff);
    if (size < sizeof *header || header->e_shoff + header->e_shnum * sizeof *sections > size) {
        return NULL;
    }
    for (int i = 0; i < header->e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB || sections[i].sh_offset + sections[i].sh_size > size) {
            continue;
        }
        const ElfW(Sym) *symbols = (const ElfW(Sym) *)(image + sections[i].sh_offset);
        const ElfW(Shdr) *names = &sections[sections[i].sh_link];
        for (size_t n = 0; n < sections[i].sh_size / sizeof *symbols; n++) {
            bool is_function = (symbols[n].st_info & 0xf) == STT_FUNC;
            if (is_function && offset >= symbols[n].st_value && offset < symbols[n].st_value + symbols[n].st_size &&
                names->sh_offset + symbols[n].st_name < size) {
                return image + names->sh_offset + symbols[n].st_name;
            }
        }
    }
    return NULL;
}

static void demangle(const char *symbol, char *text, size_t capacity) {
    char *(*swift)(const char *, size_t, char *, size_t *, uint32_t) = dlsym(RTLD_DEFAULT, "swift_demangle");
    char *name = swift == NULL ? NULL : swift(symbol, strlen(symbol), NULL, NULL, 0);
    snprintf(text, capacity, "%s", name == NULL ? symbol : name);
    free(name);
}

// Where the executable's code ends.
static int first_end(struct dl_phdr_info *info, size_t size, void *end) {
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_LOAD) {
            *(uint64_t *)end = info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        }
    }
    return 1;
}

bool capus_crash_frame(const capus_worker_status *status, int index, char *text, size_t capacity) {
    uint64_t end = 0;
    dl_iterate_phdr(first_end, &end);
    // A return address stands behind the call, which may be the function's last instruction.
    uint64_t offset = status->frames[index] - status->image_base - 1;
    if (offset >= end) {
        return false;
    }
    snprintf(text, capacity, "+0x%llx", (unsigned long long)offset);
    struct stat info;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        return true;
    }
    char *image = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (image == MAP_FAILED) {
        return true;
    }
    const char *symbol = function_at(image, (size_t)info.st_size, offset);
    if (symbol != NULL) {
        demangle(symbol, text, capacity);
    }
    munmap(image, (size_t)info.st_size);
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
