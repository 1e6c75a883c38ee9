#define _GNU_SOURCE
#include "capus_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define LOCK_TRIES 50

// Root does not follow a link that somebody else may have put in the place of a file. Devices are often links.
static int link_flags(const char *path) {
    return geteuid() == 0 && strncmp(path, "/dev/", 5) != 0 && strncmp(path, "/proc/", 6) != 0 ? O_NOFOLLOW : 0;
}

int capus_open_output(const char *path) {
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | link_flags(path), 0640);
    return fd < 0 ? -errno : fd;
}

// ---- Lock files ----
// Write locks of the open file: they outlive fork and exec, and only who may write the file can take one.

static int write_lock(int fd, int command, struct flock *lock) {
    *lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, command, lock);
}

int capus_lock_file(const char *path, int mode) {
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | link_flags(path), (mode_t)mode);
        if (fd < 0) {
            return -errno;
        }
        struct flock lock;
        if (write_lock(fd, F_OFD_SETLK, &lock) != 0) {
            int failure = errno == EACCES ? EAGAIN : errno;
            // A read lock is not ours: anybody who may read the file can take one. A new file is free of it.
            bool is_known = write_lock(fd, F_OFD_GETLK, &lock) == 0;
            close(fd);
            if (is_known && (lock.l_type == F_UNLCK || (lock.l_type == F_RDLCK && unlink(path) == 0))) {
                continue;
            }
            return -failure;
        }
        // The holder before us may have removed the file between our open and our lock.
        struct stat held, named;
        if (fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino) {
            return fd;
        }
        close(fd);
    }
    return -errno; // It cannot be looked at.
}

bool capus_is_locked(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    struct flock lock;
    bool locked = write_lock(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_WRLCK;
    close(fd);
    return locked;
}

// ---- The log ----

// Opens the file under its name and takes its lock for this line. A process that holds the lock for long must not hold
// up a server: after some milliseconds the line is written without it.
static int open_log(const char *path, int mode, bool *locked) {
    for (int tries = 0;; tries++) {
        int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | link_flags(path), (mode_t)mode);
        if (fd < 0 && (errno == EACCES || errno == EINVAL || errno == ESPIPE)) {
            fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | link_flags(path));
        }
        if (fd < 0) {
            return -errno;
        }
        struct stat held, named;
        if (fstat(fd, &held) != 0 || !S_ISREG(held.st_mode)) {
            return fd;
        }
        *locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
        if (*locked && tries < LOCK_TRIES && (stat(path, &named) != 0 || named.st_ino != held.st_ino)) {
            close(fd); // It was rotated in between.
        } else if (*locked || tries >= LOCK_TRIES) {
            return fd;
        } else {
            close(fd);
            usleep(200);
        }
    }
}

// Copies what stands behind `start`, from the next line on.
static int copy_lines(int from, int to, off_t start) {
    char block[65536];
    bool found = false;
    ssize_t count;
    while ((count = pread(from, block, sizeof block, start)) > 0) {
        start += count;
        char *text = block;
        if (!found) {
            char *end = memchr(block, '\n', (size_t)count);
            if (end == NULL) {
                continue;
            }
            found = true;
            count -= end + 1 - block;
            text = end + 1;
        }
        if (write(to, text, (size_t)count) != count) {
            return -1;
        }
    }
    return count < 0 ? -1 : 0;
}

// Keeps the newer half. When that cannot be written the file stays as it is.
static void halve(const char *path, int fd, const struct stat *info) {
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.tmp", path) >= (int)sizeof temporary) {
        return;
    }
    int half = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, info->st_mode & 0777);
    if (half < 0) {
        return;
    }
    int ignored = fchown(half, info->st_uid, info->st_gid);
    (void)ignored;
    if (copy_lines(fd, half, info->st_size / 2) != 0 || rename(temporary, path) != 0) {
        unlink(temporary);
    }
    close(half);
}

// Kept for the line that says that there are no descriptors left.
static int spare_descriptor = -1;

void capus_keep_spare_descriptor(void) { spare_descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC); }

int capus_append_file(const char *path, const void *bytes, size_t count, int mode, int64_t max_size) {
    bool locked = false;
    int fd = open_log(path, mode, &locked);
    bool used_spare = spare_descriptor >= 0 && (fd == -EMFILE || fd == -ENFILE);
    if (used_spare) {
        close(spare_descriptor);
        fd = open_log(path, mode, &locked);
    }
    if (fd < 0) {
        return fd;
    }
    ssize_t written = write(fd, bytes, count);
    int failure = written < 0 ? errno : written < (ssize_t)count ? ENOSPC : 0;
    struct stat info;
    if (locked && max_size > 0 && fstat(fd, &info) == 0 && info.st_size > max_size) {
        halve(path, fd, &info);
    }
    close(fd);
    if (used_spare) {
        capus_keep_spare_descriptor();
    }
    return -failure;
}

// ---- Files ----

int capus_change_owner(const char *path, uint32_t user, uint32_t group) {
    return lchown(path, user, group) == 0 ? 0 : -errno;
}

int capus_memory_file(const void *bytes, size_t count) {
    int fd = memfd_create("apus", MFD_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    for (size_t done = 0; done < count;) {
        ssize_t written = write(fd, (const char *)bytes + done, count - done);
        if (written < 0) {
            int failure = errno;
            close(fd);
            return -failure;
        }
        done += (size_t)written;
    }
    return fd;
}

long capus_file_size(int fd) {
    struct stat info;
    return fstat(fd, &info) == 0 ? (long)info.st_size : -errno;
}

int capus_open_at(int folder, const char *path, capus_links links, capus_file_facts *facts) {
    int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | (links == CAPUS_LINKS_NONE ? O_NOFOLLOW : 0);
    struct open_how how = {.flags = (uint64_t)flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = links == CAPUS_LINKS_BENEATH ? syscall(SYS_openat2, folder, path, &how, sizeof how)
                                           : openat(folder < 0 ? AT_FDCWD : folder, path, flags);
    if (fd < 0) {
        return -errno;
    }
    struct stat info = {0};
    if (fstat((int)fd, &info) != 0 || !(S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
        close((int)fd);
        return -ENOENT;
    }
    *facts = (capus_file_facts){info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                                info.st_dev,  info.st_ino,         S_ISDIR(info.st_mode)};
    return (int)fd;
}

int capus_list_folder(int fd, void *context, void (*found)(void *context, const char *name)) {
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        int failure = errno;
        close(fd);
        return -failure;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        found(context, entry->d_name);
    }
    return closedir(folder) != 0 ? -errno : 0;
}

long capus_send_file(int socket, int file, int64_t offset, size_t count) {
    off_t position = offset;
    ssize_t sent;
    do {
        sent = sendfile(socket, file, &position, count);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

long capus_read_at(int fd, void *bytes, size_t capacity, long offset) {
    ssize_t count = pread(fd, bytes, capacity, offset);
    return count < 0 ? -errno : count;
}

int capus_file_owner(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? (int)info.st_uid : -errno;
}

bool capus_same_file(const char *first, const char *second) {
    struct stat a, b;
    return stat(first, &a) == 0 && stat(second, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

bool capus_is_writable_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode) && access(path, W_OK | X_OK) == 0;
}

int capus_working_folder(char *path, size_t capacity) { return getcwd(path, capacity) == NULL ? -errno : 0; }

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
    long count = capus_read(fd, bytes, capacity);
    close(fd);
    return count;
}

int capus_create_temporary(char *path) {
    int fd = mkostemp(path, O_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

int capus_set_mode(int fd, unsigned mode) { return fchmod(fd, (mode_t)mode) == 0 ? 0 : -errno; }

void *capus_map_file(int fd, size_t count, bool is_writable) {
    void *bytes = mmap(NULL, count, is_writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    return bytes == MAP_FAILED ? NULL : bytes;
}

void capus_unmap_file(const void *bytes, size_t count) { munmap((void *)(uintptr_t)bytes, count); }

int capus_rename_file(const char *from, const char *to) { return rename(from, to) == 0 ? 0 : -errno; }

int capus_exchange_files(const char *first, const char *second) {
    return renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE) == 0 ? 0 : -errno;
}

int capus_remove_file(const char *path) { return unlink(path) == 0 ? 0 : -errno; }

// Where the system cannot say, writing does.
bool capus_has_room(int fd) { return poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 0) != 0; }

long capus_write(int fd, const void *bytes, size_t count) {
    ssize_t written;
    do {
        written = write(fd, bytes, count);
    } while (written < 0 && errno == EINTR);
    return written < 0 ? -errno : written;
}

// For what the kernel writes to without waiting only where it was opened so, terminals and, before Linux 6.4, pipes.
static long write_anew(int fd, const void *bytes, size_t count, bool is_terminal) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own < 0) {
        return capus_has_room(fd) ? capus_write(fd, bytes, count) : -EAGAIN;
    }
    long written = capus_write(own, bytes, count);
    // A terminal has no room, too, while another process writes to it.
    for (int i = 0; i < 50 && written == -EAGAIN && is_terminal; i++) {
        sched_yield();
        written = capus_write(own, bytes, count);
    }
    close(own);
    return written;
}

long capus_write_now(int fd, const void *bytes, size_t count) {
    struct stat facts;
    if (fstat(fd, &facts) != 0) {
        return -errno;
    }
    // A file takes what it gets, though some would have that done by somebody who waits: XFS, btrfs.
    if (S_ISREG(facts.st_mode)) {
        return capus_write(fd, bytes, count);
    }
    if (S_ISSOCK(facts.st_mode)) {
        ssize_t sent = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
        return sent < 0 ? -errno : sent;
    }
    const struct iovec piece = {(void *)(uintptr_t)bytes, count};
    ssize_t written = pwritev2(fd, &piece, 1, -1, RWF_NOWAIT);
    if (written >= 0) {
        return written;
    }
    return errno == EAGAIN ? -EAGAIN : write_anew(fd, bytes, count, S_ISCHR(facts.st_mode));
}

long capus_read(int fd, void *bytes, size_t capacity) {
    ssize_t count;
    do {
        count = read(fd, bytes, capacity);
    } while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

