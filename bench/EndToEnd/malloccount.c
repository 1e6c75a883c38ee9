/*
 * Counts heap allocations of the process it is preloaded into:
 *
 *     APUS_BENCH_MALLOC_FILE=/some/file LD_PRELOAD=libmalloccount.so SERVER ...
 *
 * The counter is the first eight bytes of that file, mapped shared: it can be read at any moment, no signal
 * and no orderly exit is needed, and the processes of one server (which inherit the mapping or open it again)
 * add to one number. malloc, calloc, realloc, posix_memalign, aligned_alloc and memalign count one each.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own entry points: no dlsym, which would itself allocate before the first call is answered. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static uint64_t before_start;
static uint64_t *counter = &before_start;

__attribute__((constructor)) static void map_counter(void) {
    const char *path = getenv("APUS_BENCH_MALLOC_FILE");
    if (!path) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *memory = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED) return;
    counter = memory;
    /* So that a reader sees that we are here, even if this process never allocates again. */
    __atomic_fetch_add(counter, before_start + 1, __ATOMIC_RELAXED);
}

static void count(void) {
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    count();
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1))) return EINVAL;
    count();
    void *memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}
