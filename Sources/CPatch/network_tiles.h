// Fast kernels of `direct-1`, written once for vectors of any width. A file that includes this one has included
// the vectors of its instruction set: vectors_avx2.h or vectors_avx512.h.
//
// A vector holds output channels of one pixel, so a sum's own order of steps is that of the portable kernel. A tile is
// a few pixels times a few vectors of sums that stay in registers while their taps go by: it needs enough of them to
// hide the latency of FMA, and few enough loads a step to keep the load ports from being the limit.

#include "network_internal.h"

// Most sums of one tile.
#define MOST_SUMS 16
#define INLINED static inline __attribute__((always_inline))

// Where the inputs of one sum lie: `rows` times `columns` runs of `length` floats.
typedef struct {
    int32_t rows, columns, length;
    ptrdiff_t row_stride, column_stride;
} reach;

// Sums of `pixels` x `vectors`: the bias, then every tap in order. Pixel counts and vector counts are constants at the
// call, so that the loops over them unroll and `sums` lives in registers.
INLINED void accumulate(const int pixels, const int vectors, vector *sums, const float *const *inputs,
                        const reach *reach, const float *bias, const float *weights, ptrdiff_t weight_stride) {
    for (int p = 0; p < pixels; p++)
        for (int v = 0; v < vectors; v++) sums[p * vectors + v] = load(bias + v * LANES);
    for (int32_t row = 0; row < reach->rows; row++) {
        for (int32_t column = 0; column < reach->columns; column++) {
            ptrdiff_t start = row * reach->row_stride + column * reach->column_stride;
            for (ptrdiff_t tap = start; tap < start + reach->length; tap++) {
                vector weight[MOST_SUMS];
                for (int v = 0; v < vectors; v++) weight[v] = load(weights + v * LANES);
                for (int p = 0; p < pixels; p++) {
                    vector value = broadcast(inputs[p] + tap);
                    for (int v = 0; v < vectors; v++)
                        sums[p * vectors + v] = multiply_add(value, weight[v], sums[p * vectors + v]);
                }
                weights += weight_stride;
            }
        }
    }
}

// The greatest of a pixel's four sums, and where `choices` is wanted the place of the first that is as great.
INLINED vector pooled_sum(const vector four[4], int32_t *choices) {
    if (!choices) return greater_of(greater_of(four[0], four[1]), greater_of(four[2], four[3]));
    vector most = four[0], choice = zero();
    for (int place = 1; place < 4; place++) {
        const float number = (float)place;
        choice = where_greater(four[place], most, broadcast(&number), choice);
        most = greater_of(four[place], most);
    }
    store_whole(choices, choice);
    return most;
}

// `pooled` neighbouring pooled pixels of one row, `vectors` vectors of channels: 4 x pooled x vectors sums.
INLINED void convolution_tile(const int pooled, const int vectors, const patch_convolution *layer, const reach *reach,
                              int32_t channel, const float *input, float *output, int32_t *choices) {
    vector sums[MOST_SUMS];
    const float *inputs[MOST_SUMS];
    for (int p = 0; p < 2 * pooled; p++) {
        inputs[p] = input + p * layer->input_stride;
        inputs[2 * pooled + p] = inputs[p] + reach->row_stride;
    }
    accumulate(4 * pooled, vectors, sums, inputs, reach, layer->bias + channel, layer->weights + channel,
               layer->output_stride);
    for (int p = 0; p < pooled; p++) {
        for (int v = 0; v < vectors; v++) {
            const vector *upper = sums + 2 * p * vectors + v, *lower = upper + 2 * pooled * vectors;
            const vector four[4] = {upper[0], upper[vectors], lower[0], lower[vectors]};
            ptrdiff_t place = p * layer->output_stride + v * LANES;
            vector most = pooled_sum(four, choices ? choices + place : NULL);
            store(output + place, greater_of(most, zero()));
        }
    }
}

// Every pixel of `vectors` vectors of channels from `channel` on, in tiles of `pooled` pixels.
INLINED void convolution_strip(const int pooled, const int vectors, const patch_convolution *layer, int32_t channel,
                               const float *input, float *output, int32_t *choices) {
    int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side);
    ptrdiff_t column = layer->input_stride, row = layer->input_side * column;
    reach reach = {layer->kernel_side, layer->kernel_side, layer->input_channels, row, column};
    if (layer->input_channels == layer->input_stride) {  // no padding between the pixels: a kernel row is one run
        reach.columns = 1;
        reach.length = layer->kernel_side * layer->input_channels;
    }
    for (int32_t y = 0; y < side; y++) {
        const float *from = input + 2 * y * row;
        ptrdiff_t to = (ptrdiff_t)y * side * layer->output_stride + channel;
        int32_t x = 0;
        for (; x + pooled <= side; x += pooled, to += pooled * layer->output_stride)
            convolution_tile(pooled, vectors, layer, &reach, channel, from + 2 * x * column, output + to,
                             choices ? choices + to : NULL);
        for (; pooled > 2 && x + 2 <= side; x += 2, to += 2 * layer->output_stride)
            convolution_tile(2, vectors, layer, &reach, channel, from + 2 * x * column, output + to,
                             choices ? choices + to : NULL);
        for (; x < side; x++, to += layer->output_stride)
            convolution_tile(1, vectors, layer, &reach, channel, from + 2 * x * column, output + to,
                             choices ? choices + to : NULL);
    }
}

// `patches` patches, `vectors` vectors of outputs from `index` on: patches x vectors sums.
INLINED void linear_tile(const int patches, const int vectors, const patch_linear *layer, int32_t index,
                         const float *input, float *output) {
    vector sums[MOST_SUMS];
    const float *inputs[MOST_SUMS];
    for (int p = 0; p < patches; p++) inputs[p] = input + (ptrdiff_t)p * layer->input_stride;
    reach reach = {1, 1, layer->inputs, 0, 0};
    accumulate(patches, vectors, sums, inputs, &reach, layer->bias + index, layer->weights + index,
               layer->output_stride);
    for (int p = 0; p < patches; p++) {
        for (int v = 0; v < vectors; v++) {
            vector sum = sums[p * vectors + v];
            store(output + (ptrdiff_t)p * layer->output_stride + index + v * LANES,
                  layer->rectified ? greater_of(sum, zero()) : sum);
        }
    }
}
