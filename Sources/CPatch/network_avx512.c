// `direct-1` with AVX-512F: sixteen output channels a vector, thirty-two registers. Eight
// channels that are left over, and the linear layers, which take 2 % of the time, are AVX2's.

#include "network_internal.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)

#define LANES 16
typedef __m512 vector;

static inline vector load(const float *p) { return _mm512_loadu_ps(p); }
static inline void store(float *p, vector v) { _mm512_storeu_ps(p, v); }
static inline vector zero(void) { return _mm512_setzero_ps(); }
static inline vector broadcast(const float *p) { return _mm512_set1_ps(*p); }
static inline vector multiply_add(vector a, vector b, vector c) { return _mm512_fmadd_ps(a, b, c); }
static inline vector add(vector a, vector b) { return _mm512_add_ps(a, b); }
static inline vector subtract(vector a, vector b) { return _mm512_sub_ps(a, b); }
static inline vector greater_of(vector a, vector b) { return _mm512_max_ps(a, b); }
static inline vector where_greater(vector a, vector b, vector yes, vector no) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), no, yes);
}
static inline void store_whole(int32_t *p, vector v) { _mm512_storeu_si512(p, _mm512_cvtps_epi32(v)); }

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

#include "network_bytes.h"

#include "network_winograd.h"

INLINED int32_t strips(const patch_convolution *layer, const float *input, float *output, int32_t *choices) {
    int32_t channel = 0;
    for (; channel + 2 * LANES <= layer->output_stride; channel += 2 * LANES)
        convolution_strip(2, 2, layer, channel, input, output, choices);
    for (; channel + LANES <= layer->output_stride; channel += LANES)
        convolution_strip(4, 1, layer, channel, input, output, choices);
    return channel;
}

void patch_convolve_avx512(const patch_convolution *layer, const float *input, float *output, int32_t *choices) {
    int32_t channel = choices ? strips(layer, input, output, choices) : strips(layer, input, output, NULL);
    patch_convolve_avx2_from(channel, layer, input, output, choices);
}

void patch_convolve_bytes_avx512(const patch_convolution *layer, const uint8_t *rgb, float *room, float *output) {
    if (layer->kernel_side <= PATCH_BYTES_KERNEL_SIDE) convolve_bytes(layer, rgb, room, output);
    else patch_convolve_bytes_avx2(layer, rgb, room, output);
}

void patch_winograd_avx512(const patch_convolution *layer, const float *input, float *room, float *output) {
    const int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side), tiles = side * side;
    float *sums = room + PATCH_WINOGRAD_PLACES * PATCH_TILES * layer->input_stride;
    for (int32_t tile = 0; tile < tiles; tile += PATCH_TILES) {
        int32_t count = tiles - tile < PATCH_TILES ? tiles - tile : PATCH_TILES, channel = 0;
        float *to = output + (ptrdiff_t)tile * layer->output_stride;
        patch_winograd_inputs_avx2(layer, input, tile, count, room);
        for (; channel + 2 * LANES <= layer->output_stride; channel += 2 * LANES)
            winograd_channels(8, 2, layer, channel, room, sums, to, count);
        for (; channel + LANES <= layer->output_stride; channel += LANES)
            winograd_channels(16, 1, layer, channel, room, sums, to, count);
        patch_winograd_channels_avx2(channel, layer, room, sums, to, count);
    }
}

#pragma clang attribute pop

bool patch_has_avx512(void) { return __builtin_cpu_supports("avx512f") && patch_has_avx2(); }

#else

bool patch_has_avx512(void) { return false; }
void patch_convolve_avx512(const patch_convolution *layer, const float *input, float *output, int32_t *choices) {
    (void)layer, (void)input, (void)output, (void)choices;
}
void patch_convolve_bytes_avx512(const patch_convolution *layer, const uint8_t *rgb, float *room, float *output) {
    (void)layer, (void)rgb, (void)room, (void)output;
}
void patch_winograd_avx512(const patch_convolution *layer, const float *input, float *room, float *output) {
    (void)layer, (void)input, (void)room, (void)output;
}

#endif
