// Direct convolutions with AVX2 and FMA.

#include "network_internal.h"

#if defined(__x86_64__)

#include "vectors_avx2.h"

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#include "network_tiles.h"

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
void patch_linear_avx2(const patch_linear *layer, int32_t patches, const float *input, float *output) {
    (void)layer, (void)patches, (void)input, (void)output;
}

#endif
