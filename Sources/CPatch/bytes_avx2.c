// The first layer with AVX2 and FMA.

#include "network_internal.h"

#if defined(__x86_64__)

#include "vectors_avx2.h"

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

// OUTPUTS channels of `count` pixels, from vectors of pixels.
#define OUTPUTS 2
static inline void store_pixels(const vector pooled[OUTPUTS], float *output, ptrdiff_t stride, int32_t count) {
    float pairs[LANES][OUTPUTS];
    const vector low = _mm256_unpacklo_ps(pooled[0], pooled[1]), high = _mm256_unpackhi_ps(pooled[0], pooled[1]);
    _mm256_storeu_ps(pairs[0], _mm256_permute2f128_ps(low, high, 0x20));
    _mm256_storeu_ps(pairs[4], _mm256_permute2f128_ps(low, high, 0x31));
    for (int32_t pixel = 0; pixel < count; pixel++) memcpy(output + pixel * stride, pairs[pixel], sizeof pairs[pixel]);
}

#include "network_tiles.h"

#include "bytes_tiles.h"

// Where the byte of a channel lies among sixteen of 48, for the even pixels and then the odd ones; -1 elsewhere.
#define PLACE(part, c, pixel) ((3 * (pixel) + (c)) / 16 == (part) ? (3 * (pixel) + (c)) % 16 : -1)
#define FOUR_PLACES(part, c, pixel)                                                                   \
    PLACE(part, c, pixel), PLACE(part, c, (pixel) + 2), PLACE(part, c, (pixel) + 4), PLACE(part, c, (pixel) + 6)
#define PLACES(part, c)                                                                                         \
    _mm_setr_epi8(FOUR_PLACES(part, c, 0), FOUR_PLACES(part, c, 8), FOUR_PLACES(part, c, 1), FOUR_PLACES(part, c, 9))

// Sixteen pixels.
INLINED void spread_pixels(const uint8_t *rgb, ptrdiff_t stride, float *planes) {
    const __m128i places[3][3] = {{PLACES(0, 0), PLACES(1, 0), PLACES(2, 0)},
                                  {PLACES(0, 1), PLACES(1, 1), PLACES(2, 1)},
                                  {PLACES(0, 2), PLACES(1, 2), PLACES(2, 2)}};
    for (int c = 0; c < PATCH_BYTE_CHANNELS; c++) {
        __m128i bytes = _mm_setzero_si128();
        for (int part = 0; part < 3; part++) {
            __m128i there = _mm_loadu_si128((const __m128i *)(rgb + 16 * part));
            bytes = _mm_or_si128(bytes, _mm_shuffle_epi8(there, places[c][part]));
        }
        store(planes + 2 * c * stride, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)));
        store(planes + (2 * c + 1) * stride, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))));
    }
}

void patch_spread_row_avx2(const uint8_t *rgb, int32_t width, ptrdiff_t stride, float *planes) {
    int32_t x = 0;
    for (; x + 16 <= width; x += 16) spread_pixels(rgb + 3 * x, stride, planes + x / 2);
    if (x == width) return;
    uint8_t last[16 * PATCH_BYTE_CHANNELS] = {0};
    memcpy(last, rgb + 3 * x, 3 * (size_t)(width - x));
    spread_pixels(last, stride, planes + x / 2);
}

void patch_convolve_bytes_avx2(const patch_convolution *layer, const uint8_t *rgb, float *room, float *output) {
    if (layer->kernel_side <= PATCH_BYTES_KERNEL_SIDE) {
        convolve_bytes(layer, rgb, room, output);
    } else {
        patch_spread_bytes(rgb, layer->input_side * layer->input_side * layer->input_channels, room);
        patch_convolve_avx2(layer, room, output, NULL);
    }
}

#pragma clang attribute pop

#else

void patch_convolve_bytes_avx2(const patch_convolution *layer, const uint8_t *rgb, float *room, float *output) {
    (void)layer, (void)rgb, (void)room, (void)output;
}

#endif
