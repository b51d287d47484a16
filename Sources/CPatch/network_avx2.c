// `direct-1` with AVX2 and FMA: eight output channels a vector, sixteen registers.

#include "network_internal.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define LANES 8
typedef __m256 vector;

static inline vector load(const float *p) { return _mm256_loadu_ps(p); }
static inline void store(float *p, vector v) { _mm256_storeu_ps(p, v); }
static inline vector zero(void) { return _mm256_setzero_ps(); }
static inline vector broadcast(const float *p) { return _mm256_broadcast_ss(p); }
static inline vector multiply_add(vector a, vector b, vector c) { return _mm256_fmadd_ps(a, b, c); }
static inline vector greater_of(vector a, vector b) { return _mm256_max_ps(a, b); }
static inline vector where_greater(vector a, vector b, vector yes, vector no) {
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
static inline void store_whole(int32_t *p, vector v) { _mm256_storeu_si256((__m256i *)p, _mm256_cvtps_epi32(v)); }

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

#include "network_bytes.h"

INLINED void strips(int32_t channel, const patch_convolution *layer, const float *input, float *output,
                    int32_t *choices) {
    for (; channel + 2 * LANES <= layer->output_stride; channel += 2 * LANES)
        convolution_strip(1, 2, layer, channel, input, output, choices);
    for (; channel < layer->output_stride; channel += LANES)
        convolution_strip(3, 1, layer, channel, input, output, choices);
}

// Two copies of the loops, so that classifying does not ask at every pixel whether choices are wanted.
void patch_convolve_avx2_from(int32_t channel, const patch_convolution *layer, const float *input, float *output,
                              int32_t *choices) {
    if (choices)
        strips(channel, layer, input, output, choices);
    else
        strips(channel, layer, input, output, NULL);
}

void patch_convolve_avx2(const patch_convolution *layer, const float *input, float *output, int32_t *choices) {
    patch_convolve_avx2_from(0, layer, input, output, choices);
}

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

void patch_linear_avx2(const patch_linear *layer, int32_t patches, const float *input, float *output) {
    int32_t patch = 0;
    for (; patch + 4 <= patches; patch += 4) {
        const float *from = input + (ptrdiff_t)patch * layer->input_stride;
        float *to = output + (ptrdiff_t)patch * layer->output_stride;
        int32_t index = 0;
        for (; index + 2 * LANES <= layer->output_stride; index += 2 * LANES) linear_tile(4, 2, layer, index, from, to);
        for (; index < layer->output_stride; index += LANES) linear_tile(4, 1, layer, index, from, to);
    }
    for (; patch < patches; patch++) {
        const float *from = input + (ptrdiff_t)patch * layer->input_stride;
        float *to = output + (ptrdiff_t)patch * layer->output_stride;
        int32_t index = 0;
        for (; index + 4 * LANES <= layer->output_stride; index += 4 * LANES) linear_tile(1, 4, layer, index, from, to);
        for (; index < layer->output_stride; index += LANES) linear_tile(1, 1, layer, index, from, to);
    }
}

#pragma clang attribute pop

bool patch_has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

#else

bool patch_has_avx2(void) { return false; }
void patch_convolve_avx2(const patch_convolution *layer, const float *input, float *output, int32_t *choices) {
    (void)layer, (void)input, (void)output, (void)choices;
}
void patch_convolve_bytes_avx2(const patch_convolution *layer, const uint8_t *rgb, float *room, float *output) {
    (void)layer, (void)rgb, (void)room, (void)output;
}
void patch_linear_avx2(const patch_linear *layer, int32_t patches, const float *input, float *output) {
    (void)layer, (void)patches, (void)input, (void)output;
}

#endif
