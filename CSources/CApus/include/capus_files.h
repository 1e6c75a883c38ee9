// Files of a service: its lock, its log, what its processes hand to each other. Functions that can fail return a
// negated errno.
#ifndef CAPUS_FILES_H
#define CAPUS_FILES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CAPUS_INVALID_ARGUMENT = EINVAL, CAPUS_NO_SUCH_FILE = ENOENT };

// Opens the file and takes its lock; -EWOULDBLOCK when another process holds it. The lock lasts as long as the open
// file, over fork and exec.
int capus_lock_file(const char *_Nonnull path, int mode);
// Whether some process holds the lock.
bool capus_is_locked(const char *_Nonnull path);

// Opens a file for what a daemon prints.
int capus_open_output(const char *_Nonnull path);
// Appends bytes in one piece, creating the file with `mode`. A file that is then larger than `max_size` keeps its newer
// half; 0 is no limit. Processes may write at the same time.
int capus_append_file(const char *_Nonnull path, const void *_Nonnull bytes, size_t count, int mode, int64_t max_size);

// From now on capus_append_file works also when this process may open nothing more.
void capus_keep_spare_descriptor(void);

int capus_change_owner(const char *_Nonnull path, uint32_t user, uint32_t group);
// The user that a file belongs to.
int capus_file_owner(const char *_Nonnull path);
bool capus_same_file(const char *_Nonnull first, const char *_Nonnull second);
bool capus_is_writable_folder(const char *_Nonnull path);
int capus_working_folder(char *_Nonnull path, size_t capacity);

// A file without a name that holds the bytes.
int capus_memory_file(const void *_Nonnull bytes, size_t count);
long capus_file_size(int fd);
// What is known of a file or folder that was opened.
typedef struct capus_file_facts {
    int64_t size;
    // Of the last change, since 1970-01-01 00:00 UTC; before that the seconds are negative.
    int64_t modified_seconds, modified_nanoseconds;
    // Together they tell one file from all others that exist.
    uint64_t device, inode;
    bool is_folder;
} capus_file_facts;
// Which symbolic links are followed: all; those that lead to places beneath the folder, as the kernel makes sure, if it
// knows how (else -ENOSYS, or -EPERM where system calls are filtered); none as the last component.
typedef enum capus_links { CAPUS_LINKS_ALL, CAPUS_LINKS_BENEATH, CAPUS_LINKS_NONE } capus_links;
// Opens a regular file or a folder for reading, without waiting for anybody; -ENOENT for all that is neither, as for
// what is missing. The path counts from `folder`, or the working folder if that is negative.
int capus_open_at(int folder, const char *_Nonnull path, capus_links links, capus_file_facts *_Nonnull facts);
// Calls `found` with each name in a folder, and closes it.
int capus_list_folder(int fd, void *_Nonnull context, void (*_Nonnull found)(void *_Nonnull, const char *_Nonnull));
// Sends at most `count` bytes of a file over a socket, without a copy. 0 when the file ends before; -EINVAL when it is
// of a kind that has to be read.
long capus_send_file(int socket, int file, int64_t offset, size_t count);
long capus_read_at(int fd, void *_Nonnull bytes, size_t capacity, long offset);

int capus_replace_content(int fd, const void *_Nonnull bytes, size_t count);
// Reads at most `capacity` bytes of a file; the count or a negated errno.
long capus_read_file(const char *_Nonnull path, void *_Nonnull bytes, size_t capacity);
// Makes a new file, for this user alone, whose name is `path` with its last six characters, XXXXXX, replaced; they are
// replaced there. Returns its descriptor, or a negated errno.
int capus_create_temporary(char *_Nonnull path);
int capus_set_mode(int fd, unsigned mode);
// The first bytes of an open file, which has as many, in memory, where writing changes the file if that is wanted; NULL
// when it is not possible.
void *_Nullable capus_map_file(int fd, size_t count, bool is_writable);
void capus_unmap_file(const void *_Nonnull bytes, size_t count);
int capus_rename_file(const char *_Nonnull from, const char *_Nonnull to);
// Each gets the other's name at once; -ENOENT unless both are there, -EINVAL where the file system does not know how.
int capus_exchange_files(const char *_Nonnull first, const char *_Nonnull second);
int capus_remove_file(const char *_Nonnull path);
// Whether something can be written to a descriptor without waiting: a page, to a pipe.
bool capus_has_room(int fd);
// Writes to a descriptor whatever it is.
long capus_write(int fd, const void *_Nonnull bytes, size_t count);
// Writes what there is room for at this moment, whoever else writes there, and waits for nobody: -EAGAIN without room.
long capus_write_now(int fd, const void *_Nonnull bytes, size_t count);
long capus_read(int fd, void *_Nonnull bytes, size_t capacity);

#endif
