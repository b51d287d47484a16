#pragma once
// What the PNG functions share among themselves.
#include "patch_png.h"
#include <stdarg.h>
#include <stdio.h>

/// Types of colour that a header names (third edition, 11.2.2).
enum { COLOR_GREY = 0, COLOR_RGB = 2, COLOR_PALETTE = 3, COLOR_GREY_ALPHA = 4, COLOR_RGB_ALPHA = 6 };

/// What the chunk structure of a PNG says, found without taking any memory. Offsets are those of whole chunks, from
/// their length field on; 0 means that the chunk is absent.
struct patch_png_outline {
    uint32_t width, height;
    uint8_t bit_depth, color_type, interlace;
    size_t palette, transparency;   // PLTE and tRNS
    size_t image_start, image_end;  // the run of IDAT chunks
    size_t image_bytes;             // their contents together
};

/// Walks the chunks from the signature to IEND. Status OK means: the size is the expected one, every chunk is
/// complete and its checksum right, the order allowed, and nothing follows the end.
struct patch_png_report patch_png_examine(const uint8_t *bytes, size_t count, uint32_t width, uint32_t height,
                                          struct patch_png_outline *outline);

/// Copies the contents of all IDAT chunks to `joined[image_bytes]`.
void patch_png_join(const uint8_t *bytes, const struct patch_png_outline *outline, uint8_t *joined);

/// Decodes a PNG of any kind that was examined as OK into rgb[height * width * 3].
struct patch_png_report patch_png_decode_generally(const uint8_t *bytes, const struct patch_png_outline *outline,
                                                   uint8_t *rgb);

static inline uint32_t patch_png_big_endian(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline struct patch_png_report patch_png_ok(void) {
    struct patch_png_report report;
    report.status = PATCH_PNG_OK;
    report.message[0] = 0;
    return report;
}

__attribute__((format(printf, 2, 3))) static inline struct patch_png_report
patch_png_refuse(enum patch_png_status status, const char *format, ...) {
    struct patch_png_report report;
    report.status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report.message, sizeof report.message, format, arguments);
    va_end(arguments);
    return report;
}
