/*
 * The answer to the key of a WebSocket handshake (RFC 6455, section 4.2.2): base64 of SHA-1 (FIPS 180-4) of the key and
 * a constant. Nothing of it is fast, as it is done once for each connection.
 */
#ifndef WEBSOCKET_ACCEPT_H
#define WEBSOCKET_ACCEPT_H

#include <stdint.h>
#include <string.h>

enum { KEY_LENGTH = 24, ACCEPT_LENGTH = 28, HASH_LENGTH = 20, HASHED_LENGTH = 128 };

static uint32_t rotated(uint32_t word, unsigned count) {
    return word << count | word >> (32 - count);
}

static void hash_block(uint32_t state[5], const uint8_t block[64]) {
    uint32_t words[80];
    for (unsigned i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
                   block[4 * i + 3];
    for (unsigned i = 16; i < 80; i++)
        words[i] = rotated(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (unsigned i = 0; i < 80; i++) {
        uint32_t mixed, constant;
        if (i < 20) {
            mixed = (b & c) | (~b & d);
            constant = 0x5A827999;
        } else if (i < 40) {
            mixed = b ^ c ^ d;
            constant = 0x6ED9EBA1;
        } else if (i < 60) {
            mixed = (b & c) | (b & d) | (c & d);
            constant = 0x8F1BBCDC;
        } else {
            mixed = b ^ c ^ d;
            constant = 0xCA62C1D6;
        }
        uint32_t next = rotated(a, 5) + mixed + e + constant + words[i];
        e = d;
        d = c;
        c = rotated(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

static void websocket_accept(const char key[KEY_LENGTH], char accept[ACCEPT_LENGTH]) {
    static const char constant[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    /* 60 bytes, a one bit, zeros and the length in bits: two blocks. */
    uint8_t message[HASHED_LENGTH] = {0};
    size_t length = KEY_LENGTH + sizeof constant - 1;
    memcpy(message, key, KEY_LENGTH);
    memcpy(message + KEY_LENGTH, constant, sizeof constant - 1);
    message[length] = 0x80;
    message[HASHED_LENGTH - 2] = (uint8_t)(length * 8 >> 8);
    message[HASHED_LENGTH - 1] = (uint8_t)(length * 8);

    uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    hash_block(state, message);
    hash_block(state, message + 64);
    uint8_t hash[HASH_LENGTH + 1] = {0};
    for (unsigned i = 0; i < HASH_LENGTH; i++) hash[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
    for (unsigned i = 0; i < ACCEPT_LENGTH / 4; i++) {
        uint32_t bits = (uint32_t)hash[3 * i] << 16 | (uint32_t)hash[3 * i + 1] << 8 | hash[3 * i + 2];
        for (unsigned j = 0; j < 4; j++) accept[4 * i + j] = digits[bits >> (18 - 6 * j) & 63];
    }
    accept[ACCEPT_LENGTH - 1] = '=';
}

#endif
