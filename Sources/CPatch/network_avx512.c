// Direct convolutions with AVX-512F. Eight channels that are left over, and the linear layers, which take little time, are
// AVX2's.

#include "network_internal.h"

#if defined(__x86_64__)

#include "vectors_avx512.h"

#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)

#include "network_tiles.h"

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

#pragma clang attribute pop

bool patch_has_avx512(void) { return __builtin_cpu_supports("avx512f") && patch_has_avx2(); }

#else

bool patch_has_avx512(void) { return false; }
void patch_convolve_avx512(const patch_convolution *layer, const float *input, float *output, int32_t *choices) {
    (void)layer, (void)input, (void)output, (void)choices;
}

#endif
