// Kernels of the WebSocket codec: unmasking, and the check of text. Both stay within the bytes they are given.
#ifndef CAPUS_WEBSOCKET_H
#define CAPUS_WEBSOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// The masking key as it applies from byte `phase` of the payload on. Keys are numbers in the order of the wire.
static inline uint32_t capus_mask_from(uint32_t mask, size_t phase) {
    unsigned bits = (unsigned)(phase & 3) * 8;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return mask << bits | mask >> (-bits & 31);
#else
    return mask >> bits | mask << (-bits & 31);
#endif
}

static inline uint64_t capus_unmask_word(const uint8_t *_Nonnull p, uint32_t mask) {
    uint64_t word;
    memcpy(&word, p, 8);
    return word ^ ((uint64_t)mask << 32 | mask);
}

#if defined(__SSE2__)

// At least 16 bytes. The last sixteen overlap those before, so they are read before those are written.
static inline int capus_unmask_many(uint8_t *_Nonnull p, size_t count, uint32_t mask) {
    uint8_t *last = p + count - 16;
    __m128i tail = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)last),
                                 _mm_set1_epi32((int)capus_mask_from(mask, count)));
    __m128i all = tail;
    const __m128i key = _mm_set1_epi32((int)mask);
    for (; p < last; p += 16) {
        __m128i bytes = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)p), key);
        all = _mm_or_si128(all, bytes);
        _mm_storeu_si128((__m128i *)(void *)p, bytes);
    }
    _mm_storeu_si128((__m128i *)(void *)last, tail);
    return _mm_movemask_epi8(all);
}

#else

// At least 16 bytes. The last eight overlap those before, so they are read before those are written.
static inline int capus_unmask_many(uint8_t *_Nonnull p, size_t count, uint32_t mask) {
    uint8_t *last = p + count - 8;
    uint64_t tail = capus_unmask_word(last, capus_mask_from(mask, count));
    uint64_t all = tail;
    for (; p < last; p += 8) {
        uint64_t word = capus_unmask_word(p, mask);
        all |= word;
        memcpy(p, &word, 8);
    }
    memcpy(last, &tail, 8);
    return (all & 0x8080808080808080ull) != 0;
}

#endif

// Fewer than 16 bytes: two words that may overlap.
static inline int capus_unmask_few(uint8_t *_Nonnull p, size_t count, uint32_t mask) {
    if (count >= 8) {
        uint64_t first = capus_unmask_word(p, mask);
        uint64_t last = capus_unmask_word(p + count - 8, capus_mask_from(mask, count));
        memcpy(p, &first, 8);
        memcpy(p + count - 8, &last, 8);
        return ((first | last) & 0x8080808080808080ull) != 0;
    }
    if (count >= 4) {
        uint32_t first, last;
        memcpy(&first, p, 4);
        memcpy(&last, p + count - 4, 4);
        first ^= mask;
        last ^= capus_mask_from(mask, count);
        memcpy(p, &first, 4);
        memcpy(p + count - 4, &last, 4);
        return ((first | last) & 0x80808080u) != 0;
    }
    uint8_t key[4];
    memcpy(key, &mask, 4);
    int all = 0;
    for (size_t i = 0; i < count; i++) {
        all |= p[i] ^= key[i];
    }
    return all >> 7;
}

// RFC 6455 §5.3, in place: the bytes start at byte `phase` of the payload. Whether one of them is no ASCII.
static inline int capus_unmask(uint8_t *_Nonnull p, size_t count, uint32_t mask, size_t phase) {
    mask = capus_mask_from(mask, phase);
    return count >= 16 ? capus_unmask_many(p, count, mask) : capus_unmask_few(p, count, mask);
}

// What `capus_check_utf8` says of bytes that no text contains, whatever follows them.
#define CAPUS_UTF8_INVALID 48

// The state that follows each state for one class of bytes, six bits for each. The states are: between characters;
// one, two and three bytes to come, which may be any of 80…BF; behind E0, ED, F0 and F4, where fewer may.
#define CAPUS_UTF8_ROW(start, one, two, three, e0, ed, f0, f4)                                                         \
    (6ull * (start) | 6ull * (one) << 6 | 6ull * (two) << 12 | 6ull * (three) << 18 | 6ull * (e0) << 24 |              \
     6ull * (ed) << 30 | 6ull * (f0) << 36 | 6ull * (f4) << 42 | 48ull << 48)
#define CAPUS_UTF8_LEAD(next) CAPUS_UTF8_ROW(next, 8, 8, 8, 8, 8, 8, 8)

// Goes on with the check of a text (RFC 3629 §4) that may be split anywhere. The state is 0 at first and wherever a
// character has ended.
static inline uint8_t capus_check_utf8(const uint8_t *_Nonnull p, size_t count, uint8_t state) {
    static const uint64_t rows[256] = {
        [0x00 ... 0x7F] = CAPUS_UTF8_LEAD(0),
        [0x80 ... 0x8F] = CAPUS_UTF8_ROW(8, 0, 1, 2, 8, 1, 8, 2),
        [0x90 ... 0x9F] = CAPUS_UTF8_ROW(8, 0, 1, 2, 8, 1, 2, 8),
        [0xA0 ... 0xBF] = CAPUS_UTF8_ROW(8, 0, 1, 2, 1, 8, 2, 8),
        [0xC0 ... 0xC1] = CAPUS_UTF8_LEAD(8),
        [0xC2 ... 0xDF] = CAPUS_UTF8_LEAD(1),
        [0xE0] = CAPUS_UTF8_LEAD(4),
        [0xE1 ... 0xEC] = CAPUS_UTF8_LEAD(2),
        [0xED] = CAPUS_UTF8_LEAD(5),
        [0xEE ... 0xEF] = CAPUS_UTF8_LEAD(2),
        [0xF0] = CAPUS_UTF8_LEAD(6),
        [0xF1 ... 0xF3] = CAPUS_UTF8_LEAD(3),
        [0xF4] = CAPUS_UTF8_LEAD(7),
        [0xF5 ... 0xFF] = CAPUS_UTF8_LEAD(8),
    };
    uint64_t row = state;
    for (; count >= 16; p += 16, count -= 16) {
        uint64_t words[2];
        memcpy(words, p, 16);
        if ((row & 63) == 0 && ((words[0] | words[1]) & 0x8080808080808080ull) == 0) {
            continue;
        }
        for (int i = 0; i < 16; i++) {
            row = rows[p[i]] >> (row & 63);
        }
        if ((row & 63) == CAPUS_UTF8_INVALID) {
            return CAPUS_UTF8_INVALID;
        }
    }
    for (size_t i = 0; i < count; i++) {
        row = rows[p[i]] >> (row & 63);
    }
    return (uint8_t)(row & 63);
}

#endif
