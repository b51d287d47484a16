// Training in plain loops: what has no need of vectors, and the oracles of what has.

#include "patch_training.h"

#include "patch_network.h"
#include "training_internal.h"

#include <math.h>
#include <string.h>

int32_t patch_tap_row_stride(int32_t kernel_side, int32_t input_stride) {
    return (kernel_side * input_stride + 7) / 8 * 8;
}

void patch_route(const patch_convolution_gradient *layer, const int32_t *choices, const float *output,
                 const float *gradient, patch_routed *routed, int32_t *counts) {
    int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side), pixels = side * side;
    int32_t row = layer->input_side * layer->input_stride;
    const int32_t places[4] = {0, layer->input_stride, row, row + layer->input_stride};
    memset(counts, 0, (size_t)layer->output_channels * sizeof *counts);
    for (int32_t y = 0; y < side; y++) {
        for (int32_t x = 0; x < side; x++) {
            ptrdiff_t pixel = ((ptrdiff_t)y * side + x) * layer->output_stride;
            int32_t corner = 2 * y * row + 2 * x * layer->input_stride;
            for (int32_t channel = 0; channel < layer->output_channels; channel++) {
                // Always written and seldom kept: a branch here would be guessed wrong every other time.
                patch_routed *next = routed + (ptrdiff_t)channel * pixels + counts[channel];
                next->input = corner + places[choices[pixel + channel]];
                next->gradient = gradient[pixel + channel];
                counts[channel] += (output[pixel + channel] > 0) & (gradient[pixel + channel] != 0);
            }
        }
    }
}

void patch_weight_gradient_portable(const patch_convolution_gradient *layer, const patch_routed *routed,
                                    const int32_t *counts, const float *input, float *weights, float *bias) {
    int32_t pixels = patch_pooled_pixels(layer);
    ptrdiff_t row = (ptrdiff_t)layer->input_side * layer->input_stride;
    for (int32_t channel = 0; channel < layer->output_channels; channel++) {
        const patch_routed *list = routed + (ptrdiff_t)channel * pixels;
        float *weight = weights + (ptrdiff_t)channel * layer->kernel_side * layer->row_stride;
        bias[channel] = patch_sum_routed(list, counts[channel], bias[channel]);
        for (int32_t ky = 0; ky < layer->kernel_side; ky++, weight += layer->row_stride)
            for (int32_t i = 0; i < counts[channel]; i++)
                for (int32_t tap = 0; tap < layer->row_stride; tap++)
                    weight[tap] = fmaf(list[i].gradient, input[list[i].input + ky * row + tap], weight[tap]);
    }
    patch_clear_row_ends(layer, weights);
}

void patch_input_gradient_portable(const patch_convolution_gradient *layer, const patch_routed *routed,
                                   const int32_t *counts, const float *weights, float *input) {
    int32_t pixels = patch_pooled_pixels(layer);
    ptrdiff_t row = (ptrdiff_t)layer->input_side * layer->input_stride;
    for (int32_t channel = 0; channel < layer->output_channels; channel++) {
        const patch_routed *list = routed + (ptrdiff_t)channel * pixels;
        const float *weight = weights + (ptrdiff_t)channel * layer->kernel_side * layer->row_stride;
        for (int32_t ky = 0; ky < layer->kernel_side; ky++, weight += layer->row_stride) {
            for (int32_t i = 0; i < counts[channel]; i++) {
                float *target = input + list[i].input + ky * row;
                for (int32_t tap = 0; tap < layer->row_stride; tap++)
                    target[tap] = fmaf(list[i].gradient, weight[tap], target[tap]);
            }
        }
    }
}

void patch_unflatten(const float *flat, int32_t side, int32_t channels, int32_t stride, float *output) {
    int32_t pixels = side * side;
    memset(output, 0, (size_t)pixels * (size_t)stride * sizeof *output);
    for (int32_t pixel = 0; pixel < pixels; pixel++)
        for (int32_t channel = 0; channel < channels; channel++)
            output[(ptrdiff_t)pixel * stride + channel] = flat[(ptrdiff_t)channel * pixels + pixel];
}

void patch_transpose(const float *from, int32_t rows, int32_t columns, int32_t from_stride, float scale, float *to,
                     int32_t to_stride) {
    for (int32_t row = 0; row < rows; row++)
        for (int32_t column = 0; column < columns; column++)
            to[(ptrdiff_t)column * to_stride + row] = from[(ptrdiff_t)row * from_stride + column] * scale;
}

bool patch_sum_parts(const float *parts, int32_t count, ptrdiff_t stride, ptrdiff_t length, float *sum) {
    memcpy(sum, parts, (size_t)length * sizeof *sum);
    for (int32_t part = 1; part < count; part++)
        for (ptrdiff_t i = 0; i < length; i++) sum[i] += parts[part * stride + i];
    bool finite = true;
    for (ptrdiff_t i = 0; i < length; i++) finite &= fabsf(sum[i]) < INFINITY;
    return finite;
}

void patch_adam_step(const patch_adam *adam, ptrdiff_t count, const float *gradient, float *mean, float *square,
                     float *parameters) {
    const patch_adam a = *adam;
    const float rest1 = 1 - a.beta1, rest2 = 1 - a.beta2;
    for (ptrdiff_t i = 0; i < count; i++) {
        float g = gradient[i] + a.decay * parameters[i];
        mean[i] = a.beta1 * mean[i] + rest1 * g;
        square[i] = a.beta2 * square[i] + rest2 * g * g;
        parameters[i] -= a.step * (mean[i] / (sqrtf(square[i]) / a.root + a.epsilon));
    }
}
