// CRC-32 of PNG chunks (ISO 3309, reflected polynomial 0xedb88320), eight bytes a step ("slicing by 8", Kounavis and
// Berry 2005).
#include "png_internal.h"
#include <threads.h>

static uint32_t table[8][256];
static once_flag table_made = ONCE_FLAG_INIT;

/// table[k][b] is the CRC of byte b followed by k zero bytes.
static void make_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        table[0][byte] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (uint32_t byte = 0; byte < 256; byte++)
            table[k][byte] = table[k - 1][byte] >> 8 ^ table[0][table[k - 1][byte] & 255];
}

uint32_t patch_png_checksum(const uint8_t *bytes, size_t count) {
    call_once(&table_made, make_table);
    uint32_t crc = 0xffffffff;
    for (; count >= 8; count -= 8, bytes += 8) {
        uint32_t low = crc ^ ((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16
                              | (uint32_t)bytes[3] << 24);
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24]
            ^ table[3][bytes[4]] ^ table[2][bytes[5]] ^ table[1][bytes[6]] ^ table[0][bytes[7]];
    }
    for (; count > 0; count--, bytes++)
        crc = crc >> 8 ^ table[0][(crc ^ *bytes) & 255];
    return ~crc;
}
