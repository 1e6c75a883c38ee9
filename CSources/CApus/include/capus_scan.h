// Scanning kernels of the parsers. They read whole vectors: every buffer they are given is readable for
// CAPUS_SCAN_PADDING bytes past its end. SSE2 and NEON are baseline on their machines, so nothing is dispatched.
#ifndef CAPUS_SCAN_H
#define CAPUS_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define CAPUS_SCAN_PADDING 64

// RFC 9110 §5.6.2 `tchar`, one bit per byte value.
static inline int capus_is_token(uint8_t byte) {
    static const uint64_t set[4] = {0x03FF6CFA00000000ull, 0x57FFFFFFC7FFFFFEull, 0, 0};
    return (int)(set[byte >> 6] >> (byte & 63) & 1);
}

#if defined(__SSE2__)

// One bit per byte of sixteen: letters, digits and the two others.
static inline unsigned capus_alphanumeric_mask(const uint8_t *_Nonnull p, uint8_t other1, uint8_t other2) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i letter = _mm_sub_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i digit = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    __m128i good = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter),
                                _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit));
    good = _mm_or_si128(good, _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)other1)),
                                           _mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)other2))));
    return (unsigned)_mm_movemask_epi8(good);
}

static inline unsigned capus_digit_mask(const uint8_t *_Nonnull p) {
    __m128i digit = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), _mm_set1_epi8('0'));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit));
}

// Out of line: sixteen bytes are enough for nearly every name, and the code around stays small.
__attribute__((noinline)) static const uint8_t *_Nonnull capus_scan_alphanumeric_on(const uint8_t *_Nonnull p,
                                                                                    uint8_t other1, uint8_t other2) {
    unsigned mask;
    while ((mask = capus_alphanumeric_mask(p, other1, other2)) == 0xFFFF) {
        p += 16;
    }
    return p + __builtin_ctz(~mask);
}

// The first byte that is neither a letter nor a digit nor one of the two others.
static inline const uint8_t *_Nonnull capus_scan_alphanumeric(const uint8_t *_Nonnull p, uint8_t other1,
                                                              uint8_t other2) {
    unsigned mask = capus_alphanumeric_mask(p, other1, other2);
    return mask != 0xFFFF ? p + __builtin_ctz(~mask) : capus_scan_alphanumeric_on(p + 16, other1, other2);
}

// The first byte that is no digit.
static inline const uint8_t *_Nonnull capus_scan_digits(const uint8_t *_Nonnull p) {
    unsigned mask;
    while ((mask = capus_digit_mask(p)) == 0xFFFF) {
        p += 16;
    }
    return p + __builtin_ctz(~mask);
}

#else

static inline const uint8_t *_Nonnull capus_scan_alphanumeric(const uint8_t *_Nonnull p, uint8_t other1,
                                                              uint8_t other2) {
    while ((uint8_t)((*p | 0x20) - 'a') <= 25 || (uint8_t)(*p - '0') <= 9 || *p == other1 || *p == other2) {
        p++;
    }
    return p;
}

static inline const uint8_t *_Nonnull capus_scan_digits(const uint8_t *_Nonnull p) {
    while ((uint8_t)(*p - '0') <= 9) {
        p++;
    }
    return p;
}

#endif

// The first byte that is no token character; `p` is returned unchanged for an empty token. Stops at the zero byte
// that ends every buffer.
static inline const uint8_t *_Nonnull capus_scan_token(const uint8_t *_Nonnull p) {
    p = capus_scan_alphanumeric(p, '-', '_'); // Nearly every name is made of these.
    while (capus_is_token(*p)) {
        p++;
    }
    return p;
}

#if defined(__SSE2__)

// The first byte in 0x00…`limit` or 0x7F, but not `allowed` (the caller's end is a byte of that set or is checked
// by the caller: the result may lie past the end).
static inline const uint8_t *_Nonnull capus_scan_control(const uint8_t *_Nonnull p, const uint8_t *_Nonnull end,
                                                         uint8_t limit, uint8_t allowed) {
    const __m128i high = _mm_set1_epi8((char)limit);
    const __m128i del = _mm_set1_epi8(0x7F);
    const __m128i pass = _mm_set1_epi8((char)allowed);
    while (p < end) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, high), bytes);
        __m128i bad = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, pass), _mm_or_si128(low, _mm_cmpeq_epi8(bytes, del)));
        int mask = _mm_movemask_epi8(bad);
        if (mask != 0) {
            return p + __builtin_ctz((unsigned)mask);
        }
        p += 16;
    }
    return end;
}

#else

static inline const uint8_t *_Nonnull capus_scan_control(const uint8_t *_Nonnull p, const uint8_t *_Nonnull end,
                                                         uint8_t limit, uint8_t allowed) {
    while (p < end && ((*p > limit && *p != 0x7F) || *p == allowed)) {
        p++;
    }
    return p;
}

#endif

// The first byte that may not stand in a request target: a control character, blank or DEL.
static inline const uint8_t *_Nonnull capus_scan_target(const uint8_t *_Nonnull p, const uint8_t *_Nonnull end) {
    return capus_scan_control(p, end, 0x20, 0xFF);
}

// The first byte that may not stand in a field value: a control character other than TAB, or DEL.
static inline const uint8_t *_Nonnull capus_scan_value(const uint8_t *_Nonnull p, const uint8_t *_Nonnull end) {
    return capus_scan_control(p, end, 0x1F, 0x09);
}

// The first `byte` in [p, end), or NULL.
static inline const uint8_t *_Nullable capus_find(const uint8_t *_Nonnull p, const uint8_t *_Nonnull end,
                                                  uint8_t byte) {
    return (const uint8_t *)memchr(p, byte, (size_t)(end - p));
}

#endif
