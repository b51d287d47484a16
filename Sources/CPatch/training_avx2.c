// Training with AVX2 and FMA: eight taps of a row a vector.

#include "patch_training.h"

#include "patch_network.h"

#if defined(__x86_64__)

#include "training_internal.h"

#include <immintrin.h>

#define LANES 8
#define MOST_VECTORS 12
#define INLINED static inline __attribute__((always_inline))

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

// `rows` rows of taps, `vectors` vectors each, stay in registers while a list goes by; so does `bias` where it is wanted.
INLINED void weight_tile(const int rows, const int vectors, const patch_routed *list, int32_t count,
                         const float *input, ptrdiff_t input_row, float *weights, ptrdiff_t weight_row, float *bias) {
    float total = bias ? *bias : 0;
    __m256 sums[MOST_VECTORS];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) sums[r * vectors + v] = _mm256_loadu_ps(weights + r * weight_row + v * LANES);
    for (int32_t i = 0; i < count; i++) {
        __m256 gradient = _mm256_broadcast_ss(&list[i].gradient);
        const float *from = input + list[i].input;
        if (bias) total += list[i].gradient;
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < vectors; v++)
                sums[r * vectors + v] = _mm256_fmadd_ps(gradient, _mm256_loadu_ps(from + r * input_row + v * LANES),
                                                        sums[r * vectors + v]);
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) _mm256_storeu_ps(weights + r * weight_row + v * LANES, sums[r * vectors + v]);
    if (bias) *bias = total;
}

// One row of taps, as many vectors at a time as there are registers.
static void weight_row(const patch_routed *list, int32_t count, const float *input, int32_t taps, float *weights) {
    int32_t tap = 0;
    for (; tap + 12 * LANES <= taps; tap += 12 * LANES) weight_tile(1, 12, list, count, input + tap, 0, weights + tap, 0, NULL);
    for (; tap + 6 * LANES <= taps; tap += 6 * LANES) weight_tile(1, 6, list, count, input + tap, 0, weights + tap, 0, NULL);
    for (; tap < taps; tap += LANES) weight_tile(1, 1, list, count, input + tap, 0, weights + tap, 0, NULL);
}

void patch_weight_gradient_avx2(const patch_convolution_gradient *layer, const patch_routed *routed,
                                const int32_t *counts, const float *input, float *weights, float *bias) {
    int32_t pixels = patch_pooled_pixels(layer), taps = layer->row_stride;
    ptrdiff_t row = (ptrdiff_t)layer->input_side * layer->input_stride;
    for (int32_t channel = 0; channel < layer->output_channels; channel++) {
        const patch_routed *list = routed + (ptrdiff_t)channel * pixels;
        int32_t count = counts[channel];
        float *weight = weights + (ptrdiff_t)channel * layer->kernel_side * taps;
        if (layer->kernel_side == 3 && taps == 2 * LANES) {
            weight_tile(3, 2, list, count, input, row, weight, taps, bias + channel);
        } else if (layer->kernel_side == 3 && taps == 3 * LANES) {
            weight_tile(3, 3, list, count, input, row, weight, taps, bias + channel);
        } else {
            bias[channel] = patch_sum_routed(list, count, bias[channel]);
            for (int32_t ky = 0; ky < layer->kernel_side; ky++)
                weight_row(list, count, input + ky * row, taps, weight + ky * taps);
        }
    }
    patch_clear_row_ends(layer, weights);
}

// One row of taps of `vectors` vectors, which stay in registers, onto every place of a list.
INLINED void input_row(const int vectors, const patch_routed *list, int32_t count, const float *weights, float *input) {
    __m256 taps[MOST_VECTORS];
    for (int v = 0; v < vectors; v++) taps[v] = _mm256_loadu_ps(weights + v * LANES);
    for (int32_t i = 0; i < count; i++) {
        __m256 gradient = _mm256_broadcast_ss(&list[i].gradient);
        float *to = input + list[i].input;
        for (int v = 0; v < vectors; v++)
            _mm256_storeu_ps(to + v * LANES,
                             _mm256_fmadd_ps(gradient, taps[v], _mm256_loadu_ps(to + v * LANES)));
    }
}

// The same for any number of taps: places of a list overlap, so all of a row's taps are added before the next place.
static void long_input_row(const patch_routed *list, int32_t count, const float *weights, int32_t taps, float *input) {
    for (int32_t i = 0; i < count; i++)
        for (int32_t tap = 0; tap < taps; tap += LANES) input_row(1, list + i, 1, weights + tap, input + tap);
}

void patch_input_gradient_avx2(const patch_convolution_gradient *layer, const patch_routed *routed,
                               const int32_t *counts, const float *weights, float *input) {
    int32_t pixels = patch_pooled_pixels(layer), taps = layer->row_stride;
    ptrdiff_t row = (ptrdiff_t)layer->input_side * layer->input_stride;
    for (int32_t channel = 0; channel < layer->output_channels; channel++) {
        const patch_routed *list = routed + (ptrdiff_t)channel * pixels;
        int32_t count = counts[channel];
        for (int32_t ky = 0; ky < layer->kernel_side; ky++, weights += taps) {
            float *to = input + ky * row;
            switch (taps / LANES) {
            case 3: input_row(3, list, count, weights, to); break;
            case 6: input_row(6, list, count, weights, to); break;
            case 12: input_row(12, list, count, weights, to); break;
            default: long_input_row(list, count, weights, taps, to);
            }
        }
    }
}

#pragma clang attribute pop

#else

void patch_weight_gradient_avx2(const patch_convolution_gradient *layer, const patch_routed *routed,
                                const int32_t *counts, const float *input, float *weights, float *bias) {
    (void)layer, (void)routed, (void)counts, (void)input, (void)weights, (void)bias;
}
void patch_input_gradient_avx2(const patch_convolution_gradient *layer, const patch_routed *routed,
                               const int32_t *counts, const float *weights, float *input) {
    (void)layer, (void)routed, (void)counts, (void)weights, (void)input;
}

#endif
