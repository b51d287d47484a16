#pragma once
// Undoing the filters of PNG rows (third edition, section 9) of 8-bit RGB.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// `filtered` holds `height` rows of a filter's number and 3 * width bytes, and one byte more that may be read. False: a
/// row has a filter that PNG does not have, and `rgb[height * width * 3]` is undefined.
bool patch_unfilter(const uint8_t *filtered, size_t width, size_t height, uint8_t *rgb);

/// The oracle: the words of the specification in plain C.
bool patch_unfilter_portable(const uint8_t *filtered, size_t width, size_t height, uint8_t *rgb);
