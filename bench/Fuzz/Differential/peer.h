// One request as http-parser reads it.
#ifndef PEER_H
#define PEER_H

#include <stddef.h>
#include <stdint.h>

enum { PEER_INCOMPLETE, PEER_COMPLETE, PEER_REFUSED };
enum { PEER_MAX_FIELDS = 256 };

// Offsets from the start of the message.
struct peer_field {
    uint32_t name, name_count, value, value_count;
};

struct peer_message {
    int outcome;
    const char *_Nonnull error;
    const char *_Nonnull method;
    int major, minor;
    int keeps_alive;
    uint32_t target, target_count;
    size_t byte_count;
    size_t field_count, trailer_count;
    // Trailers stand behind the fields.
    struct peer_field fields[PEER_MAX_FIELDS];
    size_t body_count;
    const uint8_t *_Nullable body;
};

// What is in `message` lasts until the next call.
void peer_read(const uint8_t *_Nonnull bytes, size_t count, struct peer_message *_Nonnull message);

#endif
