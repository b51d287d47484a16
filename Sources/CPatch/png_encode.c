// Encoding 8-bit RGB through libpng. The same pixels give the same bytes with the same libpng and zlib.
#include "png_internal.h"
#include <png.h>
#include <stdbool.h>
#include <string.h>

/// One encoding under way. It lives outside the function that calls setjmp, so a jump leaves its fields defined.
struct encoding {
    png_structp png;
    png_infop info;
    uint8_t *target;
    size_t capacity, written;
    struct patch_png_report report;
};

/// The size was judged before, so what is left to go wrong is memory.
_Noreturn static void on_error(png_structp png, png_const_charp message) {
    struct encoding *encoding = png_get_error_ptr(png);
    encoding->report = patch_png_refuse(PATCH_PNG_NO_MEMORY, "The image could not be encoded (%s).", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png, (void)message;
}

static void on_write(png_structp png, png_bytep bytes, size_t count) {
    struct encoding *encoding = png_get_io_ptr(png);
    if (count > encoding->capacity - encoding->written) png_error(png, "no room left");
    memcpy(encoding->target + encoding->written, bytes, count);
    encoding->written += count;
}

static void on_flush(png_structp png) {
    (void)png;
}

static bool write_image(struct encoding *encoding, const uint8_t *rgb, uint32_t width, uint32_t height) {
    if (setjmp(png_jmpbuf(encoding->png))) return false;
    png_set_write_fn(encoding->png, encoding, on_write, on_flush);
    png_set_IHDR(encoding->png, encoding->info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_filter(encoding->png, PNG_FILTER_TYPE_BASE, PNG_ALL_FILTERS);
    png_set_compression_level(encoding->png, 6);
    png_write_info(encoding->png, encoding->info);
    for (uint32_t y = 0; y < height; y++)
        png_write_row(encoding->png, rgb + (size_t)y * width * 3);
    png_write_end(encoding->png, NULL);
    return true;
}

static bool can_be_encoded(uint32_t width, uint32_t height) {
    return width >= 1 && height >= 1 && width <= PATCH_PNG_SIDE_LIMIT && height <= PATCH_PNG_SIDE_LIMIT;
}

size_t patch_png_encoded_bound(uint32_t width, uint32_t height) {
    if (!can_be_encoded(width, height)) return 0;
    size_t plain = (size_t)height * (1 + (size_t)width * 3);
    return plain + plain / 256 + 1024;  // deflate's stored blocks, a chunk around each 8 KiB, header and end
}

struct patch_png_report patch_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t *png,
                                         size_t capacity, size_t *written) {
    *written = 0;
    if (!can_be_encoded(width, height))
        return patch_png_refuse(PATCH_PNG_TOO_LARGE, "The image is %u x %u pixels; sides of 1 to %d can be encoded.",
                                width, height, PATCH_PNG_SIDE_LIMIT);
    struct encoding encoding = {.target = png, .capacity = capacity};
    encoding.report = patch_png_refuse(PATCH_PNG_NO_MEMORY, "There was no memory to encode the image in.");
    encoding.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &encoding, on_error, on_warning);
    if (encoding.png) encoding.info = png_create_info_struct(encoding.png);
    if (encoding.info && write_image(&encoding, rgb, width, height)) {
        *written = encoding.written;
        encoding.report = patch_png_ok();
    }
    png_destroy_write_struct(&encoding.png, &encoding.info);
    return encoding.report;
}
