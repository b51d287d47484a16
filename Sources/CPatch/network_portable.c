// The oracle of `direct-1`: what patch_network.h says, in plain loops.

#include "network_internal.h"

#include <math.h>

int32_t patch_pooled_side(int32_t input_side, int32_t kernel_side) {
    return (input_side - kernel_side + 1) / 2;
}

void patch_spread_bytes(const uint8_t *bytes, int32_t count, float *output) {
    for (int32_t i = 0; i < count; i++) output[i] = (float)bytes[i];
}

void patch_flatten(const float *input, int32_t side, int32_t channels, int32_t stride, float *output) {
    int32_t pixels = side * side;
    for (int32_t pixel = 0; pixel < pixels; pixel++)
        for (int32_t channel = 0; channel < channels; channel++)
            output[(size_t)channel * pixels + pixel] = input[(size_t)pixel * stride + channel];
}

static float greater(float a, float b) {
    return a > b ? a : b;
}

// One output of a convolution before pooling: the sum at row y, column x of output channel `output`.
static float convolution_sum(const patch_convolution *layer, const float *input, int32_t y, int32_t x, int32_t output) {
    const float *weight = layer->weights + output;
    float sum = layer->bias[output];
    for (int32_t ky = 0; ky < layer->kernel_side; ky++) {
        for (int32_t kx = 0; kx < layer->kernel_side; kx++) {
            const float *pixel = input + ((size_t)(y + ky) * layer->input_side + (x + kx)) * layer->input_stride;
            for (int32_t channel = 0; channel < layer->input_channels; channel++) {
                sum = fmaf(pixel[channel], *weight, sum);
                weight += layer->output_stride;
            }
        }
    }
    return sum;
}

void patch_convolve_portable(const patch_convolution *layer, const float *input, float *output, int32_t *choices) {
    int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side);
    for (int32_t y = 0; y < side; y++) {
        for (int32_t x = 0; x < side; x++) {
            ptrdiff_t pixel = ((ptrdiff_t)y * side + x) * layer->output_stride;
            for (int32_t channel = 0; channel < layer->output_stride; channel++) {
                float most = convolution_sum(layer, input, 2 * y, 2 * x, channel);
                int32_t choice = 0;
                for (int32_t place = 1; place < 4; place++) {
                    float sum = convolution_sum(layer, input, 2 * y + place / 2, 2 * x + place % 2, channel);
                    if (!(sum > most)) continue;
                    most = sum;
                    choice = place;
                }
                output[pixel + channel] = greater(most, 0);
                if (choices) choices[pixel + channel] = choice;
            }
        }
    }
}

int32_t patch_bytes_room(const patch_convolution *layer) {
    int32_t whole = layer->input_side * layer->input_side * layer->input_channels;
    int32_t rows = (layer->kernel_side + 1) * 2 * layer->input_channels * (int32_t)patch_plane_stride(layer);
    return layer->kernel_side <= PATCH_BYTES_KERNEL_SIDE && rows > whole ? rows : whole;
}

void patch_convolve_bytes_portable(const patch_convolution *layer, const uint8_t *rgb, float *room, float *output) {
    patch_spread_bytes(rgb, layer->input_side * layer->input_side * layer->input_channels, room);
    patch_convolve_portable(layer, room, output, NULL);
}

void patch_linear_portable(const patch_linear *layer, int32_t patches, const float *input, float *output) {
    for (int32_t patch = 0; patch < patches; patch++) {
        const float *values = input + (size_t)patch * layer->input_stride;
        for (int32_t index = 0; index < layer->output_stride; index++) {
            float sum = layer->bias[index];
            for (int32_t i = 0; i < layer->inputs; i++)
                sum = fmaf(values[i], layer->weights[(size_t)i * layer->output_stride + index], sum);
            output[(size_t)patch * layer->output_stride + index] = layer->rectified ? greater(sum, 0) : sum;
        }
    }
}
