#define _GNU_SOURCE
#include "capus_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
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

int capus_exec(const char *path, char *const *arguments, char *const *environment) {
    execve(path, arguments, environment);
    return -errno;
}

void capus_set_inherited(int fd, bool inherited) {
    int flags = fcntl(fd, F_GETFD);
    if (flags >= 0) {
        fcntl(fd, F_SETFD, inherited ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC);
    }
}

int capus_open_executable(void) {
    int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void capus_fill_standard_descriptors(void) {
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd >= 0 && fd <= STDERR_FILENO) {
            capus_set_inherited(fd, true);
        }
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
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
    if (pid < 0) {
        perror("detach from the terminal");
    }
    if (pid != 0) {
        _exit(0);
    }
    umask(022 | umask(0)); // Never wider than it was.
    daemon_report = report[1];
    return 0;
}

int capus_daemon_report(void) { return daemon_report; }

void capus_daemon_resume(int report) { daemon_report = report; }

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

void capus_redirect_output(int output) {
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (input >= 0) {
        dup2(input, STDIN_FILENO);
        close(input);
    }
    fflush(stdout);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    close(output);
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
        if (count < 0 && errno != EAGAIN) {
            usleep(10000); // It stays readable, and whoever waits for it must not spin.
        }
        return 0;
    }
    *sender = (int)info.ssi_pid;
    return (int)info.ssi_signo;
}

int capus_reap(int *status) {
    pid_t pid;
    do {
        pid = waitpid(-1, status, WNOHANG);
    } while (pid < 0 && errno == EINTR);
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
    if (found < 0 && errno != EINTR) {
        usleep(10000); // Whoever asks again and again must not spin.
    }
    return found < 0 ? (errno == EINTR ? 0 : -errno) : found;
}

int capus_socket_pair(int *first, int *second, bool messages) {
    int pair[2];
    if (socketpair(AF_UNIX, (messages ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
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

// The strings of the environment stand behind those of the arguments. Moved elsewhere, they make room for a title
// longer than the command line was.
static char *end_of_environment(char *end, char **envp) {
    for (char **variable = envp; *variable != NULL; variable++) {
        if (*variable == end + 1) {
            end = *variable + strlen(*variable);
        }
    }
    for (char **variable = envp; *variable != NULL; variable++) {
        if (*variable > title_area && *variable <= end) {
            char *copy = strdup(*variable);
            if (copy == NULL) {
                return title_area;
            }
            *variable = copy;
        }
    }
    return end;
}

// glibc hands the original argument area to constructors; Swift's CommandLine may hold a copy.
__attribute__((constructor)) static void remember_title_area(int argc, char **argv, char **envp) {
    if (argc > 0) {
        title_area = argv[0];
        char *end = argv[argc - 1] + strlen(argv[argc - 1]);
        char *wider = end_of_environment(end, envp);
        title_capacity = (size_t)((wider > end ? wider : end) - title_area);
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

// ---- This process ----

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

// ---- The service manager ----

int capus_notify(const char *socket_path, const char *state) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(socket_path);
    if (length >= sizeof address.sun_path) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, socket_path, length);
    if (address.sun_path[0] == '@') {
        address.sun_path[0] = 0; // A name that stands in no folder.
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    int failure = sent < 0 ? errno : 0;
    close(fd);
    return -failure;
}

bool capus_adopt_listener(int fd, bool *is_datagram) {
    int type = 0;
    int is_listening = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) != 0) {
        return false;
    }
    *is_datagram = type == SOCK_DGRAM;
    if (!*is_datagram && (type != SOCK_STREAM || !is_listening)) {
        return false;
    }
    capus_set_inherited(fd, false);
    return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0;
}
