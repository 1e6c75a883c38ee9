// Header fields as they are sent.
#ifndef CAPUS_FIELD_H
#define CAPUS_FIELD_H

#include <stddef.h>
#include <stdint.h>

// What may be read behind a line that was written.
#define CAPUS_FIELD_PADDING 16

// Writes "name: value" with its line end, and returns how many bytes that are. 0 when it would be no field: the name is
// no token, or the value holds a control character other than TAB (RFC 9110 §5.1, §5.5). `target` has room for that
// many bytes and CAPUS_FIELD_PADDING more; what is there then is not what was there before.
size_t capus_write_field(uint8_t *_Nonnull target, const uint8_t *_Nullable name, size_t name_count,
                         const uint8_t *_Nullable value, size_t value_count);

#endif
