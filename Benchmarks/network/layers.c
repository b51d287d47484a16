// Time of every layer of the published shape on one core, per kernel. Benchmarks/network/run builds and starts it.

#include "patch_network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPEATS = 500, PATCHES = 64 };

static double microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec * 1e-3;
}

// Values of -1 to 1 on a cache line of their own.
static float *random_floats(size_t count) {
    float *values = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    if (values == NULL) abort();
    for (size_t i = 0; i < count; i++) values[i] = (float)(rand() % 2001 - 1000) * 1e-3f;
    return values;
}

typedef void convolve(const patch_convolution *, const float *, float *, int32_t *);
typedef void convolve_bytes(const patch_convolution *, const uint8_t *, float *, float *);

typedef void convolve_winograd(const patch_convolution *, const float *, float *, float *);

// The same as below, for the first layer.
static double time_bytes(convolve_bytes *kernel, const patch_convolution *layer, int *is_same) {
    int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side);
    size_t count = (size_t)side * side * layer->output_stride, bytes = (size_t)layer->input_side * layer->input_side * 3;
    float *output = random_floats(count), *expected = random_floats(count);
    float *room = random_floats((size_t)patch_bytes_room(layer));
    uint8_t *rgb = malloc(bytes);
    if (rgb == NULL) abort();
    for (size_t i = 0; i < bytes; i++) rgb[i] = (uint8_t)rand();
    double best = 1e9;
    for (int i = 0; i < REPEATS; i++) {
        double start = microseconds();
        kernel(layer, rgb, room, output);
        double taken = microseconds() - start;
        if (taken < best) best = taken;
    }
    patch_convolve_bytes_portable(layer, rgb, room, expected);
    *is_same = memcmp(output, expected, count * sizeof(float)) == 0;
    free(output);
    free(expected);
    free(room);
    free(rgb);
    return best;
}

// The best of many runs, and whether its output has the bits of the portable kernel.
static double time_convolution(convolve *kernel, const patch_convolution *layer, const float *input, int *is_same) {
    int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side);
    size_t count = (size_t)side * side * layer->output_stride;
    float *output = random_floats(count), *expected = random_floats(count);
    double best = 1e9;
    for (int i = 0; i < REPEATS; i++) {
        double start = microseconds();
        kernel(layer, input, output, NULL);
        double taken = microseconds() - start;
        if (taken < best) best = taken;
    }
    patch_convolve_portable(layer, input, expected, NULL);
    *is_same = memcmp(output, expected, count * sizeof(float)) == 0;
    free(output);
    free(expected);
    return best;
}

// The same for `winograd-1`, beside its own portable kernel.
static double time_winograd(convolve_winograd *kernel, const patch_convolution *layer, const float *input, int *is_same) {
    int32_t side = patch_pooled_side(layer->input_side, layer->kernel_side);
    size_t count = (size_t)side * side * layer->output_stride;
    patch_convolution transformed = *layer;
    transformed.weights = random_floats((size_t)PATCH_WINOGRAD_PLACES * layer->input_channels * layer->output_stride);
    float *output = random_floats(count), *expected = random_floats(count);
    float *room = random_floats((size_t)patch_winograd_room(layer));
    double best = 1e9;
    for (int i = 0; i < REPEATS; i++) {
        double start = microseconds();
        kernel(&transformed, input, room, output);
        double taken = microseconds() - start;
        if (taken < best) best = taken;
    }
    patch_winograd_portable(&transformed, input, room, expected);
    *is_same = memcmp(output, expected, count * sizeof(float)) == 0;
    free(output);
    free(expected);
    free(room);
    return best;
}

static double time_linear(void) {
    patch_linear layer = {1024, 1024, 100, 104, true, random_floats(1024 * 104), random_floats(104)};
    float *input = random_floats(PATCHES * 1024), *output = random_floats(PATCHES * 104);
    double best = 1e9;
    for (int i = 0; i < REPEATS; i++) {
        double start = microseconds();
        patch_linear_avx2(&layer, PATCHES, input, output);
        double taken = (microseconds() - start) / PATCHES;
        if (taken < best) best = taken;
    }
    return best;
}

static void report(const char *name, convolve_bytes *first, convolve *kernel, convolve_winograd *winograd) {
    static const int32_t channels[] = {3, 8, 16, 32, 64}, sides[] = {96, 47, 22, 10, 4};
    double total = time_linear();
    printf("%s: linear 1024 to 100 %.1f us a patch\n", name, total);
    for (int i = 0; i < 4; i++) {
        size_t taps = 9 * (size_t)channels[i];
        patch_convolution layer = {sides[i], channels[i], channels[i], channels[i + 1], channels[i + 1], 3,
                                   random_floats(taps * channels[i + 1]), random_floats(channels[i + 1])};
        int is_same;
        float *input = random_floats((size_t)sides[i] * sides[i] * channels[i]);
        double best = i == 0 ? time_bytes(first, &layer, &is_same) : time_convolution(kernel, &layer, input, &is_same);
        double operations = 2.0 * 4 * sides[i + 1] * sides[i + 1] * taps * channels[i + 1];
        printf("%s: convolution %d  %5.1f us  %5.1f GFLOP/s  %s\n", name, i + 1, best, operations / best / 1e3,
               is_same ? "same bits" : "OTHER BITS");
        total += best;
        if (i == 0) continue;
        best = time_winograd(winograd, &layer, input, &is_same);
        printf("%s: convolution %d  %5.1f us by Winograd  %s\n", name, i + 1, best, is_same ? "same bits" : "OTHER BITS");
    }
    printf("%s: %.0f us a patch\n", name, total);
}

int main(void) {
    if (patch_has_avx2()) report("avx2", patch_convolve_bytes_avx2, patch_convolve_avx2, patch_winograd_avx2);
    if (patch_has_avx512()) report("avx512", patch_convolve_bytes_avx512, patch_convolve_avx512, patch_winograd_avx512);
    return 0;
}
