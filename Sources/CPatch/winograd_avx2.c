// `winograd-1` with AVX2 and FMA.

#include "network_internal.h"

#if defined(__x86_64__)

#include "vectors_avx2.h"

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#include "network_tiles.h"

#include "winograd_tiles.h"

// What four vectors become on the way into `winograd-1`.
INLINED void transform(const vector from[4], vector to[4]) {
    to[0] = subtract(from[0], from[2]);
    to[1] = add(from[1], from[2]);
    to[2] = subtract(from[2], from[1]);
    to[3] = subtract(from[1], from[3]);
}

// Two columns of four pixels, transformed from top to bottom.
INLINED void transform_columns(const float *top, ptrdiff_t row, ptrdiff_t column, vector to[2][4]) {
    for (int x = 0; x < 2; x++) {
        vector from[4];
        for (int y = 0; y < 4; y++) from[y] = load(top + y * row + x * column);
        transform(from, to[x]);
    }
}

void patch_winograd_inputs_avx2(const patch_convolution *layer, const float *input, int32_t tile, int32_t count,
                                float *transformed) {
    const int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side);
    const ptrdiff_t column = layer->input_stride, row = layer->input_side * column, place = PATCH_TILES * column;
    for (int32_t channel = 0; channel < layer->input_stride; channel += LANES) {
        // The right half of a tile is the left half of the next one in its row.
        vector left[2][4], right[2][4];
        for (int32_t i = 0; i < count; i++) {
            const int32_t tile_y = (tile + i) / side, tile_x = (tile + i) % side;
            const float *top = input + 2 * tile_y * row + 2 * tile_x * column + channel;
            if (i == 0 || tile_x == 0)
                transform_columns(top, row, column, left);
            else
                memcpy(left, right, sizeof left);
            transform_columns(top + 2 * column, row, column, right);
            for (int y = 0; y < 4; y++) {
                const vector from[4] = {left[0][y], left[1][y], right[0][y], right[1][y]};
                vector to[4];
                transform(from, to);
                for (int x = 0; x < 4; x++)
                    store(transformed + (4 * y + x) * place + i * column + channel, to[x]);
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

#pragma clang attribute pop

#else

void patch_winograd_avx2(const patch_convolution *layer, const float *input, float *room, float *output) {
    (void)layer, (void)input, (void)room, (void)output;
}

#endif
