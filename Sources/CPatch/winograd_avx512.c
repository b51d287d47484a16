// `winograd-1` with AVX-512F. What the inputs become, and eight channels that are left over, are AVX2's.

#include "network_internal.h"

#if defined(__x86_64__)

#include "vectors_avx512.h"

#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)

#include "network_tiles.h"

#include "winograd_tiles.h"

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

#else

void patch_winograd_avx512(const patch_convolution *layer, const float *input, float *room, float *output) {
    (void)layer, (void)input, (void)room, (void)output;
}

#endif
