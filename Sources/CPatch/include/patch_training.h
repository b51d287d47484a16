#ifndef PATCH_TRAINING_H
#define PATCH_TRAINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What training adds to `direct-1`: the way back through a convolution, and the step of the optimizer. Every kernel below
// computes the same, bit for bit, on every CPU; as there, vectors run over taps and parameters, never over a sum.
//
// Pooling lets one of four sums through and ReLU stops those that are not positive, so most of a convolution's gradient
// is zero. What is left is gathered into a list for each output channel, in the order of rows and columns:
//
//  1. Bias: the sum of the list's gradients in order.
//  2. Weights: for each row of taps, for each of the list: weight = fmaf(gradient, input, weight).
//  3. Input: for each output channel, for each row of taps, for each of its list: input = fmaf(gradient, weight, input).

// A convolution on the way back. Activations and their gradients are [y][x][channel] as in patch_network.h. Weights and
// their gradients are [output channel][ky][row_stride], a row of taps being [kx][input_stride], `kernel_side` times
// `input_stride` floats rounded up to a multiple of 8; behind them zeros.
typedef struct {
    int32_t input_side, input_stride;
    int32_t output_channels, output_stride;
    int32_t kernel_side, row_stride;
} patch_convolution_gradient;

// One place of a list: the float of the input under the kernel's first tap, and the gradient of the sum there.
typedef struct {
    int32_t input;
    float gradient;
} patch_routed;

// Floats of a row of taps.
int32_t patch_tap_row_stride(int32_t kernel_side, int32_t input_stride);

// The lists of one patch: `routed` is [output channel][pooled pixel], `counts` [output channel]. `choices` and `output`
// are what the convolution wrote, `gradient` is the loss's by its output.
void patch_route(const patch_convolution_gradient *layer, const int32_t *choices, const float *output,
                 const float *gradient, patch_routed *routed, int32_t *counts);

// Adds to the gradients of weights and bias. Up to 7 floats past the end of `input` are read and not used.
void patch_weight_gradient_portable(const patch_convolution_gradient *layer, const patch_routed *routed,
                                    const int32_t *counts, const float *input, float *weights, float *bias);
void patch_weight_gradient_avx2(const patch_convolution_gradient *layer, const patch_routed *routed,
                                const int32_t *counts, const float *input, float *weights, float *bias);

// Adds to the gradient by the input. `input_stride` is a multiple of 8.
void patch_input_gradient_portable(const patch_convolution_gradient *layer, const patch_routed *routed,
                                   const int32_t *counts, const float *weights, float *input);
void patch_input_gradient_avx2(const patch_convolution_gradient *layer, const patch_routed *routed,
                               const int32_t *counts, const float *weights, float *input);

// Channel-major, as patch_flatten writes it, to [y][x][stride]; channels past `channels` are zero.
void patch_unflatten(const float *flat, int32_t side, int32_t channels, int32_t stride, float *output);

// [rows][from_stride] to [columns][to_stride], each value multiplied by `scale`.
void patch_transpose(const float *from, int32_t rows, int32_t columns, int32_t from_stride, float scale, float *to,
                     int32_t to_stride);

// The sum of `count` parts in their order, of `length` floats each and `stride` floats from one to the next.
// False where one of the sums is not finite.
bool patch_sum_parts(const float *parts, int32_t count, ptrdiff_t stride, ptrdiff_t length, float *sum);

// One step of Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, algorithm 1), in the order in
// which PyTorch writes it: `step` is the learning rate over 1 - beta1^t, `root` the square root of 1 - beta2^t. Decay is
// added to the gradient as `decay` times the parameter.
typedef struct {
    float beta1, beta2, epsilon, decay, step, root;
} patch_adam;

void patch_adam_step(const patch_adam *adam, ptrdiff_t count, const float *gradient, float *mean, float *square,
                     float *parameters);

#endif
