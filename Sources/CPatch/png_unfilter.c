// What a filter wrote is the difference to a guess from the pixels to the left (a), above (b), and above to the left (c).
// A pixel needs the one to its left, so what counts is how soon that one is known: the three channels are worked out side
// by side, and so are two rows that both wait so.
#include "png_unfilter.h"
#include "patch_png.h"
#include <stdlib.h>
#include <string.h>

enum filter { FILTER_NONE, FILTER_SUB, FILTER_UP, FILTER_AVERAGE, FILTER_PAETH };

/// What stands above the first row, and a byte more.
static const uint8_t nothing[3 * PATCH_PNG_SIDE_LIMIT + 1];

// MARK: Any machine

static int nearest(int a, int b, int c) {
    int to_a = abs(b - c), to_b = abs(a - c), to_c = abs(a + b - 2 * c);
    return to_a <= to_b && to_a <= to_c ? a : to_b <= to_c ? b : c;
}

bool patch_unfilter_portable(const uint8_t *filtered, size_t width, size_t height, uint8_t *rgb) {
    const uint8_t *above = nothing;
    for (size_t y = 0; y < height; y++, filtered += 1 + 3 * width, above = rgb, rgb += 3 * width) {
        for (size_t i = 0; i < 3 * width; i++) {
            int a = i < 3 ? 0 : rgb[i - 3], b = above[i], c = i < 3 ? 0 : above[i - 3], guess;
            switch (*filtered) {
                case FILTER_NONE: guess = 0; break;
                case FILTER_SUB: guess = a; break;
                case FILTER_UP: guess = b; break;
                case FILTER_AVERAGE: guess = (a + b) / 2; break;
                case FILTER_PAETH: guess = nearest(a, b, c); break;
                default: return false;
            }
            rgb[i] = (uint8_t)(filtered[1 + i] + guess);
        }
    }
    return true;
}

// MARK: SSE4.1

#if defined(__x86_64__)
#include <smmintrin.h>
#pragma clang attribute push(__attribute__((target("sse4.1"))), apply_to = function)
#define INLINED static inline __attribute__((always_inline))

/// Three channels and the byte behind them, each in 16 bits.
INLINED __m128i load(const uint8_t *bytes) {
    int32_t four;
    memcpy(&four, bytes, sizeof four);
    return _mm_cvtepu8_epi16(_mm_cvtsi32_si128(four));
}

INLINED void store(uint8_t *bytes, __m128i pixel, bool is_last) {
    int32_t four = _mm_cvtsi128_si32(_mm_packus_epi16(pixel, pixel));
    if (is_last) memcpy(bytes, &four, 3);
    else memcpy(bytes, &four, 4);
}

/// The one of a, b, c that is nearest to a + b - c, in that order where two are as near. Put differently: with the
/// lesser and the greater of a and b, c where a + b - c lies between them, else the one that it lies beyond.
INLINED __m128i paeth(__m128i a, __m128i b, __m128i c) {
    __m128i third = _mm_sub_epi16(_mm_add_epi16(c, _mm_add_epi16(c, c)), b);
    __asm__("" : "+x"(third));  // a comes last: it is what everything waits for
    third = _mm_sub_epi16(third, a);
    __m128i lesser = _mm_min_epi16(a, b), greater = _mm_max_epi16(a, b);
    __m128i below = _mm_blendv_epi8(lesser, c, _mm_cmpgt_epi16(greater, third));
    return _mm_blendv_epi8(greater, below, _mm_cmpgt_epi16(third, lesser));
}

/// What a pixel becomes.
INLINED __m128i unfiltered(const enum filter filter, const uint8_t *from, __m128i a, __m128i b, __m128i c) {
    __m128i guess;
    switch (filter) {
        case FILTER_NONE: guess = _mm_setzero_si128(); break;
        case FILTER_SUB: guess = a; break;
        case FILTER_UP: guess = b; break;
        case FILTER_AVERAGE: guess = _mm_srli_epi16(_mm_add_epi16(a, b), 1); break;
        case FILTER_PAETH: guess = paeth(a, b, c); break;
    }
    return _mm_add_epi8(load(from), guess);
}

/// One row. With a pixel the byte behind it is read, and written where there is another pixel to come.
INLINED void unfilter_row(const enum filter filter, const uint8_t *from, const uint8_t *above, size_t width,
                          uint8_t *row) {
    __m128i a = _mm_setzero_si128(), c = a;
    for (size_t x = 0; x < width; x++, from += 3, above += 3, row += 3) {
        __m128i b = load(above);
        a = unfiltered(filter, from, a, b, c);
        c = b;
        store(row, a, x + 1 == width);
    }
}

/// Two rows, the lower one a pixel behind: it finds what is above it at hand, and neither waits for the other.
INLINED void unfilter_two_rows(const enum filter upper, const enum filter lower, const uint8_t *from,
                               const uint8_t *above, size_t width, uint8_t *row) {
    const uint8_t *lower_from = from + 3 * width + 1;
    uint8_t *lower_row = row + 3 * width;
    const __m128i none = _mm_setzero_si128();
    __m128i c = load(above), a = unfiltered(upper, from, none, c, none), lower_a = none, lower_c = none;
    store(row, a, width == 1);
    for (size_t x = 1; x < width; x++, lower_from += 3, lower_row += 3) {
        from += 3, above += 3, row += 3;
        __m128i b = load(above), pixel = unfiltered(upper, from, a, b, c);
        store(row, pixel, x + 1 == width);
        lower_a = unfiltered(lower, lower_from, lower_a, a, lower_c);
        store(lower_row, lower_a, false);
        lower_c = a, a = pixel, c = b;
    }
    store(lower_row, unfiltered(lower, lower_from, lower_a, a, lower_c), true);
}

/// Two rows that both wait for pixels to their left, by the filters that encoders choose most; false for others.
static bool unfilter_pair(const uint8_t *filtered, const uint8_t *above, size_t width, uint8_t *rows) {
    const uint8_t *from = filtered + 1, upper = filtered[0], lower = filtered[1 + 3 * width];
    if (upper == FILTER_PAETH && lower == FILTER_PAETH)
        unfilter_two_rows(FILTER_PAETH, FILTER_PAETH, from, above, width, rows);
    else if (upper == FILTER_PAETH && lower == FILTER_SUB)
        unfilter_two_rows(FILTER_PAETH, FILTER_SUB, from, above, width, rows);
    else if (upper == FILTER_SUB && lower == FILTER_PAETH)
        unfilter_two_rows(FILTER_SUB, FILTER_PAETH, from, above, width, rows);
    else if (upper == FILTER_SUB && lower == FILTER_SUB)
        unfilter_two_rows(FILTER_SUB, FILTER_SUB, from, above, width, rows);
    else
        return false;
    return true;
}

static bool unfilter_sse41(const uint8_t *filtered, size_t width, size_t height, uint8_t *rgb) {
    const uint8_t *above = nothing;
    size_t rows = 1;
    for (size_t y = 0; y < height; y += rows, filtered += rows * (1 + 3 * width), rgb += rows * 3 * width) {
        if (y > 0) above = rgb - 3 * width;
        rows = width > 0 && y + 1 < height && unfilter_pair(filtered, above, width, rgb) ? 2 : 1;
        if (rows == 2) continue;
        const uint8_t *from = filtered + 1;
        switch (*filtered) {
            case FILTER_NONE: memcpy(rgb, from, 3 * width); break;
            case FILTER_UP:
                for (size_t i = 0; i < 3 * width; i++) rgb[i] = (uint8_t)(from[i] + above[i]);
                break;
            case FILTER_SUB: unfilter_row(FILTER_SUB, from, above, width, rgb); break;
            case FILTER_AVERAGE: unfilter_row(FILTER_AVERAGE, from, above, width, rgb); break;
            case FILTER_PAETH: unfilter_row(FILTER_PAETH, from, above, width, rgb); break;
            default: return false;
        }
    }
    return true;
}

#pragma clang attribute pop

bool patch_unfilter(const uint8_t *filtered, size_t width, size_t height, uint8_t *rgb) {
    return __builtin_cpu_supports("sse4.1") ? unfilter_sse41(filtered, width, height, rgb)
                                            : patch_unfilter_portable(filtered, width, height, rgb);
}

#else

bool patch_unfilter(const uint8_t *filtered, size_t width, size_t height, uint8_t *rgb) {
    return patch_unfilter_portable(filtered, width, height, rgb);
}

#endif
