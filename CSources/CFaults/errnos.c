// Makes one chosen call of the C core, or of libevent below it, fail with one chosen error: for programs under test, by
// LD_PRELOAD. See bench/Faults.
//
//     APUS_ERRNOS=FILE
//
// The file is a `control`, which all processes of the program map and the test writes: what fails can be changed while
// they run. Calls of the Swift runtime, of OpenSSL (but see `tls_malloc`) and of the C library itself never fail.
#define _GNU_SOURCE
#include "chance.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct control {
    char call[32];
    int32_t error;
    // Of a thousand calls, so many fail.
    uint32_t rate;
    // The call that fails, counted from 1; 0 for none.
    uint64_t nth;
    _Atomic uint64_t calls;
    _Atomic uint64_t struck;
    // Seconds that the clock of the day is off, for whoever asks.
    _Atomic int64_t clock_offset;
} control;

static control *chosen;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("APUS_ERRNOS");
    // By the kernel's own interface: those below are ours already.
    long fd = path == NULL ? -1 : syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    void *mapped = (void *)syscall(SYS_mmap, NULL, sizeof(control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
    if (mapped != MAP_FAILED) {
        chosen = mapped;
    }
    syscall(SYS_close, fd);
}

// ---- Who calls ----

typedef enum origin { ELSEWHERE, CORE, OPENSSL } origin;

typedef struct search {
    uintptr_t address;
    bool is_first;
    origin found;
} search;

static int look_into(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    search *wanted = context;
    bool is_program = wanted->is_first;
    wanted->is_first = false;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + part->p_vaddr;
        if (part->p_type != PT_LOAD || wanted->address < start || wanted->address >= start + part->p_memsz) {
            continue;
        }
        if (is_program || strstr(info->dlpi_name, "libevent")) {
            wanted->found = CORE;
        } else if (strstr(info->dlpi_name, "libcrypto") || strstr(info->dlpi_name, "libssl")) {
            wanted->found = OPENSSL;
        }
        return 1;
    }
    return 0;
}

static origin origin_of(const void *caller) {
    search wanted = {.address = (uintptr_t)caller, .is_first = true, .found = ELSEWHERE};
    dl_iterate_phdr(look_into, &wanted);
    return wanted.found;
}

// ---- Which call ----

static bool is_chosen(const char *name) {
    return chosen != NULL && (chosen->rate > 0 || chosen->nth > 0) && strcmp(chosen->call, name) == 0;
}

// Whether this call of the chosen ones fails.
static bool is_its_turn(void) {
    uint64_t number = atomic_fetch_add(&chosen->calls, 1) + 1;
    if (chosen->nth != number && draw(1000) >= chosen->rate) {
        return false;
    }
    atomic_fetch_add(&chosen->struck, 1);
    errno = chosen->error;
    return true;
}

static bool strikes(const char *name, const void *caller) {
    return is_chosen(name) && origin_of(caller) == CORE && is_its_turn();
}

#define CALLER __builtin_return_address(0)

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define FAILS(type, name, failure, parameters, arguments) \
    type name parameters { \
        REAL(name); \
        if (strikes(#name, CALLER)) return failure; \
        return real arguments; \
    }

// ---- Sockets ----

FAILS(int, accept4, -1, (int fd, struct sockaddr *address, socklen_t *length, int flags), (fd, address, length, flags))
FAILS(int, bind, -1, (int fd, const struct sockaddr *address, socklen_t length), (fd, address, length))
FAILS(int, connect, -1, (int fd, const struct sockaddr *address, socklen_t length), (fd, address, length))
FAILS(int, getsockname, -1, (int fd, struct sockaddr *address, socklen_t *length), (fd, address, length))
FAILS(int, getsockopt, -1, (int fd, int level, int name, void *value, socklen_t *length),
      (fd, level, name, value, length))
FAILS(int, listen, -1, (int fd, int backlog), (fd, backlog))
FAILS(ssize_t, recv, -1, (int fd, void *bytes, size_t count, int flags), (fd, bytes, count, flags))
FAILS(int, recvmmsg, -1, (int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *wait),
      (fd, messages, count, flags, wait))
FAILS(ssize_t, recvmsg, -1, (int fd, struct msghdr *message, int flags), (fd, message, flags))
FAILS(ssize_t, send, -1, (int fd, const void *bytes, size_t count, int flags), (fd, bytes, count, flags))
FAILS(ssize_t, sendfile, -1, (int to, int from, off_t *offset, size_t count), (to, from, offset, count))
FAILS(int, sendmmsg, -1, (int fd, struct mmsghdr *messages, unsigned count, int flags), (fd, messages, count, flags))
FAILS(ssize_t, sendmsg, -1, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
FAILS(ssize_t, sendto, -1,
      (int fd, const void *bytes, size_t count, int flags, const struct sockaddr *address, socklen_t length),
      (fd, bytes, count, flags, address, length))
FAILS(int, setsockopt, -1, (int fd, int level, int name, const void *value, socklen_t length),
      (fd, level, name, value, length))
FAILS(int, shutdown, -1, (int fd, int how), (fd, how))
FAILS(int, socket, -1, (int family, int type, int protocol), (family, type, protocol))
FAILS(int, socketpair, -1, (int family, int type, int protocol, int pair[2]), (family, type, protocol, pair))

// The error is what the call returns.
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    REAL(getaddrinfo);
    return strikes("getaddrinfo", CALLER) ? chosen->error : real(host, service, hints, found);
}

// ---- Waiting ----

FAILS(int, epoll_create1, -1, (int flags), (flags))
FAILS(int, epoll_wait, -1, (int fd, struct epoll_event *events, int count, int timeout), (fd, events, count, timeout))
FAILS(int, eventfd, -1, (unsigned value, int flags), (value, flags))
FAILS(int, eventfd_read, -1, (int fd, eventfd_t *value), (fd, value))
FAILS(int, eventfd_write, -1, (int fd, eventfd_t value), (fd, value))
FAILS(int, poll, -1, (struct pollfd *queries, nfds_t count, int timeout), (queries, count, timeout))
FAILS(int, signalfd, -1, (int fd, const sigset_t *set, int flags), (fd, set, flags))
FAILS(int, timerfd_create, -1, (clockid_t clock, int flags), (clock, flags))
FAILS(int, timerfd_settime, -1, (int fd, int flags, const struct itimerspec *when, struct itimerspec *before),
      (fd, flags, when, before))
FAILS(int, timer_create, -1, (clockid_t clock, struct sigevent *event, timer_t *timer), (clock, event, timer))

// The kernel needs nothing to forget a descriptor.
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
    REAL(epoll_ctl);
    if (operation != EPOLL_CTL_DEL && strikes("epoll_ctl", CALLER)) return -1;
    return real(epoll, operation, fd, event);
}

// ---- Descriptors ----

FAILS(int, dup2, -1, (int from, int to), (from, to))
FAILS(int, flock, -1, (int fd, int operation), (fd, operation))
FAILS(int, pipe2, -1, (int pair[2], int flags), (pair, flags))
FAILS(ssize_t, pread, -1, (int fd, void *bytes, size_t count, off_t offset), (fd, bytes, count, offset))
FAILS(ssize_t, pwrite, -1, (int fd, const void *bytes, size_t count, off_t offset), (fd, bytes, count, offset))
FAILS(ssize_t, pwritev2, -1, (int fd, const struct iovec *parts, int count, off_t offset, int flags),
      (fd, parts, count, offset, flags))
FAILS(ssize_t, read, -1, (int fd, void *bytes, size_t count), (fd, bytes, count))
FAILS(ssize_t, readv, -1, (int fd, const struct iovec *parts, int count), (fd, parts, count))
FAILS(ssize_t, write, -1, (int fd, const void *bytes, size_t count), (fd, bytes, count))
FAILS(ssize_t, writev, -1, (int fd, const struct iovec *parts, int count), (fd, parts, count))

// It is closed, whatever the call says.
int close(int fd) {
    REAL(close);
    int result = real(fd);
    return strikes("close", CALLER) ? -1 : result;
}

static bool is_of_locks(int command) {
    return command == F_OFD_SETLK || command == F_OFD_GETLK || command == F_SETLK || command == F_GETLK;
}

// Copies fail for want of descriptors, locks for other reasons, and the rest never.
int fcntl(int fd, int command, ...) {
    REAL(fcntl);
    va_list list;
    va_start(list, command);
    void *argument = va_arg(list, void *);
    va_end(list);
    bool copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    bool is_meant = chosen != NULL && (chosen->error == EMFILE ? copies : is_of_locks(command));
    if (is_meant && strikes("fcntl", CALLER)) return -1;
    return real(fd, command, argument);
}

int ioctl(int fd, unsigned long request, ...) {
    REAL(ioctl);
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    return strikes("ioctl", CALLER) ? -1 : real(fd, request, argument);
}

// ---- Files ----

FAILS(int, access, -1, (const char *path, int mode), (path, mode))
FAILS(int, fchmod, -1, (int fd, mode_t mode), (fd, mode))
FAILS(int, fchown, -1, (int fd, uid_t user, gid_t group), (fd, user, group))
FAILS(DIR *, fdopendir, NULL, (int fd), (fd))
FAILS(FILE *, fopen, NULL, (const char *path, const char *mode), (path, mode))
FAILS(int, fstat, -1, (int fd, struct stat *info), (fd, info))
FAILS(int, ftruncate, -1, (int fd, off_t size), (fd, size))
FAILS(char *, getcwd, NULL, (char *path, size_t size), (path, size))
FAILS(int, lchown, -1, (const char *path, uid_t user, gid_t group), (path, user, group))
FAILS(int, memfd_create, -1, (const char *name, unsigned flags), (name, flags))
FAILS(int, mkostemp, -1, (char *path, int flags), (path, flags))
FAILS(void *, mmap, MAP_FAILED, (void *address, size_t size, int protection, int flags, int fd, off_t offset),
      (address, size, protection, flags, fd, offset))
FAILS(DIR *, opendir, NULL, (const char *path), (path))
FAILS(ssize_t, readlink, -1, (const char *path, char *target, size_t size), (path, target, size))
FAILS(int, rename, -1, (const char *from, const char *to), (from, to))
FAILS(int, renameat2, -1, (int in, const char *from, int to_in, const char *to, unsigned flags),
      (in, from, to_in, to, flags))
FAILS(int, stat, -1, (const char *path, struct stat *info), (path, info))
FAILS(int, unlink, -1, (const char *path), (path))

int open(const char *path, int flags, ...) {
    REAL(open);
    va_list list;
    va_start(list, flags);
    mode_t mode = (mode_t)va_arg(list, int);
    va_end(list);
    return strikes("open", CALLER) ? -1 : real(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
    REAL(openat);
    va_list list;
    va_start(list, flags);
    mode_t mode = (mode_t)va_arg(list, int);
    va_end(list);
    return strikes("openat", CALLER) ? -1 : real(folder, path, flags, mode);
}

// Those that the C library has no function for: openat2, pidfd_open.
long syscall(long number, ...) {
    REAL(syscall);
    long list[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++) {
        list[i] = va_arg(arguments, long);
    }
    va_end(arguments);
    // Locks and threads of the Swift library, which is partly compiled into programs, do not fail.
    bool is_meant = number == SYS_openat2 || number == SYS_pidfd_open;
    if (is_meant && strikes("syscall", CALLER)) return -1;
    return real(number, list[0], list[1], list[2], list[3], list[4], list[5]);
}

// ---- Processes ----

FAILS(int, execve, -1, (const char *path, char *const *arguments, char *const *environment),
      (path, arguments, environment))
FAILS(pid_t, fork, -1, (void), ())
FAILS(int, initgroups, -1, (const char *user, gid_t group), (user, group))
FAILS(int, kill, -1, (pid_t pid, int number), (pid, number))
FAILS(pid_t, setsid, -1, (void), ())
FAILS(int, setgid, -1, (gid_t group), (group))
FAILS(int, setuid, -1, (uid_t user), (user))
FAILS(int, sigaltstack, -1, (const stack_t *stack, stack_t *before), (stack, before))
FAILS(pid_t, waitpid, -1, (pid_t pid, int *status, int options), (pid, status, options))

int getrlimit(__rlimit_resource_t resource, struct rlimit *limit) {
    REAL(getrlimit);
    return strikes("getrlimit", CALLER) ? -1 : real(resource, limit);
}

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit) {
    REAL(setrlimit);
    return strikes("setrlimit", CALLER) ? -1 : real(resource, limit);
}

int prctl(int option, ...) {
    REAL(prctl);
    unsigned long list[4];
    va_list arguments;
    va_start(arguments, option);
    for (int i = 0; i < 4; i++) {
        list[i] = va_arg(arguments, unsigned long);
    }
    va_end(arguments);
    return strikes("prctl", CALLER) ? -1 : real(option, list[0], list[1], list[2], list[3]);
}

// The error is what the call returns.
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *context) {
    REAL(pthread_create);
    return strikes("pthread_create", CALLER) ? chosen->error : real(thread, attributes, body, context);
}

// ---- The clock of the day ----

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME && chosen != NULL) {
        now->tv_sec += chosen->clock_offset;
    }
    return result;
}

time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now != NULL) {
        *now = exact.tv_sec;
    }
    return exact.tv_sec;
}

// ---- Memory ----
// `malloc`, `calloc` and `realloc` are those of the core and of libevent, `tls_malloc` is all of OpenSSL's.

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *bytes, size_t size);

static bool has_no_memory(const char *name, const void *caller) {
    if (chosen == NULL || (chosen->rate == 0 && chosen->nth == 0)) return false;
    bool is_openssl = strcmp(chosen->call, "tls_malloc") == 0;
    if (!is_openssl && strcmp(chosen->call, name) != 0) return false;
    return origin_of(caller) == (is_openssl ? OPENSSL : CORE) && is_its_turn();
}

void *malloc(size_t size) { return has_no_memory("malloc", CALLER) ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) { return has_no_memory("calloc", CALLER) ? NULL : __libc_calloc(count, size); }

void *realloc(void *bytes, size_t size) {
    return has_no_memory("realloc", CALLER) ? NULL : __libc_realloc(bytes, size);
}
