#include "include/capus_field.h"

#include <string.h>

#include "include/capus_scan.h"

// Names and values are short: a call of memcpy costs as much as copying them.
static inline void copy(uint8_t *to, const uint8_t *from, size_t count) {
    if (count >= 16) {
        for (size_t i = 0; i + 16 < count; i += 16) {
            memcpy(to + i, from + i, 16);
        }
        memcpy(to + count - 16, from + count - 16, 16);
    } else if (count >= 8) {
        memcpy(to, from, 8);
        memcpy(to + count - 8, from + count - 8, 8);
    } else if (count >= 4) {
        memcpy(to, from, 4);
        memcpy(to + count - 4, from + count - 4, 4);
    } else {
        for (size_t i = 0; i < count; i++) {
            to[i] = from[i];
        }
    }
}

size_t capus_write_field(uint8_t *target, const uint8_t *name, size_t name_count, const uint8_t *value,
                         size_t value_count) {
    uint8_t *colon = target + name_count;
    uint8_t *end = colon + 2 + value_count;
    copy(target, name, name_count);
    colon[0] = ':';
    colon[1] = ' ';
    copy(colon + 2, value, value_count);
    end[0] = '\r';
    end[1] = '\n';
    // Looked at where they were written to, since whole vectors are read, which may go beyond their ends.
    if (name_count == 0 || capus_scan_token(target) != colon || capus_scan_value(colon + 2, end) < end) {
        return 0;
    }
    return name_count + value_count + 4;
}
