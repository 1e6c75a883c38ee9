// Facts about the system and the users on it.
#ifndef CAPUS_SYSTEM_H
#define CAPUS_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The errno of the call made last, and its text.
int capus_last_error(void);
const char *_Nonnull capus_error_text(int code);

// One, five and fifteen minutes.
void capus_load_average(double *_Nonnull averages);
// "Linux/6.1.0" in at most `capacity` bytes.
void capus_system_name(char *_Nonnull text, size_t capacity);

void capus_raise_descriptor_limit(void);
int64_t capus_monotonic_ns(void);
// The same clock as it was some milliseconds ago, for a fifth of the time that it takes to read.
int64_t capus_coarse_ns(void);
// Nanoseconds since 1970-01-01 00:00 UTC.
int64_t capus_wall_ns(void);
// "YYYY-MM-DD HH:MM:SS" of the local time; at least 20 bytes.
void capus_local_time(int64_t unix_seconds, char *_Nonnull text, size_t capacity);
// RFC 9110 §5.6.7 IMF-fixdate of now: exactly 29 bytes and a NUL.
void capus_http_date(char *_Nonnull text);
// Where the running executable lies, without the mark of a deleted file.
int capus_executable_path(char *_Nonnull path, size_t capacity);
// Resident bytes of a process, 0 when it is gone.
uint64_t capus_resident_bytes(int pid);

// Columns and lines of a terminal, 0 when it is none.
int capus_terminal_width(int fd);
int capus_terminal_height(int fd);
// Threads of this process.
int capus_thread_count(void);
// How many descriptors a process may have open.
void capus_descriptor_limits(uint64_t *_Nonnull soft, uint64_t *_Nonnull hard);

// The ids of a user and of a group; -ENOENT when there is none of that name.
int capus_find_user(const char *_Nonnull name, uint32_t *_Nonnull user, uint32_t *_Nonnull group);
int capus_find_group(const char *_Nonnull name, uint32_t *_Nonnull group);
// The name of a user, or the number where there is none.
void capus_user_name(int user, char *_Nonnull text, size_t capacity);
// Becomes that user for good, with the groups it is a member of.
int capus_become_user(const char *_Nonnull name, uint32_t user, uint32_t group);

// The process that listens on a TCP port, as far as this user may see; 0 when it cannot be told.
int capus_port_owner(int port);

#endif
