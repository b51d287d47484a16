// Compiled together with Sources/CPatch by `scripts/fuzz decoding`, outside of the package. It holds the short way of
// decoding to zlib and to libpng: the same are taken, and mean the same.
//
// An input is the width and the height of an image, and bytes that are tried in two ways: as deflated rows, and as rows.
// Built for it, inflating does not look at the checksum behind a stream, which no random change would meet.
#include "../../Sources/CPatch/png_inflate.h"
#include "patch_png.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { SIDES = 32, MOST_ROWS = SIDES * (1 + 3 * SIDES), MOST_PIXELS = 3 * SIDES * SIDES };

static void demand(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "%s\n", what);
    abort();
}

/// Whether zlib inflates all of `body` to exactly `size` bytes.
static bool zlib_inflates(const uint8_t *body, size_t count, uint8_t *output, size_t size) {
    z_stream stream = {.next_in = (uint8_t *)body, .avail_in = (uInt)count, .next_out = output, .avail_out = (uInt)size};
    demand(inflateInit2(&stream, -15) == Z_OK, "zlib does not start");
    int result = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    return result == Z_STREAM_END && stream.avail_in == 0 && stream.avail_out == 0;
}

/// A zlib stream around `body`, in memory that ends where it may be read, so that reading on is found.
static uint8_t *wrapped(const uint8_t *body, size_t count) {
    uint8_t *stream = calloc(1, 2 + count + 4 + PATCH_INFLATE_SLACK);
    stream[0] = 0x78;
    stream[1] = 0x9c;
    memcpy(stream + 2, body, count);
    return stream;
}

static void compare_inflating(const uint8_t *body, size_t count, size_t size) {
    uint8_t *expected = malloc(size + 1);
    uint8_t *outputs[2] = {malloc(size + PATCH_INFLATE_SLACK), malloc(size + PATCH_INFLATE_SLACK)};
    uint8_t plain[64] = {0}, deflated[128];
    uLongf deflated_count = sizeof deflated;
    compress(deflated, &deflated_count, plain, sizeof plain);
    uint8_t *neighbour = wrapped(deflated + 2, deflated_count - 6), *stream = wrapped(body, count);

    bool is_expected = zlib_inflates(body, count, expected, size);
    const struct patch_zlib_stream one = {stream, 2 + count + 4, outputs[0], size};
    demand(patch_inflate(&one) == is_expected, "inflating alone takes other streams than zlib");
    demand(!is_expected || memcmp(outputs[0], expected, size) == 0, "inflating alone gives other bytes than zlib");

    uint8_t *beside = malloc(sizeof plain + PATCH_INFLATE_SLACK);
    for (int place = 0; place < 2; place++) {
        const struct patch_zlib_stream mine = {stream, 2 + count + 4, outputs[1], size};
        const struct patch_zlib_stream its = {neighbour, deflated_count, beside, sizeof plain};
        const struct patch_zlib_stream streams[2] = {place == 0 ? mine : its, place == 0 ? its : mine};
        bool are_whole[2];
        patch_inflate_two(streams, are_whole);
        demand(are_whole[place] == is_expected, "inflating by turns takes other streams than zlib");
        demand(!is_expected || memcmp(outputs[1], expected, size) == 0, "inflating by turns gives other bytes");
        demand(are_whole[1 - place] && memcmp(beside, plain, sizeof plain) == 0, "a stream spoils its neighbour");
    }
    free(expected), free(outputs[0]), free(outputs[1]), free(neighbour), free(stream), free(beside);
}

static uint8_t *add_chunk(uint8_t *png, const char *type, const uint8_t *content, size_t count) {
    for (int i = 0; i < 4; i++) *png++ = (uint8_t)(count >> (24 - 8 * i));
    memcpy(png, type, 4);
    memcpy(png + 4, content, count);
    uint32_t checksum = patch_png_checksum(png, 4 + count);
    png += 4 + count;
    for (int i = 0; i < 4; i++) *png++ = (uint8_t)(checksum >> (24 - 8 * i));
    return png;
}

static void compare_decoding(const uint8_t *rows, size_t count, uint8_t width, uint8_t height) {
    uint8_t png[MOST_ROWS + 1024], deflated[MOST_ROWS + 512], ours[MOST_PIXELS], libpngs[MOST_PIXELS];
    uLongf deflated_count = sizeof deflated;
    compress2(deflated, &deflated_count, rows, count, 1);
    const uint8_t header[13] = {0, 0, 0, width, 0, 0, 0, height, 8, 2, 0, 0, 0};
    uint8_t *end = png + 8;
    memcpy(png, "\x89PNG\r\n\x1a\n", 8);
    end = add_chunk(end, "IHDR", header, sizeof header);
    end = add_chunk(end, "IDAT", deflated, deflated_count);
    end = add_chunk(end, "IEND", header, 0);
    struct patch_png_image one = {.bytes = png, .count = (size_t)(end - png), .rgb = ours};
    struct patch_png_image reference = {.bytes = png, .count = (size_t)(end - png), .rgb = libpngs};
    patch_png_decode(&one, 1, width, height);
    patch_png_decode_by_libpng(&reference, width, height);
    demand(one.report.status == reference.report.status, "other images are refused than by libpng");
    demand(strcmp(one.report.message, reference.report.message) == 0, "images are refused in other words");
    demand(one.report.status != PATCH_PNG_OK || memcmp(ours, libpngs, 3u * width * height) == 0, "other pixels");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count < 2) return 0;
    uint8_t width = 1 + data[0] % SIDES, height = 1 + data[1] % SIDES;
    size_t size = height * (1 + 3 * (size_t)width);
    compare_inflating(data + 2, count - 2, size);
    compare_decoding(data + 2, count - 2 < size + 1 ? count - 2 : size + 1, width, height);
    return 0;
}
