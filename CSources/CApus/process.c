#define _GNU_SOURCE
#include "capus_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIRST_INHERITED 3

// ---- Starting processes ----

static void reset_signals(void) {
    for (int number = 1; number < NSIG; number++) {
        signal(number, SIG_DFL); // Fails for SIGKILL and SIGSTOP, which need nothing.
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// Only async-signal-safe calls: this runs between fork and exec.
static void become(const char *path, char *const *arguments, char *const *environment, const int *descriptors,
                   int count) {
    // Copies above every target first, so that no target overwrites a source.
    int moved[64];
    for (int i = 0; i < count; i++) {
        moved[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, FIRST_INHERITED + count);
        if (moved[i] < 0) {
            return;
        }
    }
    for (int i = 0; i < count; i++) {
        if (dup2(moved[i], FIRST_INHERITED + i) < 0) {
            return;
        }
    }
    reset_signals();
    execve(path, arguments, environment);
}

int capus_spawn(const char *path, char *const *arguments, char *const *environment, const int *descriptors,
                int descriptor_count) {
    if (descriptor_count > 64) {
        return -E2BIG;
    }
    // The child reports a failed exec through a pipe that a successful one closes.
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) {
        return -errno;
    }
    pid_t pid = fork();
    if (pid == 0) {
        become(path, arguments, environment, descriptors, descriptor_count);
        int failure = errno;
        ssize_t ignored = write(report[1], &failure, sizeof failure);
        (void)ignored;
        _exit(127);
    }
    int failure = pid < 0 ? errno : 0;
    close(report[1]);
    if (pid > 0 && read(report[0], &failure, sizeof failure) == (ssize_t)sizeof failure) {
        waitpid(pid, NULL, 0);
    }
    close(report[0]);
    return failure != 0 ? -failure : pid;
}

// ---- Daemon mode ----

static int daemon_report = -1;

static int wait_for_report(int fd) {
    unsigned char status = 1;
    ssize_t count;
    do {
        count = read(fd, &status, 1);
    } while (count < 0 && errno == EINTR);
    return count == 1 ? status : 1;
}

int capus_daemonize(int *exit_status) {
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) {
        return -errno;
    }
    pid_t pid = fork();
    if (pid < 0) {
        return -errno;
    }
    if (pid > 0) {
        close(report[1]);
        waitpid(pid, NULL, 0);
        *exit_status = wait_for_report(report[0]);
        return 1;
    }
    close(report[0]);
    setsid();
    pid = fork(); // No session leader any more: no controlling terminal can be regained.
    if (pid != 0) {
        _exit(0);
    }
    umask(022);
    daemon_report = report[1];
    return 0;
}

void capus_daemon_ready(int exit_status) {
    if (daemon_report < 0) {
        return;
    }
    unsigned char status = (unsigned char)exit_status;
    ssize_t ignored = write(daemon_report, &status, 1);
    (void)ignored;
    close(daemon_report);
    daemon_report = -1;
}

int capus_redirect_output(const char *path) {
    int output = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (output < 0) {
        return -errno;
    }
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (input >= 0) {
        dup2(input, STDIN_FILENO);
        close(input);
    }
    fflush(stdout);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    close(output);
    return 0;
}

// ---- Signals and children ----

int capus_signals_open(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) {
        sigaddset(&set, signals[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int capus_signals_read(int fd, int *sender) {
    struct signalfd_siginfo info;
    ssize_t count = read(fd, &info, sizeof info);
    if (count != (ssize_t)sizeof info) {
        return 0;
    }
    *sender = (int)info.ssi_pid;
    return (int)info.ssi_signo;
}

int capus_reap(int *status) {
    pid_t pid = waitpid(-1, status, WNOHANG);
    return pid > 0 ? pid : 0;
}

int capus_wait_readable(const int *descriptors, bool *ready, int count, int timeout_ms) {
    struct pollfd queries[count > 0 ? count : 1];
    for (int i = 0; i < count; i++) {
        queries[i] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
    }
    int found = poll(queries, (nfds_t)count, timeout_ms);
    for (int i = 0; i < count; i++) {
        ready[i] = found > 0 && queries[i].revents != 0;
    }
    return found < 0 ? (errno == EINTR ? 0 : -errno) : found;
}

int capus_socket_pair(int *first, int *second) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        return -errno;
    }
    *first = pair[0];
    *second = pair[1];
    return 0;
}

int capus_eventfd_create(void) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void capus_eventfd_signal(int fd) { eventfd_write(fd, 1); }

void capus_eventfd_clear(int fd) {
    eventfd_t value;
    eventfd_read(fd, &value);
}

// ---- Title ----

static char *title_area;
static size_t title_capacity;

// glibc hands the original argument area to constructors; Swift's CommandLine may hold a copy.
__attribute__((constructor)) static void remember_title_area(int argc, char **argv, char **envp) {
    (void)envp;
    if (argc > 0) {
        title_area = argv[0];
        title_capacity = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);
    }
}

void capus_set_title(const char *title) {
    prctl(PR_SET_NAME, title);
    if (title_capacity == 0) {
        return;
    }
    size_t length = strlen(title);
    if (length > title_capacity) {
        length = title_capacity;
    }
    memcpy(title_area, title, length);
    memset(title_area + length, 0, title_capacity - length + 1);
}

// ---- Lock files ----

int capus_lock_file(const char *path, int mode) {
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, (mode_t)mode);
        if (fd < 0) {
            return -errno;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            int failure = errno;
            close(fd);
            return -failure;
        }
        // The holder before us may have removed the file between our open and our lock.
        struct stat held, named;
        if (fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino) {
            return fd;
        }
        close(fd);
    }
}

bool capus_is_locked(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return locked;
}

// ---- Facts ----

int capus_append_file(const char *path, const void *bytes, size_t count, int mode) {
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, (mode_t)mode);
    if (fd < 0) {
        return -errno;
    }
    ssize_t written = write(fd, bytes, count);
    int failure = written < 0 ? errno : 0;
    close(fd);
    return -failure;
}

int capus_replace_content(int fd, const void *bytes, size_t count) {
    if (ftruncate(fd, 0) != 0) {
        return -errno;
    }
    return pwrite(fd, bytes, count, 0) == (ssize_t)count ? 0 : -errno;
}

long capus_read_file(const char *path, void *bytes, size_t capacity) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t count = read(fd, bytes, capacity);
    int failure = errno;
    close(fd);
    return count < 0 ? -failure : count;
}

int capus_remove_file(const char *path) { return unlink(path) == 0 ? 0 : -errno; }

long capus_write(int fd, const void *bytes, size_t count) {
    ssize_t written;
    do {
        written = write(fd, bytes, count);
    } while (written < 0 && errno == EINTR);
    return written < 0 ? -errno : written;
}

long capus_read(int fd, void *bytes, size_t capacity) {
    ssize_t count;
    do {
        count = read(fd, bytes, capacity);
    } while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

int capus_process_id(void) { return getpid(); }

int capus_user_id(void) { return (int)geteuid(); }

int capus_send_signal(int pid, int signal) { return kill(pid, signal) == 0 ? 0 : -errno; }

int capus_process_watch(int pid) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : fd;
}

void capus_exit(int status) { exit(status); }

bool capus_is_terminal(int fd) { return isatty(fd) == 1; }

const char *capus_environment(const char *name) { return getenv(name); }

char *const *capus_environment_with(const char *name, const char *value) {
    setenv(name, value, 1);
    return environ;
}

void capus_unset_environment(const char *name) { unsetenv(name); }

void capus_load_average(double *averages) {
    if (getloadavg(averages, 3) != 3) {
        averages[0] = averages[1] = averages[2] = 0;
    }
}

void capus_system_name(char *text, size_t capacity) {
    struct utsname name;
    uname(&name);
    snprintf(text, capacity, "%s/%s", name.sysname, name.release);
}

int capus_last_error(void) { return errno; }

const char *capus_error_text(int code) { return strerror(code); }

void capus_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int64_t capus_monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void capus_local_time(int64_t unix_seconds, char *text, size_t capacity) {
    time_t seconds = (time_t)(unix_seconds == 0 ? time(NULL) : unix_seconds);
    struct tm parts;
    localtime_r(&seconds, &parts);
    strftime(text, capacity, "%Y-%m-%d %H:%M:%S", &parts);
}

void capus_http_date(char *text) {
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    snprintf(text, 30, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + parts.tm_wday * 3, parts.tm_mday,
             months + parts.tm_mon * 3, parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

int capus_executable_path(char *path, size_t capacity) {
    ssize_t length = readlink("/proc/self/exe", path, capacity - 1);
    if (length < 0) {
        return -errno;
    }
    path[length] = 0;
    static const char mark[] = " (deleted)";
    size_t mark_length = sizeof mark - 1;
    if ((size_t)length > mark_length && strcmp(path + length - mark_length, mark) == 0) {
        path[length - (ssize_t)mark_length] = 0;
    }
    return 0;
}

uint64_t capus_resident_bytes(int pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    unsigned long total = 0, resident = 0;
    int found = fscanf(file, "%lu %lu", &total, &resident);
    fclose(file);
    return found == 2 ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}
