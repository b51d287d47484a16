#include "patch_augment.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

static int32_t mirrored(int32_t place, int32_t side) {
    if (place < 0) return -place;
    return place < side ? place : 2 * (side - 1) - place;
}

void patch_blur(const uint8_t *rgb, int32_t side, const float weights[3], uint8_t *blurred) {
    int32_t row = 3 * side;
    for (int32_t y = 0; y < side; y++) {
        // Five rows become one, which is then blurred along itself.
        float sum[row];
        const uint8_t *rows[5];
        for (int32_t tap = -2; tap <= 2; tap++) rows[tap + 2] = rgb + mirrored(y + tap, side) * row;
        for (int32_t x = 0; x < row; x++)
            sum[x] = weights[0] * rows[2][x] + weights[1] * (float)(rows[1][x] + rows[3][x])
                     + weights[2] * (float)(rows[0][x] + rows[4][x]);
        for (int32_t x = 0; x < side; x++) {
            int32_t places[5];
            for (int32_t tap = -2; tap <= 2; tap++) places[tap + 2] = 3 * mirrored(x + tap, side);
            for (int32_t colour = 0; colour < 3; colour++) {
                float value = weights[0] * sum[places[2] + colour]
                              + weights[1] * (sum[places[1] + colour] + sum[places[3] + colour])
                              + weights[2] * (sum[places[0] + colour] + sum[places[4] + colour]);
                blurred[y * row + 3 * x + colour] = (uint8_t)(value < 254.5f ? value + 0.5f : 255);
            }
        }
    }
}

// Errors jump back here: libjpeg would end the process.
struct jpeg_failure {
    struct jpeg_error_mgr manager;
    jmp_buf place;
};

_Noreturn static void on_error(j_common_ptr jpeg) { longjmp(((struct jpeg_failure *)jpeg->err)->place, 1); }
static void on_message(j_common_ptr jpeg, int level) { (void)jpeg, (void)level; }

static void set_up(struct jpeg_failure *failure) {
    jpeg_std_error(&failure->manager);
    failure->manager.error_exit = on_error;
    failure->manager.emit_message = on_message;
}

// One round trip; it lives outside the functions that call setjmp, so a jump leaves its fields defined.
struct round_trip {
    struct jpeg_failure failure;
    struct jpeg_compress_struct encoder;
    struct jpeg_decompress_struct decoder;
    unsigned char *room;  // ours
    unsigned char *bytes;  // there, or where libjpeg put more than the room takes
    unsigned long count;
};

static bool encode(struct round_trip *trip, const uint8_t *rgb, int32_t side, int32_t quality, bool halves_colours) {
    if (setjmp(trip->failure.place)) return false;
    struct jpeg_compress_struct *jpeg = &trip->encoder;
    // More than an image takes: libjpeg forgets what it has freed where it cannot get more.
    trip->count = 6 * (unsigned long)side * (unsigned long)side + 4096;
    trip->bytes = trip->room = malloc(trip->count);
    if (!trip->room) return false;
    jpeg_mem_dest(jpeg, &trip->bytes, &trip->count);
    jpeg->image_width = jpeg->image_height = (JDIMENSION)side;
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->comp_info[0].h_samp_factor = jpeg->comp_info[0].v_samp_factor = halves_colours ? 2 : 1;
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = (JSAMPROW)(rgb + (size_t)jpeg->next_scanline * 3 * (size_t)side);
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
    return true;
}

static bool decode(struct round_trip *trip, int32_t side, uint8_t *decoded) {
    if (setjmp(trip->failure.place)) return false;
    struct jpeg_decompress_struct *jpeg = &trip->decoder;
    jpeg_mem_src(jpeg, trip->bytes, trip->count);
    jpeg_read_header(jpeg, TRUE);
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = decoded + (size_t)jpeg->output_scanline * 3 * (size_t)side;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
    return true;
}

// Called where neither exists yet, so that both can be destroyed whatever happens between.
static bool create(struct round_trip *trip) {
    if (setjmp(trip->failure.place)) return false;
    jpeg_create_compress(&trip->encoder);
    jpeg_create_decompress(&trip->decoder);
    return true;
}

bool patch_jpeg(const uint8_t *rgb, int32_t side, int32_t quality, bool halves_colours, uint8_t *decoded) {
    struct round_trip *trip = calloc(1, sizeof *trip);
    if (!trip) return false;
    set_up(&trip->failure);
    trip->encoder.err = trip->decoder.err = &trip->failure.manager;
    bool done = create(trip) && encode(trip, rgb, side, quality, halves_colours) && decode(trip, side, decoded);
    jpeg_destroy_compress(&trip->encoder);
    jpeg_destroy_decompress(&trip->decoder);
    if (trip->bytes != trip->room) free(trip->bytes);
    free(trip->room);
    free(trip);
    return done;
}
