// What falls to which call, by a seed.
#ifndef CFAULTS_CHANCE_H
#define CFAULTS_CHANCE_H

#include <stdint.h>

static _Atomic uint64_t chance = 88172645463325252u;

// Less than `limit`.
static uint32_t draw(uint32_t limit) {
    uint64_t x = chance;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    chance = x;
    return (uint32_t)((x >> 32) % limit);
}

#endif
