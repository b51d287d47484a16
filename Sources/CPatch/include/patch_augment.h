#ifndef PATCH_AUGMENT_H
#define PATCH_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

// What other scanners and archives do to pixels, for training. Pictures are square, 8-bit RGB, row by row.

// A separable filter of five taps: `weights` are of the middle and of the pixels one and two away; beyond an edge the
// picture is mirrored. The side is at least 3.
void patch_blur(const uint8_t *rgb, int32_t side, const float weights[3], uint8_t *blurred);

// JPEG and back through libjpeg: baseline, quality 1 to 100, colours at full or at half resolution. The same pixels with
// the same libjpeg. False without memory.
bool patch_jpeg(const uint8_t *rgb, int32_t side, int32_t quality, bool halves_colours, uint8_t *decoded);

#endif
