#pragma once
// What the kernels of the network share among themselves.
#include "patch_network.h"

#include <stddef.h>

// Channels of a pixel that comes as bytes, and the largest kernel that is fast on them.
#define PATCH_BYTE_CHANNELS 3
#define PATCH_BYTES_KERNEL_SIDE 7

// Vectors are at most so many floats.
#define PATCH_MOST_LANES 16

// Floats from one plane of a row, the even or the odd columns of a channel, to the next (bytes_tiles.h).
static inline ptrdiff_t patch_plane_stride(const patch_convolution *layer) {
    int32_t pooled = patch_pooled_side(layer->input_side, layer->kernel_side), beside = (layer->kernel_side + 1) / 2;
    int32_t vectors = (pooled + PATCH_MOST_LANES - 1) / PATCH_MOST_LANES;
    return PATCH_MOST_LANES * (vectors + (beside + PATCH_MOST_LANES - 1) / PATCH_MOST_LANES);
}

// The output channels from `channel`, a multiple of 8, on: for a kernel with wider vectors that has done the others.
void patch_convolve_avx2_from(int32_t channel, const patch_convolution *layer, const float *input, float *output,
                              int32_t *choices);

// A row of `width` pixels of three bytes to six planes, each `stride` floats behind the other: the even and the odd
// columns of each channel. Zeros are written behind a plane's end, up to a multiple of eight floats.
void patch_spread_row_avx2(const uint8_t *rgb, int32_t width, ptrdiff_t stride, float *planes);

// Tiles of `winograd-1` that are computed together. The room holds v of them, [place][tile][input_stride], and behind it the
// sums of PATCH_MOST_SUMMED output channels, [tile][place][channel].
#define PATCH_TILES 16
#define PATCH_MOST_SUMMED 32

// v of `count` tiles from `tile` on.
void patch_winograd_inputs_avx2(const patch_convolution *layer, const float *input, int32_t tile, int32_t count,
                                float *transformed);

// The outputs of `count` tiles from v, for the output channels from `channel`, a multiple of 8, on.
void patch_winograd_channels_avx2(int32_t channel, const patch_convolution *layer, const float *transformed, float *sums,
                                  float *output, int32_t count);
