// Fast kernels for the first layer, direct in every arithmetic, which has too few channels to fill vectors with: here a
// vector holds neighbouring pixels of one channel. A file that includes this one has included network_tiles.h and defined
// OUTPUTS, the output channels of a tile, and store_pixels() for them.
//
// A pooled pixel takes the sums of two neighbouring columns. So the input is laid out by the parity of its columns: then
// vectors of neighbouring pooled pixels are loaded, computed and pooled without moving a float from its lane.

#include <string.h>

// OUTPUTS channels from `channel` on, of LANES pooled pixels from `x` on. `rows` are the rows of planes that they reach.
INLINED void bytes_tile(const int kernel_side, const patch_convolution *layer, const float *const *rows,
                        ptrdiff_t stride, int32_t x, int32_t channel, float *output, int32_t count) {
    vector sums[OUTPUTS][4], pooled[OUTPUTS];
    for (int o = 0; o < OUTPUTS; o++)
        for (int place = 0; place < 4; place++) sums[o][place] = broadcast(layer->bias + channel + o);
    const float *weights = layer->weights + channel;
    for (int ky = 0; ky < kernel_side; ky++) {
        for (int kx = 0; kx < kernel_side; kx++) {
            for (int c = 0; c < PATCH_BYTE_CHANNELS; c++, weights += layer->output_stride) {
                vector input[4];
                for (int place = 0; place < 4; place++) {
                    int column = kx + place % 2;
                    input[place] = load(rows[ky + place / 2] + (2 * c + column % 2) * stride + x + column / 2);
                }
                for (int o = 0; o < OUTPUTS; o++) {
                    vector weight = broadcast(weights + o);
                    for (int place = 0; place < 4; place++)
                        sums[o][place] = multiply_add(input[place], weight, sums[o][place]);
                }
            }
        }
    }
    for (int o = 0; o < OUTPUTS; o++) pooled[o] = greater_of(pooled_sum(sums[o], NULL), zero());
    store_pixels(pooled, output, layer->output_stride, count);
}

// One row of pooled pixels.
INLINED void bytes_row(const int kernel_side, const patch_convolution *layer, const float *const *rows, float *output) {
    int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side);
    ptrdiff_t stride = patch_plane_stride(layer);
    for (int32_t channel = 0; channel < layer->output_stride; channel += OUTPUTS) {
        for (int32_t x = 0; x < side; x += LANES) {
            int32_t count = side - x < LANES ? side - x : LANES;
            bytes_tile(kernel_side, layer, rows, stride, x, channel, output + x * layer->output_stride + channel, count);
        }
    }
}

// A ring of rows of planes holds those that one row of pooled pixels reaches.
INLINED void convolve_bytes(const patch_convolution *layer, const uint8_t *rgb, float *planes, float *output) {
    int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side), reach = layer->kernel_side + 1, done = 0;
    ptrdiff_t stride = patch_plane_stride(layer), row_size = 2 * PATCH_BYTE_CHANNELS * stride;
    const float *rows[PATCH_BYTES_KERNEL_SIDE + 1];
    for (int32_t y = 0; y < side; y++) {
        for (; done < 2 * y + reach; done++)
            patch_spread_row_avx2(rgb + (ptrdiff_t)done * layer->input_side * PATCH_BYTE_CHANNELS, layer->input_side,
                                  stride, planes + done % reach * row_size);
        for (int32_t row = 0; row < reach; row++) rows[row] = planes + (2 * y + row) % reach * row_size;
        float *to = output + (ptrdiff_t)y * side * layer->output_stride;
        if (layer->kernel_side == 3)
            bytes_row(3, layer, rows, to);
        else
            bytes_row(layer->kernel_side, layer, rows, to);
    }
}
