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

// Detaches from the terminal (fork, setsid, fork). Returns 0 in the process that stays. In the process that was
// called it returns the exit status to leave with, once the other one has written it with capus_daemon_ready or died.
int capus_daemonize(int *_Nonnull exit_status);
// Tells the starting shell's process that the start is over, with its exit status.
void capus_daemon_ready(int exit_status);

// Points standard input at /dev/null, and output and error at `path`, opened for appending.
int capus_redirect_output(const char *_Nonnull path);

// Blocks the signals and returns a descriptor they are read from.
int capus_signals_open(const int *_Nonnull signals, int count);
// The next signal and who sent it, or 0 when none waits.
int capus_signals_read(int fd, int *_Nonnull sender);

// A process that ended: its id and raw wait status; 0 when none did.
int capus_reap(int *_Nonnull status);

// Waits for descriptors to become readable; ready[i] tells which. Returns their number, 0 at the time-out.
int capus_wait_readable(const int *_Nonnull descriptors, bool *_Nonnull ready, int count, int timeout_ms);

// Two connected descriptors, close-on-exec and non-blocking.
int capus_socket_pair(int *_Nonnull first, int *_Nonnull second);
int capus_eventfd_create(void);
void capus_eventfd_signal(int fd);
void capus_eventfd_clear(int fd);

// What `ps` shows.
void capus_set_title(const char *_Nonnull title);

// Opens the file and takes its lock; -EWOULDBLOCK when another process holds it. The lock lasts as long as the
// descriptor.
int capus_lock_file(const char *_Nonnull path, int mode);
// Whether some process holds the lock.
bool capus_is_locked(const char *_Nonnull path);

// The errno of the call made last, and its text.
int capus_last_error(void);
const char *_Nonnull capus_error_text(int code);

// Appends to a file, creating it with `mode`; replaces a file's content.
int capus_append_file(const char *_Nonnull path, const void *_Nonnull bytes, size_t count, int mode);
int capus_replace_content(int fd, const void *_Nonnull bytes, size_t count);
// Reads at most `capacity` bytes of a file; the count or a negated errno.
long capus_read_file(const char *_Nonnull path, void *_Nonnull bytes, size_t capacity);
int capus_remove_file(const char *_Nonnull path);
// Writes to a descriptor whatever it is.
long capus_write(int fd, const void *_Nonnull bytes, size_t count);
long capus_read(int fd, void *_Nonnull bytes, size_t capacity);

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
// One, five and fifteen minutes.
void capus_load_average(double *_Nonnull averages);
// "Linux/6.1.0" in at most `capacity` bytes.
void capus_system_name(char *_Nonnull text, size_t capacity);

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

void capus_raise_descriptor_limit(void);
int64_t capus_monotonic_ns(void);
// "YYYY-MM-DD HH:MM:SS" of the local time; at least 20 bytes.
void capus_local_time(int64_t unix_seconds, char *_Nonnull text, size_t capacity);
// RFC 9110 §5.6.7 IMF-fixdate of now: exactly 29 bytes and a NUL.
void capus_http_date(char *_Nonnull text);
// Where the running executable lies, without the mark of a deleted file.
int capus_executable_path(char *_Nonnull path, size_t capacity);
// Resident bytes of a process, 0 when it is gone.
uint64_t capus_resident_bytes(int pid);

#endif
