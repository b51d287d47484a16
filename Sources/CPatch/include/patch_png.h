#pragma once
// PNG bytes to RGB pixels and back. No gamma, no colour management: the values in the file.
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

/// An image to be decoded: its `count` bytes, and where its pixels go, [height * width * 3]. On refusal, which the report
/// tells, the pixels are undefined.
struct patch_png_image {
    const uint8_t *bytes;
    size_t count;
    uint8_t *rgb;
    struct patch_png_report report;
};

/// Decodes images that must all have this size, each on its own; several take less time together than one by one.
void patch_png_decode(struct patch_png_image *images, size_t count, uint32_t width, uint32_t height);

/// The same for one image, and through libpng whatever kind it is: the oracle.
void patch_png_decode_by_libpng(struct patch_png_image *image, uint32_t width, uint32_t height);

/// Bytes that are always enough for `patch_png_encode`; 0 for a size that it refuses.
size_t patch_png_encoded_bound(uint32_t width, uint32_t height);

/// Encodes rgb[height * width * 3] as 8-bit RGB into png[capacity] and sets `written`.
struct patch_png_report patch_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t *png,
                                         size_t capacity, size_t *written);

/// CRC-32 as PNG stores it behind a chunk (ISO 3309).
uint32_t patch_png_checksum(const uint8_t *bytes, size_t count);
