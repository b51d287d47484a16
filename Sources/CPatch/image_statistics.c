// Statistics of one patch. Sums are kept in integers: they do not depend on the order, so the compiler may vectorize.
#include "optical_density.h"
#include "patch_statistics.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#define HAS_WIDE_VECTORS 1
#else
#define HAS_WIDE_VECTORS 0
#endif

enum { BLOCK = 512 };  // pixels whose channels are separated at a time; the sums of a block fit 32 bits

/// A pixel is background when the optical density of every channel is under 0.15, the threshold beta of Macenko et al.,
/// "A method for normalizing histology slides for quantitative analysis", ISBI 2009; it is tissue when the strongest
/// density reaches it: -ln((v + 1) / 256) >= 0.15 for v <= 219.
enum { DARKEST_BACKGROUND = 220 };

struct color_sums {
    uint64_t saturation;  // in 65,536ths
    uint64_t brightness;
    uint64_t tissue;
};

/// Separates up to BLOCK pixels into channels.
static inline void separate(const uint8_t *restrict rgb, size_t count, uint8_t *restrict red, uint8_t *restrict green,
                            uint8_t *restrict blue) {
    for (size_t i = 0; i < count; i++) {
        red[i] = rgb[3 * i];
        green[i] = rgb[3 * i + 1];
        blue[i] = rgb[3 * i + 2];
    }
}

/// Adds the pixels of one block and writes their luminance (Rec. 601 weights in 256ths, rounded).
__attribute__((always_inline)) static inline void
add_block(const uint8_t *restrict red, const uint8_t *restrict green, const uint8_t *restrict blue, size_t count,
          struct color_sums *sums, uint8_t *restrict luminance) {
    uint32_t saturation = 0, brightness = 0, tissue = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t r = red[i], g = green[i], b = blue[i];
        luminance[i] = (uint8_t)((uint16_t)(77 * r + 150 * g + 29 * b + 128) >> 8);
        uint8_t most = r > g ? r : g, least = r < g ? r : g;
        most = most > b ? most : b;
        least = least < b ? least : b;
        brightness += most;
        tissue += least < DARKEST_BACKGROUND;
        // One correctly rounded division and a scaling by a power of two: the same on every CPU. Black has no
        // saturation, so its divisor does not matter.
        int divisor = most ? most : 1;
        saturation += (uint32_t)(int32_t)((float)(most - least) / (float)divisor * 65536.0f);
    }
    sums->saturation += saturation;
    sums->brightness += brightness;
    sums->tissue += tissue;
}

__attribute__((always_inline)) static inline void add_pixels(const uint8_t *rgb, size_t pixels, struct color_sums *sums,
                                                             uint8_t *luminance) {
    uint8_t red[BLOCK], green[BLOCK], blue[BLOCK];
    for (size_t start = 0; start < pixels; start += BLOCK) {
        size_t count = pixels - start < BLOCK ? pixels - start : BLOCK;
        separate(rgb + 3 * start, count, red, green, blue);
        add_block(red, green, blue, count, sums, luminance + start);
    }
}

struct laplacian_sums {
    int64_t value, square;
};

/// Adds the 4-neighbour Laplacian of the inner pixels; needs at least 3 x 3 of them.
__attribute__((always_inline)) static inline void add_laplacian(const uint8_t *luminance, size_t width, size_t height,
                                                                struct laplacian_sums *sums) {
    for (size_t y = 1; y + 1 < height; y++) {
        const uint8_t *row = luminance + y * width;
        int64_t value = 0, square = 0;
        for (size_t start = 1; start + 1 < width; start += BLOCK) {
            size_t end = start + BLOCK < width - 1 ? start + BLOCK : width - 1;
            int32_t block_value = 0, block_square = 0;
            for (size_t x = start; x < end; x++) {
                int16_t laplacian = (int16_t)(4 * row[x] - row[x - 1] - row[x + 1] - row[x - width] - row[x + width]);
                block_value += laplacian;
                block_square += (int32_t)laplacian * laplacian;
            }
            value += block_value;
            square += block_square;
        }
        sums->value += value;
        sums->square += square;
    }
}

#if HAS_WIDE_VECTORS
__attribute__((target("avx2"))) static void add_wide(const uint8_t *rgb, size_t width, size_t height,
                                                     struct color_sums *colors, struct laplacian_sums *edges,
                                                     uint8_t *luminance) {
    add_pixels(rgb, width * height, colors, luminance);
    add_laplacian(luminance, width, height, edges);
}
#endif

static void add_plain(const uint8_t *rgb, size_t width, size_t height, struct color_sums *colors,
                      struct laplacian_sums *edges, uint8_t *luminance) {
    add_pixels(rgb, width * height, colors, luminance);
    add_laplacian(luminance, width, height, edges);
}

/// Counts the values of each channel. Neighbouring pixels are often equal: two tables, so that counting one does not
/// wait for the other.
static void count_values(const uint8_t *rgb, size_t pixels, uint32_t counts[3][256]) {
    uint32_t odd[3][256] = {{0}};
    size_t i = 0;
    for (; i + 1 < pixels; i += 2, rgb += 6) {
        counts[0][rgb[0]]++, counts[1][rgb[1]]++, counts[2][rgb[2]]++;
        odd[0][rgb[3]]++, odd[1][rgb[4]]++, odd[2][rgb[5]]++;
    }
    if (i < pixels) counts[0][rgb[0]]++, counts[1][rgb[1]]++, counts[2][rgb[2]]++;
    for (int c = 0; c < 3; c++)
        for (int value = 0; value < 256; value++)
            counts[c][value] += odd[c][value];
}

/// Mean, and mean and deviation of the optical density, of a channel from the counts of its values.
static void measure_channel(const uint32_t counts[256], size_t pixels, int c, struct patch_statistics *statistics) {
    uint64_t sum = 0;
    double density = 0, spread = 0;
    for (int value = 0; value < 256; value++) {
        sum += (uint64_t)counts[value] * (uint64_t)value;
        density += counts[value] * optical_density[value];
    }
    density /= (double)pixels;
    for (int value = 0; value < 256; value++) {
        double distance = optical_density[value] - density;
        spread += counts[value] * (distance * distance);
    }
    statistics->mean[c] = (double)sum / (double)pixels;
    statistics->density_mean[c] = density;
    statistics->density_deviation[c] = sqrt(spread / (double)pixels);
}

struct patch_statistics patch_measure(const uint8_t *rgb, size_t width, size_t height, uint8_t *luminance) {
    struct patch_statistics statistics;
    memset(&statistics, 0, sizeof statistics);
    size_t pixels = width * height;
    if (pixels == 0) return statistics;

    uint32_t counts[3][256] = {{0}};
    count_values(rgb, pixels, counts);
    for (int c = 0; c < 3; c++)
        measure_channel(counts[c], pixels, c, &statistics);

    struct color_sums colors = {0};
    struct laplacian_sums edges = {0};
#if HAS_WIDE_VECTORS
    if (__builtin_cpu_supports("avx2"))
        add_wide(rgb, width, height, &colors, &edges, luminance);
    else
#endif
        add_plain(rgb, width, height, &colors, &edges, luminance);
    statistics.saturation = (double)colors.saturation / 65536 / (double)pixels;
    statistics.brightness = (double)colors.brightness / 255 / (double)pixels;
    statistics.tissue_share = (double)colors.tissue / (double)pixels;
    if (width > 2 && height > 2) {
        double inner = (double)((width - 2) * (height - 2)), mean = (double)edges.value / inner;
        statistics.focus = (double)edges.square / inner - mean * mean;
    }
    return statistics;
}
