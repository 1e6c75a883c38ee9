// Makes the event loop the executor of the main actor, and serves the main dispatch queue.
#ifndef CAPUS_EXECUTOR_H
#define CAPUS_EXECUTOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

// Installs an executor (the two words of an UnownedSerialExecutor) as that of the main actor through the
// concurrency runtime's hook. False when the runtime has no such hook; the main dispatch queue then carries the
// main actor's jobs and the loop serves that.
bool capus_install_main_executor(void *_Nonnull identity, uintptr_t implementation);

// Tells threads apart.
static inline uintptr_t capus_current_thread(void) { return (uintptr_t)pthread_self(); }

// The descriptor that becomes readable when the main dispatch queue has work, or -1 where libdispatch has none.
int capus_main_queue_descriptor(void);

// Runs what is due on the main dispatch queue.
void capus_main_queue_drain(void);

#endif
