// What the kernels of training share.

#ifndef TRAINING_INTERNAL_H
#define TRAINING_INTERNAL_H

#include "patch_network.h"
#include "patch_training.h"

#include <string.h>

static inline int32_t patch_pooled_pixels(const patch_convolution_gradient *layer) {
    int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side);
    return side * side;
}

// The gradients of a list in order, upon `sum`.
static inline float patch_sum_routed(const patch_routed *list, int32_t count, float sum) {
    for (int32_t i = 0; i < count; i++) sum += list[i].gradient;
    return sum;
}

// Zeros behind the taps of each row, where the inputs of the next pixel were added up.
static inline void patch_clear_row_ends(const patch_convolution_gradient *layer, float *weights) {
    int32_t taps = layer->kernel_side * layer->input_stride;
    size_t end = (size_t)(layer->row_stride - taps) * sizeof *weights;
    if (end == 0) return;
    for (int32_t row = 0; row < layer->output_channels * layer->kernel_side; row++)
        memset(weights + (ptrdiff_t)row * layer->row_stride + taps, 0, end);
}

#endif
