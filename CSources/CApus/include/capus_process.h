// Process primitives of the master and its workers. Functions that can fail return a negated errno.
#ifndef CAPUS_PROCESS_H
#define CAPUS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Starts `path` as a new process. `descriptors` become 3, 4, … in it; everything else the caller opened close-on-exec
// stays behind. The child starts with default signal handling and nothing blocked.
int capus_spawn(const char *_Nonnull path, char *_Nullable const *_Nonnull arguments,
                char *_Nullable const *_Nonnull environment, const int *_Nonnull descriptors, int descriptor_count);

// Replaces this process by `path`, with its descriptors that are marked as inherited. Returns only when that fails.
int capus_exec(const char *_Nonnull path, char *_Nullable const *_Nonnull arguments,
               char *_Nullable const *_Nonnull environment);
// Whether a descriptor outlives capus_exec.
void capus_set_inherited(int fd, bool inherited);
// A descriptor that stands for the running executable even when its file is replaced.
int capus_open_executable(void);

// Opens /dev/null as standard input, output and error as far as they are closed: nothing else may get their numbers.
void capus_fill_standard_descriptors(void);

// Detaches from the terminal (fork, setsid, fork). Returns 0 in the process that stays. In the process that was
// called it returns the exit status to leave with, once the other one has written it with capus_daemon_ready or died.
int capus_daemonize(int *_Nonnull exit_status);
// Tells the starting shell's process that the start is over, with its exit status.
void capus_daemon_ready(int exit_status);

// What capus_daemon_ready writes to, -1 once it has: for a program that takes this one's place.
int capus_daemon_report(void);
void capus_daemon_resume(int report);

// Points standard output and error at `output`, which is closed, and standard input at /dev/null.
void capus_redirect_output(int output);

// Blocks the signals and returns a descriptor they are read from.
int capus_signals_open(const int *_Nonnull signals, int count);
// The next signal and who sent it, or 0 when none waits.
int capus_signals_read(int fd, int *_Nonnull sender);

// A process that ended: its id and raw wait status; 0 when none did.
int capus_reap(int *_Nonnull status);

// Waits for descriptors to become readable; ready[i] tells which. Returns their number, 0 at the time-out.
int capus_wait_readable(const int *_Nonnull descriptors, bool *_Nonnull ready, int count, int timeout_ms);

// Two connected descriptors, close-on-exec and non-blocking, for a stream of bytes or for whole messages.
int capus_socket_pair(int *_Nonnull first, int *_Nonnull second, bool messages);
int capus_eventfd_create(void);
void capus_eventfd_signal(int fd);
void capus_eventfd_clear(int fd);

// What `ps` shows.
void capus_set_title(const char *_Nonnull title);

int capus_process_id(void);
int capus_user_id(void);
int capus_send_signal(int pid, int signal);
// A descriptor that becomes readable when the process ends, whoever has to reap it.
int capus_process_watch(int pid);
_Noreturn void capus_exit(int status);
bool capus_is_terminal(int fd);
const char *_Nullable capus_environment(const char *_Nonnull name);
// The environment with one variable set, for capus_spawn; valid until the next call.
char *_Nullable const *_Nonnull capus_environment_with(const char *_Nonnull name, const char *_Nonnull value);
void capus_unset_environment(const char *_Nonnull name);
enum {
    CAPUS_SIGHUP = 1,
    CAPUS_SIGINT = 2,
    CAPUS_SIGQUIT = 3,
    CAPUS_SIGKILL = 9,
    CAPUS_SIGUSR1 = 10,
    CAPUS_SIGUSR2 = 12,
    CAPUS_SIGTERM = 15,
    CAPUS_SIGCHLD = 17,
    CAPUS_SIGTSTP = 20,
};

// Tells the service manager (the address is that in NOTIFY_SOCKET) what state the service is in.
int capus_notify(const char *_Nonnull socket_path, const char *_Nonnull state);
// Makes a descriptor that was passed to this process its own; false when it is neither a listening
// stream socket nor one for datagrams.
bool capus_adopt_listener(int fd, bool *_Nonnull is_datagram);

#endif
