// Decoding any kind of PNG, through libpng's classic interface. Its simplified interface applies gamma and so changes pixels.
//
// libpng is given a compact copy of the file: header, palette, transparency and the image data in a single chunk. So it
// never parses what pixels do not depend on. And it checks the end of the zlib stream, Adler-32 included, only as far
// as the read in which the last row ends: with one chunk and one read that is the whole stream.
#include "png_internal.h"
#include <png.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/// One decoding under way. It lives outside the function that calls setjmp, so a jump leaves its fields defined.
struct decoding {
    png_structp png;
    png_infop info;
    const struct patch_png_outline *outline;
    uint8_t *compact;  // the compact copy
    size_t count, offset;
    uint8_t *scratch;  // samples of images that are not 8-bit RGB, else NULL
    bool out_of_memory;
    struct patch_png_report report;
};

/// What libpng finds wrong. Its messages hold names of chunks and of rules, never content.
_Noreturn static void on_error(png_structp png, png_const_charp message) {
    struct decoding *decoding = png_get_error_ptr(png);
    decoding->report = patch_png_refuse(PATCH_PNG_CORRUPT, "The PNG is damaged (%s).", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png, (void)message;  // what matters is an error here, see `demand_strictness`
}

static void *on_allocate(png_structp png, png_alloc_size_t size) {
    void *memory = malloc(size);
    if (memory == NULL) ((struct decoding *)png_get_mem_ptr(png))->out_of_memory = true;
    return memory;
}

static void on_free(png_structp png, void *memory) {
    (void)png;
    free(memory);
}

static void on_read(png_structp png, png_bytep target, size_t count) {
    struct decoding *decoding = png_get_io_ptr(png);
    if (count > decoding->count - decoding->offset) png_error(png, "ends early");
    memcpy(target, decoding->compact + decoding->offset, count);
    decoding->offset += count;
}

/// Turns the tolerance of libpng off, and checks that were made before.
static void demand_strictness(png_structp png, size_t image_bytes) {
    png_set_user_limits(png, PATCH_PNG_SIDE_LIMIT, PATCH_PNG_SIDE_LIMIT);
    png_set_compression_buffer_size(png, image_bytes);
    // Too much or too little data and a wrong Adler-32 are "benign" to libpng.
    png_set_benign_errors(png, 0);
    // The chunks' checksums were right, and the joined chunk has none.
    png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    // Some encoders state a smaller window than they use; zlib by itself, and so Pillow, reads them.
    png_set_option(png, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON);
}

/// Bytes of one pixel as libpng delivers it here: samples of 1 to 4 bits are widened to a byte each.
static size_t pixel_size(const struct patch_png_outline *outline) {
    size_t sample = outline->bit_depth == 16 ? 2 : 1;
    switch (outline->color_type) {
        case PNG_COLOR_TYPE_GRAY_ALPHA: return 2 * sample;
        case PNG_COLOR_TYPE_RGB: return 3 * sample;
        case PNG_COLOR_TYPE_RGB_ALPHA: return 4 * sample;
        default: return sample;
    }
}

static void read_rows(struct decoding *decoding, uint8_t *samples, size_t stride) {
    int passes = png_set_interlace_handling(decoding->png);
    png_read_update_info(decoding->png, decoding->info);
    if (png_get_rowbytes(decoding->png, decoding->info) != stride) png_error(decoding->png, "unexpected row size");
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < decoding->outline->height; y++)
            png_read_row(decoding->png, samples + y * stride, NULL);
    png_read_end(decoding->png, NULL);
}

/// Reads all samples into `samples[height * width * pixel_size]`; false when libpng found an error.
static bool read_samples(struct decoding *decoding, uint8_t *samples) {
    if (setjmp(png_jmpbuf(decoding->png))) return false;
    demand_strictness(decoding->png, decoding->outline->image_bytes);
    png_set_read_fn(decoding->png, decoding, on_read);
    png_read_info(decoding->png, decoding->info);
    png_set_packing(decoding->png);
    read_rows(decoding, samples, decoding->outline->width * pixel_size(decoding->outline));
    return true;
}

static int sample_at(const uint8_t *sample, int depth) {
    return depth == 16 ? sample[0] << 8 | sample[1] : sample[0];
}

/// Grey samples to RGB; `key` is the grey that tRNS calls transparent, or -1. False: a pixel is transparent.
static bool spread_grey(const uint8_t *samples, size_t pixels, int depth, int key, uint8_t *rgb) {
    size_t step = depth == 16 ? 2 : 1;
    int scale = depth < 8 ? 255 / ((1 << depth) - 1) : 1;
    for (size_t i = 0; i < pixels; i++) {
        if (sample_at(samples + step * i, depth) == key) return false;
        memset(rgb + 3 * i, samples[step * i] * scale, 3);
    }
    return true;
}

/// RGB samples to RGB by the high byte; `key` is the colour tRNS calls transparent, or NULL. `rgb` may be `samples`.
static bool narrow_rgb(const uint8_t *samples, size_t pixels, int depth, const png_color_16 *key, uint8_t *rgb) {
    size_t step = depth == 16 ? 2 : 1;
    int mask = (1 << depth) - 1;
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *red = samples + 3 * step * i, *green = red + step, *blue = green + step;
        if (key && sample_at(red, depth) == (key->red & mask) && sample_at(green, depth) == (key->green & mask)
            && sample_at(blue, depth) == (key->blue & mask))
            return false;
        rgb[3 * i] = *red;
        rgb[3 * i + 1] = *green;
        rgb[3 * i + 2] = *blue;
    }
    return true;
}

/// Grey (`colors` 1) or RGB (3) samples with alpha to RGB; false: the alpha of a pixel is not the greatest value.
static bool drop_alpha(const uint8_t *samples, size_t pixels, int depth, size_t colors, uint8_t *rgb) {
    size_t step = depth == 16 ? 2 : 1;
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *pixel = samples + (colors + 1) * step * i;
        if (sample_at(pixel + colors * step, depth) != (1 << depth) - 1) return false;
        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = pixel[colors == 3 ? step * c : 0];
    }
    return true;
}

/// What PLTE and tRNS hold; pointers into libpng's info.
struct color_table {
    png_colorp colors;
    int color_count;
    png_bytep alphas;
    int alpha_count;
    png_color_16p key;
};

static bool indices_are_inside(const uint8_t *samples, size_t pixels, int color_count) {
    int greatest = 0;
    for (size_t i = 0; i < pixels; i++)
        greatest = samples[i] > greatest ? samples[i] : greatest;
    return greatest < color_count;
}

/// Palette indices, all inside the table, to RGB. False: a pixel is transparent.
static bool look_up(const uint8_t *samples, size_t pixels, const struct color_table *table, uint8_t *rgb) {
    for (size_t i = 0; i < pixels; i++) {
        int index = samples[i];
        if (index < table->alpha_count && table->alphas[index] != 255) return false;
        rgb[3 * i] = table->colors[index].red;
        rgb[3 * i + 1] = table->colors[index].green;
        rgb[3 * i + 2] = table->colors[index].blue;
    }
    return true;
}

/// Samples as libpng delivered them to 8-bit RGB. False: a pixel is transparent.
static bool to_rgb(const struct patch_png_outline *outline, const struct color_table *table, const uint8_t *samples,
                   uint8_t *rgb) {
    size_t pixels = (size_t)outline->width * outline->height;
    int depth = outline->bit_depth;
    switch (outline->color_type) {
        case PNG_COLOR_TYPE_PALETTE: return look_up(samples, pixels, table, rgb);
        case PNG_COLOR_TYPE_GRAY_ALPHA: return drop_alpha(samples, pixels, depth, 1, rgb);
        case PNG_COLOR_TYPE_RGB_ALPHA: return drop_alpha(samples, pixels, depth, 3, rgb);
        case PNG_COLOR_TYPE_RGB:
            return (samples == rgb && table->key == NULL) || narrow_rgb(samples, pixels, depth, table->key, rgb);
        default:
            return spread_grey(samples, pixels, depth, table->key ? table->key->gray & ((1 << depth) - 1) : -1, rgb);
    }
}

static struct patch_png_report convert(const struct decoding *decoding, const uint8_t *samples, uint8_t *rgb) {
    const struct patch_png_outline *outline = decoding->outline;
    struct color_table table = {0};
    png_get_PLTE(decoding->png, decoding->info, &table.colors, &table.color_count);
    png_get_tRNS(decoding->png, decoding->info, &table.alphas, &table.alpha_count, &table.key);
    if (outline->color_type == PNG_COLOR_TYPE_PALETTE
        && !indices_are_inside(samples, (size_t)outline->width * outline->height, table.color_count))
        return patch_png_refuse(PATCH_PNG_CORRUPT, "A pixel of the PNG points behind the end of its palette.");
    if (!to_rgb(outline, &table, samples, rgb))
        return patch_png_refuse(PATCH_PNG_TRANSPARENT, "The image has transparent pixels; an opaque one was expected.");
    return patch_png_ok();
}

/// Appends the chunk at `offset` of the file to the compact copy; offset 0 is an absent chunk.
static void copy_chunk(struct decoding *decoding, const uint8_t *bytes, size_t offset) {
    if (offset == 0) return;
    size_t size = 12 + (size_t)patch_png_big_endian(bytes + offset);
    memcpy(decoding->compact + decoding->count, bytes + offset, size);
    decoding->count += size;
}

/// Appends the contents of all IDAT chunks as one; its checksum stays zero.
static void join_image_data(struct decoding *decoding, const uint8_t *bytes) {
    const struct patch_png_outline *outline = decoding->outline;
    uint8_t *target = decoding->compact + decoding->count;
    for (int i = 0; i < 4; i++)
        target[i] = (uint8_t)(outline->image_bytes >> (24 - 8 * i));
    memcpy(target + 4, "IDAT", 4);
    patch_png_join(bytes, outline, target + 8);
    memset(target + 8 + outline->image_bytes, 0, 4);
    decoding->count += 12 + outline->image_bytes;
}

/// Makes the compact copy; false when there is no memory.
static bool make_compact(struct decoding *decoding, const uint8_t *bytes) {
    static const uint8_t end[12] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};
    const struct patch_png_outline *outline = decoding->outline;
    // Signature, IHDR and everything up to the image data is at least what is copied from there.
    decoding->compact = malloc(outline->image_start + 12 + outline->image_bytes + sizeof end);
    if (decoding->compact == NULL) return false;
    memcpy(decoding->compact, bytes, 8);
    decoding->count = 8;
    copy_chunk(decoding, bytes, 8);
    copy_chunk(decoding, bytes, outline->palette);
    copy_chunk(decoding, bytes, outline->transparency);
    join_image_data(decoding, bytes);
    memcpy(decoding->compact + decoding->count, end, sizeof end);
    decoding->count += sizeof end;
    return true;
}

static struct patch_png_report no_memory(void) {
    return patch_png_refuse(PATCH_PNG_NO_MEMORY, "There was no memory to decode the image in.");
}

static struct patch_png_report decode(struct decoding *decoding, const uint8_t *bytes, uint8_t *rgb) {
    const struct patch_png_outline *outline = decoding->outline;
    uint8_t *samples = rgb;
    if (outline->color_type != PNG_COLOR_TYPE_RGB || outline->bit_depth != 8) {
        samples = decoding->scratch = malloc((size_t)outline->width * outline->height * pixel_size(outline));
        if (samples == NULL) return no_memory();
    }
    if (!make_compact(decoding, bytes)) return no_memory();
    decoding->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, decoding, on_error, on_warning, decoding,
                                             on_allocate, on_free);
    if (decoding->png) decoding->info = png_create_info_struct(decoding->png);
    if (decoding->info == NULL) return no_memory();
    if (read_samples(decoding, samples)) return convert(decoding, samples, rgb);
    return decoding->out_of_memory ? no_memory() : decoding->report;
}

struct patch_png_report patch_png_decode_generally(const uint8_t *bytes, const struct patch_png_outline *outline,
                                                   uint8_t *rgb) {
    struct decoding decoding = {.outline = outline};
    struct patch_png_report report = decode(&decoding, bytes, rgb);
    png_destroy_read_struct(&decoding.png, &decoding.info, NULL);
    free(decoding.compact);
    free(decoding.scratch);
    return report;
}
