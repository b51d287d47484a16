// Images are examined, and then decoded: two at a time where they are of the kind that nearly every patch is, else one by
// one through libpng. Whatever the short way does not take, libpng judges, so that it is libpng that refuses.
#include "png_inflate.h"
#include "png_internal.h"
#include "png_unfilter.h"
#include <stdlib.h>
#include <string.h>

/// An image that was examined as OK.
struct examined {
    struct patch_png_image *image;
    struct patch_png_outline outline;
};

/// 8-bit RGB, not interlaced, and no chunk that could call a pixel transparent or that libpng would look into.
static bool is_plain(const struct patch_png_outline *outline) {
    return outline->color_type == COLOR_RGB && outline->bit_depth == 8 && outline->interlace == 0
        && outline->palette == 0 && outline->transparency == 0;
}

/// The image data in one piece and room for its rows, both with what inflating needs behind them, in one allocation that
/// begins with the data. NULL: there was no memory.
static struct patch_zlib_stream image_data(const struct examined *one) {
    const struct patch_png_outline *outline = &one->outline;
    const size_t size = outline->height * (1 + 3 * (size_t)outline->width);
    const size_t start = outline->image_bytes + PATCH_INFLATE_SLACK;
    uint8_t *room = malloc(start + size + PATCH_INFLATE_SLACK);
    if (room == NULL) return (struct patch_zlib_stream){0};
    patch_png_join(one->image->bytes, outline, room);
    memset(room + outline->image_bytes, 0, PATCH_INFLATE_SLACK);
    memset(room + start + size, 0, PATCH_INFLATE_SLACK);
    return (struct patch_zlib_stream){room, outline->image_bytes, room + start, size};
}

static void finish(const struct examined *one, const uint8_t *rows) {
    struct patch_png_image *image = one->image;
    bool is_done = rows != NULL && patch_unfilter(rows, one->outline.width, one->outline.height, image->rgb);
    image->report = is_done ? patch_png_ok() : patch_png_decode_generally(image->bytes, &one->outline, image->rgb);
}

static void decode_one(const struct examined *one) {
    struct patch_zlib_stream stream = {0};
    if (is_plain(&one->outline)) stream = image_data(one);
    finish(one, stream.bytes != NULL && patch_inflate(&stream) ? stream.output : NULL);
    free((void *)stream.bytes);
}

static void decode_two(const struct examined two[2]) {
    const struct patch_zlib_stream streams[2] = {image_data(&two[0]), image_data(&two[1])};
    bool are_whole[2] = {false, false};
    if (streams[0].bytes != NULL && streams[1].bytes != NULL) patch_inflate_two(streams, are_whole);
    for (int i = 0; i < 2; i++) {
        finish(&two[i], are_whole[i] ? streams[i].output : NULL);
        free((void *)streams[i].bytes);
    }
}

void patch_png_decode(struct patch_png_image *images, size_t count, uint32_t width, uint32_t height) {
    struct examined waiting[2];
    size_t waits = 0;
    for (size_t i = 0; i < count; i++) {
        struct examined *one = &waiting[waits];
        one->image = &images[i];
        images[i].report = patch_png_examine(images[i].bytes, images[i].count, width, height, &one->outline);
        if (images[i].report.status != PATCH_PNG_OK) continue;
        if (!is_plain(&one->outline)) {
            decode_one(one);
        } else if (++waits == 2) {
            decode_two(waiting);
            waits = 0;
        }
    }
    if (waits == 1) decode_one(&waiting[0]);
}

void patch_png_decode_by_libpng(struct patch_png_image *image, uint32_t width, uint32_t height) {
    struct patch_png_outline outline;
    image->report = patch_png_examine(image->bytes, image->count, width, height, &outline);
    if (image->report.status == PATCH_PNG_OK)
        image->report = patch_png_decode_generally(image->bytes, &outline, image->rgb);
}
