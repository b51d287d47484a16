// The first layer with AVX-512F.

#include "network_internal.h"

#if defined(__x86_64__)

#include "vectors_avx512.h"

#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)

// OUTPUTS channels of `count` pixels, from vectors of pixels: four by four within each quarter of them.
#define OUTPUTS 4
static inline void store_pixels(const vector pooled[OUTPUTS], float *output, ptrdiff_t stride, int32_t count) {
    const __m512d low01 = _mm512_castps_pd(_mm512_unpacklo_ps(pooled[0], pooled[1]));
    const __m512d low23 = _mm512_castps_pd(_mm512_unpacklo_ps(pooled[2], pooled[3]));
    const __m512d high01 = _mm512_castps_pd(_mm512_unpackhi_ps(pooled[0], pooled[1]));
    const __m512d high23 = _mm512_castps_pd(_mm512_unpackhi_ps(pooled[2], pooled[3]));
    float fours[4][LANES];
    store(fours[0], _mm512_castpd_ps(_mm512_unpacklo_pd(low01, low23)));
    store(fours[1], _mm512_castpd_ps(_mm512_unpackhi_pd(low01, low23)));
    store(fours[2], _mm512_castpd_ps(_mm512_unpacklo_pd(high01, high23)));
    store(fours[3], _mm512_castpd_ps(_mm512_unpackhi_pd(high01, high23)));
    for (int32_t pixel = 0; pixel < count; pixel++)
        memcpy(output + pixel * stride, &fours[pixel % 4][pixel / 4 * 4], OUTPUTS * sizeof(float));
}

#include "network_tiles.h"

#include "bytes_tiles.h"

void patch_convolve_bytes_avx512(const patch_convolution *layer, const uint8_t *rgb, float *room, float *output) {
    if (layer->kernel_side <= PATCH_BYTES_KERNEL_SIDE) convolve_bytes(layer, rgb, room, output);
    else patch_convolve_bytes_avx2(layer, rgb, room, output);
}

#pragma clang attribute pop

#else

void patch_convolve_bytes_avx512(const patch_convolution *layer, const uint8_t *rgb, float *room, float *output) {
    (void)layer, (void)rgb, (void)room, (void)output;
}

#endif
