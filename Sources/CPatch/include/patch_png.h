#pragma once
// PNG bytes to RGB pixels and back, through libpng. No gamma, no colour management: the values in the file.
#include <stddef.h>
#include <stdint.h>

/// Why an image was not decoded.
enum __attribute__((enum_extensibility(closed))) patch_png_status {
    PATCH_PNG_OK,
    PATCH_PNG_EMPTY,
    PATCH_PNG_NOT_PNG,
    PATCH_PNG_ANIMATED,
    PATCH_PNG_WRONG_SIZE,
    PATCH_PNG_TOO_LARGE,
    PATCH_PNG_TRUNCATED,
    PATCH_PNG_CORRUPT,
    PATCH_PNG_TRANSPARENT,
    PATCH_PNG_NO_MEMORY,
};

/// Widest and highest image that is ever decoded or encoded, in pixels.
#define PATCH_PNG_SIDE_LIMIT 4096

/// Outcome of a call: the status, and for anything but OK a sentence that ends in a zero byte.
struct patch_png_report {
    enum patch_png_status status;
    char message[200];
};

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

/// Decodes a PNG that was examined as OK into rgb[height * width * 3]; on refusal rgb is undefined.
struct patch_png_report patch_png_decode(const uint8_t *bytes, const struct patch_png_outline *outline, uint8_t *rgb);

/// Bytes that are always enough for `patch_png_encode`; 0 for a size that it refuses.
size_t patch_png_encoded_bound(uint32_t width, uint32_t height);

/// Encodes rgb[height * width * 3] as 8-bit RGB into png[capacity] and sets `written`.
struct patch_png_report patch_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t *png,
                                         size_t capacity, size_t *written);

/// CRC-32 as PNG stores it behind a chunk (ISO 3309).
uint32_t patch_png_checksum(const uint8_t *bytes, size_t count);
