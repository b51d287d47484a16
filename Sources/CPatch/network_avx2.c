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
static inline vector add(vector a, vector b) { return _mm256_add_ps(a, b); }
static inline vector subtract(vector a, vector b) { return _mm256_sub_ps(a, b); }
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

#include "network_winograd.h"

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

// What four vectors become on the way into `winograd-1`.
INLINED void transform(const vector from[4], vector to[4]) {
    to[0] = subtract(from[0], from[2]);
    to[1] = add(from[1], from[2]);
    to[2] = subtract(from[2], from[1]);
    to[3] = subtract(from[1], from[3]);
}

void patch_winograd_inputs_avx2(const patch_convolution *layer, const float *input, int32_t tile, int32_t count,
                                float *transformed) {
    const int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side);
    const ptrdiff_t column = layer->input_stride, row = layer->input_side * column, place = PATCH_TILES * column;
    for (int32_t i = 0; i < count; i++, tile++, transformed += layer->input_stride) {
        const float *first = input + 2 * (tile / side) * row + 2 * (tile % side) * column;
        for (int32_t channel = 0; channel < layer->input_stride; channel += LANES) {
            vector columns[4][4];
            for (int x = 0; x < 4; x++) {
                vector from[4];
                for (int y = 0; y < 4; y++) from[y] = load(first + y * row + x * column + channel);
                transform(from, columns[x]);
            }
            for (int y = 0; y < 4; y++) {
                const vector from[4] = {columns[0][y], columns[1][y], columns[2][y], columns[3][y]};
                vector to[4];
                transform(from, to);
                for (int x = 0; x < 4; x++) store(transformed + (4 * y + x) * place + channel, to[x]);
            }
        }
    }
}

void patch_winograd_channels_avx2(int32_t channel, const patch_convolution *layer, const float *transformed, float *sums,
                                  float *output, int32_t count) {
    for (; channel + 2 * LANES <= layer->output_stride; channel += 2 * LANES)
        winograd_channels(4, 2, layer, channel, transformed, sums, output, count);
    for (; channel < layer->output_stride; channel += LANES)
        winograd_channels(8, 1, layer, channel, transformed, sums, output, count);
}

void patch_winograd_avx2(const patch_convolution *layer, const float *input, float *room, float *output) {
    const int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side), tiles = side * side;
    float *sums = room + PATCH_WINOGRAD_PLACES * PATCH_TILES * layer->input_stride;
    for (int32_t tile = 0; tile < tiles; tile += PATCH_TILES) {
        int32_t count = tiles - tile < PATCH_TILES ? tiles - tile : PATCH_TILES;
        patch_winograd_inputs_avx2(layer, input, tile, count, room);
        patch_winograd_channels_avx2(0, layer, room, sums, output + (ptrdiff_t)tile * layer->output_stride, count);
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
void patch_winograd_avx2(const patch_convolution *layer, const float *input, float *room, float *output) {
    (void)layer, (void)input, (void)room, (void)output;
}
void patch_linear_avx2(const patch_linear *layer, int32_t patches, const float *input, float *output) {
    (void)layer, (void)patches, (void)input, (void)output;
}

#endif
