#define _GNU_SOURCE
#include "capus_system.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

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

static int64_t read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t capus_monotonic_ns(void) { return read_clock(CLOCK_MONOTONIC); }

int64_t capus_coarse_ns(void) { return read_clock(CLOCK_MONOTONIC_COARSE); }

int64_t capus_wall_ns(void) { return read_clock(CLOCK_REALTIME); }

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

int capus_terminal_width(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int capus_terminal_height(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

int capus_thread_count(void) {
    DIR *folder = opendir("/proc/self/task");
    if (folder == NULL) {
        return 1;
    }
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(folder);
    return count;
}

void capus_descriptor_limits(uint64_t *soft, uint64_t *hard) {
    struct rlimit limit = {0, 0};
    getrlimit(RLIMIT_NOFILE, &limit);
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
}

// ---- Users ----

int capus_find_user(const char *name, uint32_t *user, uint32_t *group) {
    errno = 0;
    struct passwd *entry = getpwnam(name);
    if (entry == NULL) {
        return -(errno == 0 ? ENOENT : errno);
    }
    *user = entry->pw_uid;
    *group = entry->pw_gid;
    return 0;
}

int capus_find_group(const char *name, uint32_t *group) {
    errno = 0;
    struct group *entry = getgrnam(name);
    if (entry == NULL) {
        return -(errno == 0 ? ENOENT : errno);
    }
    *group = entry->gr_gid;
    return 0;
}

void capus_user_name(int user, char *text, size_t capacity) {
    struct passwd *entry = getpwuid((uid_t)user);
    if (entry == NULL) {
        snprintf(text, capacity, "%d", user);
    } else {
        snprintf(text, capacity, "%s", entry->pw_name);
    }
}

int capus_become_user(const char *name, uint32_t user, uint32_t group) {
    if (setgid(group) != 0 || initgroups(name, group) != 0 || setuid(user) != 0) {
        return -errno;
    }
    // A process that could take it back has not given it up.
    return user != 0 && setuid(0) == 0 ? -EPERM : 0;
}

// ---- Who has a port ----

// The inode of the socket that listens on `port`, looked up in one of the kernel's tables.
static unsigned long listening_inode(const char *table, unsigned port) {
    FILE *file = fopen(table, "re");
    if (file == NULL) {
        return 0;
    }
    char line[512];
    unsigned long found = 0;
    while (found == 0 && fgets(line, sizeof line, file) != NULL) {
        unsigned local = 0, state = 0;
        unsigned long inode = 0;
        int count = sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu", &local, &state,
                           &inode);
        if (count == 3 && local == port && state == 10) {
            found = inode;
        }
    }
    fclose(file);
    return found;
}

static bool has_descriptor(const char *process, const char *target) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/fd", process);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return false;
    }
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(folder)) != NULL;) {
        char link[64];
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, link, sizeof link - 1);
        if (length > 0) {
            link[length] = 0;
            found = strcmp(link, target) == 0;
        }
    }
    closedir(folder);
    return found;
}

int capus_port_owner(int port) {
    unsigned long inode = listening_inode("/proc/net/tcp", (unsigned)port);
    if (inode == 0) {
        inode = listening_inode("/proc/net/tcp6", (unsigned)port);
    }
    DIR *folder = inode == 0 ? NULL : opendir("/proc");
    if (folder == NULL) {
        return 0;
    }
    char target[64];
    snprintf(target, sizeof target, "socket:[%lu]", inode);
    int owner = 0;
    for (struct dirent *entry; owner == 0 && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && has_descriptor(entry->d_name, target)) {
            owner = atoi(entry->d_name);
        }
    }
    closedir(folder);
    return owner;
}
