// Says of the process that it is loaded into, each half second, how many bytes of its heap are in use, in a file of the
// folder APUS_HEAP that is called as the process. What is resident counts the holes between them as well.
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *tell(void *folder) {
    char path[4096], text[32];
    snprintf(path, sizeof path, "%s/%d", (const char *)folder, (int)getpid());
    for (;; usleep(500000)) {
        // Of one length: whoever reads in between finds a number all the same. A process that begins closes what it
        // does not know, at any moment: what fails now is done the next time.
        int count = snprintf(text, sizeof text, "%020zu", mallinfo2().uordblks);
        int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (file >= 0 && pwrite(file, text, (size_t)count, 0) == count) {
            close(file);
        }
    }
}

__attribute__((constructor)) static void begin(void) {
    // A copy: a process writes its title over its environment.
    char *folder = getenv("APUS_HEAP") == NULL ? NULL : strdup(getenv("APUS_HEAP"));
    pthread_t thread;
    sigset_t all, previous;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous); // They are the loop's.
    if (folder != NULL && pthread_create(&thread, NULL, tell, folder) == 0) {
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
}
