// What Linux offers for files that change and processes that end. Functions that can fail return a negated errno.
#pragma once
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <stdbool.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// The headers show these to those who ask for all GNU extensions only.
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
extern char **environ;

static inline int linux_errno(void) { return errno; }
static inline char *_Nullable *_Nonnull linux_environment(void) { return environ; }

// Both ends are closed in programs that are started.
static inline int linux_pipe(int ends[_Nonnull 2]) {
    if (pipe(ends) != 0) {
        return -errno;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    }
    return 0;
}

static inline void linux_set_nonblocking(int fd) { fcntl(fd, F_SETFL, O_NONBLOCK); }

// Opens a file that is read, and written at its end, by this user alone; it is made when it is missing.
static inline int open_journal(const char *path) {
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

// Whether the path still names the file that was opened.
static inline bool is_file_at(int fd, const char *path) {
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_dev == named.st_dev &&
        opened.st_ino == named.st_ino;
}
