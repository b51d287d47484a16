#ifndef PATCH_NETWORK_H
#define PATCH_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

// The arithmetic `direct-1`. Every kernel below computes exactly this, bit for bit, on every CPU:
//
//  1. A byte b becomes the float b. The weights (not the biases) of the first layer are multiplied once, in float, by
//     the float 1/255; nothing else is done to the input.
//  2. Convolution without padding, stride 1. Each output starts as its bias; then, for ky, for kx, for input channel,
//     in that order of nesting: sum = fmaf(input[y + ky][x + kx][channel], weight, sum), rounded once a step.
//  3. 2x2 maximum of the sums, stride 2, an odd last row or column dropped; then ReLU: greater of that and +0.
//  4. Flattening is channel-major: feature index = (channel * side + y) * side + x.
//  5. Linear: each output starts as its bias; then, for input in order: sum = fmaf(input, weight, sum). ReLU as above
//     after every linear layer but the last.
//  6. Log-softmax of the two outputs in double, by `patch_log_probabilities`.
//
// The arithmetic `winograd-1` is the same but for convolutions behind the first whose kernel is 3x3. These are computed by
// F(2x2, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016: a tile of 2x2 outputs,
// which is one pooled pixel, from 4x4 inputs with 16 multiplications a channel instead of 36.
//
//  a. A kernel g of 3x3 becomes u of 4x4: (G g) G', where G has the rows (1, 0, 0), (1/2, 1/2, 1/2), (1/2, -1/2, 1/2) and
//     (0, 0, 1); in double, from left to right, and rounded once to float.
//  b. The inputs d of a tile become v: for each column t0 = d0 - d2, t1 = d1 + d2, t2 = d2 - d1, t3 = d1 - d3 over its
//     rows, then for each row of t the same over its columns.
//  c. For each of the 16 places a sum starts as +0; then, for input channel in order: sum = fmaf(v, u, sum).
//  d. The sums m become outputs: for each column s0 = (m0 + m1) + m2, s1 = (m1 - m2) - m3 over its rows, then for both
//     rows of s the same over its columns. The greatest of the four outputs, plus the bias; then ReLU as above.
//
// Sums never overflow: the caller refuses weights whose partial sums could (see Architecture and Network in Swift), so
// neither an infinity nor a NaN ever arises and "greater of" needs no rule for them.
// Rounding is to nearest even and subnormals are kept: the state in which every thread starts.

// A convolution layer with its ReLU and pooling. Activations are stored [y][x][channel], with `input_stride` and
// `output_stride` floats from one pixel to the next. `weights` is [ky][kx][input channel][output_stride] and `bias`
// [output_stride]; the columns past `output_channels` are zero, and so are the channels past it in the output.
// `output_stride` is a multiple of 8.
typedef struct {
    int32_t input_side, input_channels, input_stride;
    int32_t output_channels, output_stride;
    int32_t kernel_side;
    const float *weights;
    const float *bias;
} patch_convolution;

// A convolution of `winograd-1`: as above, but for `weights`, which is u as [place][input channel][output_stride].
// `input_stride` is a multiple of 8.
#define PATCH_WINOGRAD_PLACES 16

// u of a kernel of 3x3.
void patch_winograd_weights(const float kernel[9], float places[PATCH_WINOGRAD_PLACES]);

// Floats that a convolution of `winograd-1` needs room for.
int32_t patch_winograd_room(const patch_convolution *layer);

void patch_winograd_portable(const patch_convolution *layer, const float *input, float *room, float *output);
void patch_winograd_avx2(const patch_convolution *layer, const float *input, float *room, float *output);
void patch_winograd_avx512(const patch_convolution *layer, const float *input, float *room, float *output);

// A linear layer over several patches at once. `weights` is [input][output_stride], `bias` [output_stride]; a patch's
// inputs are `inputs` floats in a row every `input_stride`, and its outputs `output_stride` floats in a row.
// `output_stride` is a multiple of 8; outputs past `outputs` are zero.
typedef struct {
    int32_t inputs, input_stride;
    int32_t outputs, output_stride;
    bool rectified;
    const float *weights;
    const float *bias;
} patch_linear;

// Side of the pooled output of a convolution.
int32_t patch_pooled_side(int32_t input_side, int32_t kernel_side);

// The first layer, from bytes [y][x][3]. `room` is for patch_bytes_room() floats, none of them a NaN or an infinity.
int32_t patch_bytes_room(const patch_convolution *layer);
void patch_convolve_bytes_portable(const patch_convolution *layer, const uint8_t *rgb, float *room, float *output);
void patch_convolve_bytes_avx2(const patch_convolution *layer, const uint8_t *rgb, float *room, float *output);
void patch_convolve_bytes_avx512(const patch_convolution *layer, const uint8_t *rgb, float *room, float *output);

// `count` bytes to floats.
void patch_spread_bytes(const uint8_t *bytes, int32_t count, float *output);

// [y][x][stride] to channel-major, dropping the channels past `channels`.
void patch_flatten(const float *input, int32_t side, int32_t channels, int32_t stride, float *output);

// A convolution writes, where `choices` is no null pointer, for each output which of its four sums was the greatest: 0, 1
// in the upper row, 2, 3 in the lower, the first of equals. Training needs them; the outputs are the same with and without.

// The oracle: plain loops with fmaf. Any machine.
void patch_convolve_portable(const patch_convolution *layer, const float *input, float *output, int32_t *choices);
void patch_linear_portable(const patch_linear *layer, int32_t patches, const float *input, float *output);

// Eight lanes of AVX2 with FMA. Only where `patch_has_avx2` is true; on other architectures they do nothing.
bool patch_has_avx2(void);
void patch_convolve_avx2(const patch_convolution *layer, const float *input, float *output, int32_t *choices);
void patch_linear_avx2(const patch_linear *layer, int32_t patches, const float *input, float *output);

// Sixteen lanes of AVX-512F. Only where `patch_has_avx512` is true; on other architectures it does nothing.
bool patch_has_avx512(void);
void patch_convolve_avx512(const patch_convolution *layer, const float *input, float *output, int32_t *choices);

// e^x for x <= 0, in double: relative error below 1e-15 down to x = -708, exactly 0 below.
double patch_exp(double x);

// ln(1 + x) for 0 <= x <= 1, in double: relative error below 1e-15.
double patch_log1p(double x);

// Log-softmax of two finite logits, normal then tumour: x - ln(e^normal + e^tumor).
void patch_log_probabilities(const float logits[2], float *normal, float *tumor);

#endif
