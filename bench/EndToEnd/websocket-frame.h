/*
 * What floor-websocket.c and websocket-client.c know of frames (RFC 6455, section 5.2).
 */
#ifndef WEBSOCKET_FRAME_H
#define WEBSOCKET_FRAME_H

#include <arpa/inet.h>
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

enum { FRAME_HEAD_MOST = 14, OPCODE_TEXT = 1, OPCODE_BINARY = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

/* Writes first byte and length of a frame, and returns how many bytes that took. */
static inline size_t frame_head(uint8_t *at, uint8_t first, size_t length, bool masked) {
    uint8_t mask_bit = masked ? 0x80 : 0;
    at[0] = first;
    if (length < 126) {
        at[1] = (uint8_t)(mask_bit | length);
        return 2;
    }
    if (length < 65536) {
        uint16_t size = htons((uint16_t)length);
        at[1] = mask_bit | 126;
        memcpy(at + 2, &size, sizeof size);
        return 4;
    }
    uint64_t size = htobe64(length);
    at[1] = mask_bit | 127;
    memcpy(at + 2, &size, sizeof size);
    return 10;
}

/* Copies bytes and changes them by the mask, eight at a time; what the compiler makes of it is wider still. */
static inline void frame_mask(uint8_t *to, const uint8_t *from, size_t count, const uint8_t mask[4]) {
    uint32_t word;
    memcpy(&word, mask, sizeof word);
    uint64_t twice = (uint64_t)word << 32 | word;
    size_t done = 0;
    for (; done + 8 <= count; done += 8) {
        uint64_t bytes;
        memcpy(&bytes, from + done, sizeof bytes);
        bytes ^= twice;
        memcpy(to + done, &bytes, sizeof bytes);
    }
    for (; done < count; done++) to[done] = from[done] ^ mask[done & 3];
}

#endif
