// The chunk structure of a PNG (PNG specification, third edition, section 5), read before libpng sees a byte: so the
// size is judged before memory is taken, and a file that ends early is told apart from one that is damaged.
#include "png_internal.h"
#include <stdbool.h>
#include <string.h>

static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

struct chunk {
    uint32_t length;
    const uint8_t *type;     // four letters
    const uint8_t *content;  // `length` bytes, then the checksum
};

static bool is_type(const struct chunk *chunk, const char *type) {
    return memcmp(chunk->type, type, 4) == 0;
}

/// What bytes that are no PNG look like, for a sentence an integrator can act on.
static const char *likeness(const uint8_t *bytes, size_t count) {
    if (count >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0) return "look like JPEG";
    if (count >= 4 && (memcmp(bytes, "II*\0", 4) == 0 || memcmp(bytes, "MM\0*", 4) == 0)) return "look like TIFF";
    if (count >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0) return "look like WebP";
    if (count >= 4 && memcmp(bytes, "GIF8", 4) == 0) return "look like GIF";
    if (count >= 2 && memcmp(bytes, "BM", 2) == 0) return "look like BMP";
    if (count >= 8 && memcmp(bytes, "\0\0\0\x0cjP  ", 8) == 0) return "look like JPEG 2000";
    if (count >= 8 && memcmp(bytes, "iVBORw0K", 8) == 0) return "look like a PNG in base64";
    if (bytes[0] == '{' || bytes[0] == '[') return "look like JSON";
    return "do not begin with the PNG signature";
}

static struct patch_png_report examine_signature(const uint8_t *bytes, size_t count) {
    if (count == 0) return patch_png_refuse(PATCH_PNG_EMPTY, "The image has no bytes; a PNG was expected.");
    size_t there = count < sizeof signature ? count : sizeof signature;
    if (memcmp(bytes, signature, there) != 0) {
        if (count >= 4 && memcmp(bytes, signature, 4) == 0)
            return patch_png_refuse(PATCH_PNG_CORRUPT, "The PNG signature is damaged, as by a transfer in text mode.");
        return patch_png_refuse(PATCH_PNG_NOT_PNG, "The bytes %s; a PNG was expected.", likeness(bytes, count));
    }
    if (count < sizeof signature)
        return patch_png_refuse(PATCH_PNG_TRUNCATED, "The PNG ends early, within its signature.");
    return patch_png_ok();
}

/// Takes the chunk at `offset`: complete, with a type of letters and the right checksum.
static struct patch_png_report next_chunk(const uint8_t *bytes, size_t count, size_t offset, struct chunk *chunk) {
    size_t left = count - offset;
    if (left < 8) return patch_png_refuse(PATCH_PNG_TRUNCATED, "The PNG ends early, after %zu bytes.", count);
    chunk->length = patch_png_big_endian(bytes + offset);
    chunk->type = bytes + offset + 4;
    chunk->content = bytes + offset + 8;
    if (chunk->length > 0x7fffffff)
        return patch_png_refuse(PATCH_PNG_CORRUPT, "A chunk of the PNG has an impossible length.");
    for (int i = 0; i < 4; i++) {
        uint8_t letter = chunk->type[i] | 0x20;
        if (letter < 'a' || letter > 'z')
            return patch_png_refuse(PATCH_PNG_CORRUPT, "A chunk of the PNG has a type that is not four letters.");
    }
    const char *type = (const char *)chunk->type;
    if (left - 8 < (size_t)chunk->length + 4)
        return patch_png_refuse(PATCH_PNG_TRUNCATED, "The PNG ends early, after %zu bytes, within a chunk %.4s.", count,
                                type);
    uint32_t stored = patch_png_big_endian(chunk->content + chunk->length);
    if (patch_png_checksum(chunk->type, 4 + (size_t)chunk->length) != stored)
        return patch_png_refuse(PATCH_PNG_CORRUPT, "The PNG is damaged: the checksum of a chunk %.4s is wrong.", type);
    return patch_png_ok();
}

static bool depth_is_allowed(int depth, int color_type) {
    switch (color_type) {
        case COLOR_GREY: return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
        case COLOR_PALETTE: return depth == 1 || depth == 2 || depth == 4 || depth == 8;
        case COLOR_RGB:
        case COLOR_GREY_ALPHA:
        case COLOR_RGB_ALPHA: return depth == 8 || depth == 16;
        default: return false;
    }
}

/// Reads IHDR's 13 bytes (width, height, depth, colour type, compression, filter, interlace) and holds the size
/// against the expected one.
static struct patch_png_report examine_header(const struct chunk *chunk, uint32_t width, uint32_t height,
                                              struct patch_png_outline *outline) {
    const uint8_t *field = chunk->content;
    outline->width = patch_png_big_endian(field);
    outline->height = patch_png_big_endian(field + 4);
    outline->bit_depth = field[8];
    outline->color_type = field[9];
    outline->interlace = field[12];
    if (outline->width == 0 || outline->height == 0 || !depth_is_allowed(field[8], field[9]) || field[10] != 0
        || field[11] != 0 || field[12] > 1)
        return patch_png_refuse(PATCH_PNG_CORRUPT, "The PNG's header holds values that the format does not allow.");
    if (outline->width > PATCH_PNG_SIDE_LIMIT || outline->height > PATCH_PNG_SIDE_LIMIT)
        return patch_png_refuse(PATCH_PNG_TOO_LARGE,
                                "The image is %u x %u pixels; %u x %u were expected, and no side may exceed %d.",
                                outline->width, outline->height, width, height, PATCH_PNG_SIDE_LIMIT);
    if (outline->width != width || outline->height != height)
        return patch_png_refuse(PATCH_PNG_WRONG_SIZE, "The image is %u x %u pixels; %u x %u were expected.",
                                outline->width, outline->height, width, height);
    return patch_png_ok();
}

static size_t bits_per_pixel(const struct patch_png_outline *outline) {
    switch (outline->color_type) {
        case COLOR_GREY_ALPHA: return 2 * (size_t)outline->bit_depth;
        case COLOR_RGB: return 3 * (size_t)outline->bit_depth;
        case COLOR_RGB_ALPHA: return 4 * (size_t)outline->bit_depth;
        default: return outline->bit_depth;
    }
}

/// Most compressed bytes that an encoder makes of such an image: twice the plain ones and room for a flush a row.
/// What is longer is made to keep a decoder busy.
static size_t image_data_limit(const struct patch_png_outline *outline) {
    size_t rows = (size_t)outline->height * (outline->interlace ? 2 : 1);
    size_t row_size = 1 + (outline->width * bits_per_pixel(outline) + 7) / 8;
    return 2 * rows * row_size + 16 * rows + 4096;
}

static struct patch_png_report misplaced(const struct chunk *chunk) {
    return patch_png_refuse(PATCH_PNG_CORRUPT, "The PNG holds a chunk %.4s where none may be.",
                            (const char *)chunk->type);
}

/// Judges a chunk behind IHDR, at `offset`, by its type and place and notes where it is.
static struct patch_png_report examine_chunk(const struct chunk *chunk, size_t offset,
                                             struct patch_png_outline *outline) {
    bool is_critical = (chunk->type[0] & 0x20) == 0;
    if (is_type(chunk, "acTL") || is_type(chunk, "fcTL") || is_type(chunk, "fdAT"))
        return patch_png_refuse(PATCH_PNG_ANIMATED, "The PNG is animated; a single image was expected.");
    if (is_type(chunk, "IDAT")) {
        if (outline->image_start == 0) outline->image_start = outline->image_end = offset;
        if (outline->image_end != offset) return misplaced(chunk);
        outline->image_end = offset + 12 + chunk->length;
        outline->image_bytes += chunk->length;
    } else if (is_type(chunk, "PLTE")) {
        if (outline->palette || outline->transparency || outline->image_start) return misplaced(chunk);
        outline->palette = offset;
    } else if (is_type(chunk, "tRNS")) {
        if (outline->transparency || outline->image_start) return misplaced(chunk);
        outline->transparency = offset;
    } else if (is_critical && !is_type(chunk, "IEND")) {
        return misplaced(chunk);
    }
    return patch_png_ok();
}

/// Walks from the chunk at `offset` to IEND.
static struct patch_png_report examine_chunks(const uint8_t *bytes, size_t count, size_t offset,
                                              struct patch_png_outline *outline) {
    struct chunk chunk;
    do {
        struct patch_png_report report = next_chunk(bytes, count, offset, &chunk);
        if (report.status != PATCH_PNG_OK) return report;
        report = examine_chunk(&chunk, offset, outline);
        if (report.status != PATCH_PNG_OK) return report;
        offset += 12 + (size_t)chunk.length;
    } while (!is_type(&chunk, "IEND"));

    if (chunk.length != 0) return patch_png_refuse(PATCH_PNG_CORRUPT, "The PNG's end chunk is not empty.");
    if (outline->image_bytes == 0) return patch_png_refuse(PATCH_PNG_CORRUPT, "The PNG has no image data.");
    if (outline->image_bytes > image_data_limit(outline))
        return patch_png_refuse(PATCH_PNG_CORRUPT, "The PNG's image data is longer than any encoder makes it.");
    if (offset < count)
        return patch_png_refuse(PATCH_PNG_CORRUPT, "The PNG ends %zu bytes before the message does.", count - offset);
    return patch_png_ok();
}

struct patch_png_report patch_png_examine(const uint8_t *bytes, size_t count, uint32_t width, uint32_t height,
                                          struct patch_png_outline *outline) {
    *outline = (struct patch_png_outline){0};
    struct patch_png_report report = examine_signature(bytes, count);
    if (report.status != PATCH_PNG_OK) return report;
    struct chunk header;
    report = next_chunk(bytes, count, sizeof signature, &header);
    if (report.status != PATCH_PNG_OK) return report;
    if (!is_type(&header, "IHDR") || header.length != 13)
        return patch_png_refuse(PATCH_PNG_CORRUPT, "The PNG does not begin with a header chunk of 13 bytes.");
    report = examine_header(&header, width, height, outline);
    if (report.status != PATCH_PNG_OK) return report;
    return examine_chunks(bytes, count, sizeof signature + 12 + header.length, outline);
}

void patch_png_join(const uint8_t *bytes, const struct patch_png_outline *outline, uint8_t *joined) {
    for (size_t offset = outline->image_start; offset < outline->image_end;) {
        size_t length = patch_png_big_endian(bytes + offset);
        memcpy(joined, bytes + offset + 8, length);
        joined += length;
        offset += 12 + length;
    }
}
