#pragma once
// Figures of one patch for drift monitoring. Sums are of integers and the rest is in a fixed order, so every CPU gives
// the same bits.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Arrays are in the order red, green, blue.
struct patch_statistics {
    double mean[3];               // 0...255
    double density_mean[3];       // optical density -ln((v + 1) / 256)
    double density_deviation[3];  // standard deviation over all pixels (divided by their number)
    double saturation;            // mean of (max - min) / max, 0...1
    double brightness;            // mean of max / 255, 0...1
    double focus;                 // variance of the Laplacian of luminance over the inner pixels
    double tissue_share;          // 0...1
};

/// Measures rgb[height * width * 3]. `luminance` is room for height * width bytes. All zero for an image without pixels.
struct patch_statistics patch_measure(const uint8_t *rgb, size_t width, size_t height, uint8_t *luminance);

/// How many doubles `patch_stain_vectors` needs room for.
size_t patch_stain_room(size_t width, size_t height);

/// Stain vectors of rgb[height * width * 3]: unit vectors of optical density in the order red, green, blue, of the colours
/// within which 98 % of the tissue lies. False where there is too little tissue, or only one colour of it. `room` as
/// `patch_stain_room` says.
bool patch_stain_vectors(const uint8_t *rgb, size_t width, size_t height, double *room, double hematoxylin[3],
                         double eosin[3]);
