#define _GNU_SOURCE
#include "capus_status.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

int capus_status_create(void) {
    int fd = memfd_create("apus-status", MFD_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    if (ftruncate(fd, sizeof(capus_worker_status)) != 0) {
        int failure = errno;
        close(fd);
        return -failure;
    }
    return fd;
}

capus_worker_status *capus_status_map(int fd) {
    void *page = mmap(NULL, sizeof(capus_worker_status), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return page == MAP_FAILED ? NULL : page;
}

void capus_status_unmap(capus_worker_status *status) { munmap(status, sizeof *status); }
