// The oracle of `winograd-1`: what patch_network.h says, in plain loops.

#include "network_internal.h"

#include <math.h>

void patch_winograd_weights(const float kernel[9], float places[PATCH_WINOGRAD_PLACES]) {
    static const double factors[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
    double half[4][3];
    for (int i = 0; i < 4; i++)
        for (int x = 0; x < 3; x++)
            half[i][x] = factors[i][0] * (double)kernel[x] + factors[i][1] * (double)kernel[3 + x]
                + factors[i][2] * (double)kernel[6 + x];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            places[4 * i + j] =
                (float)(half[i][0] * factors[j][0] + half[i][1] * factors[j][1] + half[i][2] * factors[j][2]);
}

int32_t patch_winograd_room(const patch_convolution *layer) {
    return PATCH_WINOGRAD_PLACES * PATCH_TILES * (layer->input_stride + PATCH_MOST_SUMMED);
}

// What four numbers, `stride` apart, become on the way in.
static void transform_input(float *numbers, int stride) {
    float a = numbers[0], b = numbers[stride], c = numbers[2 * stride], d = numbers[3 * stride];
    numbers[0] = a - c;
    numbers[stride] = b + c;
    numbers[2 * stride] = c - b;
    numbers[3 * stride] = b - d;
}

// What four sums, `stride` apart, become on the way out; two are left.
static void transform_output(float *sums, int stride) {
    float a = sums[0], b = sums[stride], c = sums[2 * stride], d = sums[3 * stride];
    sums[0] = (a + b) + c;
    sums[stride] = (b - c) - d;
}

static float greater(float a, float b) {
    return a > b ? a : b;
}

// The sums of one tile, whose first input is `input`, for one output channel.
static void add_up(const patch_convolution *layer, const float *input, int32_t output,
                   float sums[PATCH_WINOGRAD_PLACES]) {
    for (int place = 0; place < PATCH_WINOGRAD_PLACES; place++) sums[place] = 0;
    for (int32_t channel = 0; channel < layer->input_channels; channel++) {
        float tile[PATCH_WINOGRAD_PLACES];
        for (int y = 0; y < 4; y++)
            for (int x = 0; x < 4; x++)
                tile[4 * y + x] = input[((ptrdiff_t)y * layer->input_side + x) * layer->input_stride + channel];
        for (int x = 0; x < 4; x++) transform_input(tile + x, 4);
        for (int y = 0; y < 4; y++) transform_input(tile + 4 * y, 1);
        for (int place = 0; place < PATCH_WINOGRAD_PLACES; place++) {
            ptrdiff_t weight = (ptrdiff_t)(place * layer->input_channels + channel) * layer->output_stride + output;
            sums[place] = fmaf(tile[place], layer->weights[weight], sums[place]);
        }
    }
}

void patch_winograd_portable(const patch_convolution *layer, const float *input, float *room, float *output) {
    (void)room;
    int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side);
    for (int32_t y = 0; y < side; y++) {
        for (int32_t x = 0; x < side; x++) {
            const float *tile = input + ((ptrdiff_t)2 * y * layer->input_side + 2 * x) * layer->input_stride;
            float *pixel = output + ((ptrdiff_t)y * side + x) * layer->output_stride;
            for (int32_t channel = 0; channel < layer->output_stride; channel++) {
                float sums[PATCH_WINOGRAD_PLACES];
                add_up(layer, tile, channel, sums);
                for (int column = 0; column < 4; column++) transform_output(sums + column, 4);
                for (int row = 0; row < 2; row++) transform_output(sums + 4 * row, 1);
                float most = greater(greater(sums[0], sums[1]), greater(sums[4], sums[5]));
                pixel[channel] = greater(most + layer->bias[channel], 0);
            }
        }
    }
}
