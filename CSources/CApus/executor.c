#include "capus_executor.h"

#include <stddef.h>

#define WEAK __attribute__((weak))

typedef struct serial_executor {
    void *identity;
    uintptr_t implementation;
} serial_executor;

// Variables of the concurrency runtime, present since Swift 5.5 and 5.9. Weak, so that a runtime without them links.
extern void *swift_task_getMainExecutor_hook WEAK;
extern void *swift_task_isMainExecutor_hook WEAK;

extern int _dispatch_get_main_queue_handle_4CF(void) WEAK;
extern void _dispatch_main_queue_callback_4CF(void *message) WEAK;

static serial_executor main_executor;

__attribute__((swiftcall)) static serial_executor get_main_executor(void *original) {
    (void)original;
    return main_executor;
}

__attribute__((swiftcall)) static bool is_main_executor(serial_executor executor, void *original) {
    (void)original;
    return executor.identity == main_executor.identity;
}

bool capus_install_main_executor(void *identity, uintptr_t implementation) {
    if (&swift_task_getMainExecutor_hook == NULL || &swift_task_isMainExecutor_hook == NULL) {
        return false;
    }
    main_executor = (serial_executor){.identity = identity, .implementation = implementation};
    swift_task_getMainExecutor_hook = (void *)get_main_executor;
    swift_task_isMainExecutor_hook = (void *)is_main_executor;
    return true;
}

int capus_main_queue_descriptor(void) {
    if (&_dispatch_get_main_queue_handle_4CF == NULL || &_dispatch_main_queue_callback_4CF == NULL) {
        return -1;
    }
    return _dispatch_get_main_queue_handle_4CF();
}

void capus_main_queue_drain(void) { _dispatch_main_queue_callback_4CF(NULL); }
