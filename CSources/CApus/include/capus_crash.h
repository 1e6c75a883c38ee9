// What a worker leaves behind when it crashes, and how it notices that its master did.
#ifndef CAPUS_CRASH_H
#define CAPUS_CRASH_H

#include "capus_status.h"

#include <stdint.h>

// From now on a crash leaves a backtrace in `status`. Handlers that are installed already, such as the Swift runtime's
// own, which prints one to standard error, are called behind it.
void capus_crash_watch(capus_worker_status *_Nonnull status);

// The frame's name in this executable, "+0x1234" when it has none there; false for code of another library.
// Only for entries of a process that runs the same executable.
bool capus_crash_frame(const capus_worker_status *_Nonnull status, int index, char *_Nonnull text, size_t capacity);

// Ends this process `seconds` after `parent` has died, also when it is stuck in a loop. False if the parent is gone
// already.
bool capus_follow_parent(int parent, double seconds);

#endif
