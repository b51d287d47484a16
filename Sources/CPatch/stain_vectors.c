// Stain vectors of one patch, by Macenko et al., "A method for normalizing histology slides for quantitative analysis",
// ISBI 2009. Sums are in a fixed order, so every CPU gives the same bits.
#include "optical_density.h"
#include "patch_statistics.h"
#include <math.h>
#include <string.h>

#define INLINED static inline __attribute__((always_inline))

enum {
    LOOKED_AT = 1024,   // pixels of a grid that are looked at, about: every third in both directions of 96 x 96
    MOST_EXTREME = 64,  // angles kept at each end
};

/// Pixels with a channel under it are background: beta of Macenko et al.
static const double faintest = 0.15;
/// Share of the angles beyond a stain vector at each end: alpha of Macenko et al.
static const double tail = 0.01;
/// Share of the looked-at pixels that must be tissue.
static const double least_tissue = 0.05;
enum { FEWEST_PIXELS = 32 };
/// Variance across the second axis, in squared optical density, under which colours lie on a line and span no plane.
static const double flattest = 1e-4;

struct vector3 {
    double at[3];
};

INLINED double dot(struct vector3 a, struct vector3 b) {
    return a.at[0] * b.at[0] + a.at[1] * b.at[1] + a.at[2] * b.at[2];
}

static struct vector3 cross(struct vector3 a, struct vector3 b) {
    return (struct vector3){{a.at[1] * b.at[2] - a.at[2] * b.at[1], a.at[2] * b.at[0] - a.at[0] * b.at[2],
                             a.at[0] * b.at[1] - a.at[1] * b.at[0]}};
}

/// a * x + b * y
static struct vector3 combine(double a, struct vector3 x, double b, struct vector3 y) {
    return (struct vector3){{a * x.at[0] + b * y.at[0], a * x.at[1] + b * y.at[1], a * x.at[2] + b * y.at[2]}};
}

static struct vector3 unit(struct vector3 a) { return combine(1 / sqrt(dot(a, a)), a, 0, a); }

static size_t step_of(size_t width, size_t height) {
    size_t step = 1;
    while (step * step * LOOKED_AT < width * height)
        step++;
    return step;
}

/// How many of 1, 1 + step, ... are less than `side`.
static size_t places(size_t side, size_t step) { return side < 2 ? 0 : (side - 2) / step + 1; }

size_t patch_stain_room(size_t width, size_t height) {
    size_t step = step_of(width, height);
    return 3 * places(width, step) * places(height, step);
}

/// The tissue among the pixels that are looked at: its optical densities, a channel after the other.
struct tissue {
    size_t looked_at, pixels;
    double *densities[3];
};

/// Whether a pixel is tissue cannot be foretold: so each is written down without a branch, and the next one over it where
/// it was none.
static struct tissue look_at(const uint8_t *rgb, size_t width, size_t height, double *room) {
    const size_t step = step_of(width, height), most = patch_stain_room(width, height) / 3;
    struct tissue tissue = {.densities = {room, room + most, room + 2 * most}};
    for (size_t y = 1; y < height; y += step) {
        for (size_t x = 1; x < width; x += step, tissue.looked_at++) {
            const uint8_t *pixel = rgb + 3 * (y * width + x);
            bool is_tissue = true;
            for (int c = 0; c < 3; c++) {
                double density = optical_density[pixel[c]];
                tissue.densities[c][tissue.pixels] = density;
                is_tissue &= density >= faintest;
            }
            tissue.pixels += is_tissue;
        }
    }
    return tissue;
}

/// Eigenvalues of a symmetric matrix, and its eigenvectors as columns, by cyclic Jacobi rotations (Golub and Van Loan,
/// "Matrix Computations", 8.5).
static void eigen(double matrix[3][3], double vectors[3][3]) {
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            vectors[i][j] = i == j;
    for (int sweep = 0; sweep < 12; sweep++) {
        for (int p = 0; p < 2; p++) {
            for (int q = p + 1; q < 3; q++) {
                if (matrix[p][q] == 0) continue;
                double ratio = (matrix[q][q] - matrix[p][p]) / (2 * matrix[p][q]);
                double t = (ratio >= 0 ? 1 : -1) / (fabs(ratio) + sqrt(1 + ratio * ratio));
                double cosine = 1 / sqrt(1 + t * t), sine = t * cosine;
                for (int k = 0; k < 3; k++) {
                    double kp = matrix[k][p], kq = matrix[k][q];
                    matrix[k][p] = cosine * kp - sine * kq, matrix[k][q] = sine * kp + cosine * kq;
                }
                for (int k = 0; k < 3; k++) {
                    double pk = matrix[p][k], qk = matrix[q][k];
                    matrix[p][k] = cosine * pk - sine * qk, matrix[q][k] = sine * pk + cosine * qk;
                    double vp = vectors[k][p], vq = vectors[k][q];
                    vectors[k][p] = cosine * vp - sine * vq, vectors[k][q] = sine * vp + cosine * vq;
                }
            }
        }
    }
}

/// Mean of the tissue's optical densities, and the direction in which they vary least.
struct color_plane {
    struct vector3 mean, normal;
    double second_variance;
};

/// Of at least two pixels.
static struct color_plane fit_plane(const struct tissue *tissue) {
    struct color_plane plane;
    double sums[3] = {0}, products[3][3] = {{0}};
    for (size_t pixel = 0; pixel < tissue->pixels; pixel++) {
        for (int i = 0; i < 3; i++) {
            double density = tissue->densities[i][pixel];
            sums[i] += density;
            for (int j = i; j < 3; j++)
                products[i][j] += density * tissue->densities[j][pixel];
        }
    }
    double count = (double)tissue->pixels, covariance[3][3], vectors[3][3];
    for (int i = 0; i < 3; i++) {
        plane.mean.at[i] = sums[i] / count;
        for (int j = i; j < 3; j++)
            covariance[i][j] = covariance[j][i] = (products[i][j] - sums[i] * sums[j] / count) / (count - 1);
    }
    eigen(covariance, vectors);
    int least = 0, most = 0;
    for (int i = 1; i < 3; i++) {
        if (covariance[i][i] < covariance[least][least]) least = i;
        if (covariance[i][i] >= covariance[most][most]) most = i;
    }
    for (int i = 0; i < 3; i++)
        plane.normal.at[i] = vectors[i][least];
    plane.second_variance = least == most ? 0 : covariance[3 - least - most][3 - least - most];
    return plane;
}

/// The smallest of what was added, in ascending order.
struct smallest {
    size_t most, count;
    double values[MOST_EXTREME];
};

static void add(struct smallest *kept, double value) {
    if (kept->count == kept->most && value >= kept->values[kept->count - 1]) return;
    size_t place = kept->count < kept->most ? kept->count++ : kept->count - 1;
    for (; place > 0 && kept->values[place - 1] > value; place--)
        kept->values[place] = kept->values[place - 1];
    kept->values[place] = value;
}

/// Writes the angle of each pixel over its first density. It grows from -2 to 2 as the angle does from -pi to pi, and needs
/// no libm. No pixel waits for another, so the compiler may take several at a time.
INLINED void to_angles(const struct tissue *tissue, struct vector3 along, struct vector3 across) {
    double *restrict first = tissue->densities[0];
    const double *restrict second = tissue->densities[1], *restrict third = tissue->densities[2];
    for (size_t pixel = 0; pixel < tissue->pixels; pixel++) {
        const struct vector3 density = {{first[pixel], second[pixel], third[pixel]}};
        double x = dot(density, along), y = dot(density, across), size = fabs(x) + fabs(y);
        double turn = y / (size == 0 ? 1 : size);
        double turned_back = (y >= 0 ? 2 : -2) - turn;
        first[pixel] = x >= 0 ? turn : turned_back;
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void to_angles_wide(const struct tissue *tissue, struct vector3 along,
                                                           struct vector3 across) {
    to_angles(tissue, along, across);
}
#endif

static void write_angles(const struct tissue *tissue, struct vector3 along, struct vector3 across) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        to_angles_wide(tissue, along, across);
        return;
    }
#endif
    to_angles(tissue, along, across);
}

/// The unit vector at such an angle.
static struct vector3 direction(double angle, struct vector3 along, struct vector3 across) {
    double turn = angle > 1 ? 2 - angle : angle < -1 ? -2 - angle : angle;
    return unit(combine(1 - fabs(angle), along, turn, across));
}

bool patch_stain_vectors(const uint8_t *rgb, size_t width, size_t height, double *room, double hematoxylin[3],
                         double eosin[3]) {
    const struct tissue tissue = look_at(rgb, width, height, room);
    const double pixels = (double)tissue.pixels;
    if (tissue.pixels < FEWEST_PIXELS || pixels < least_tissue * (double)tissue.looked_at) return false;
    const struct color_plane plane = fit_plane(&tissue);
    if (plane.second_variance < flattest) return false;
    size_t beyond = (size_t)(tail * (pixels - 1)) + 1;
    if (beyond > MOST_EXTREME) return false;

    // Axes of the plane: along the mean colour, and across it.
    struct vector3 along = combine(1, plane.mean, -dot(plane.mean, plane.normal), plane.normal);
    if (dot(along, along) < flattest) return false;
    along = unit(along);
    struct vector3 across = cross(plane.normal, along);
    write_angles(&tissue, along, across);
    const double *angles = tissue.densities[0];
    struct smallest smallest = {.most = beyond}, negated = {.most = beyond};
    for (size_t pixel = 0; pixel < tissue.pixels; pixel++) {
        add(&smallest, angles[pixel]);
        add(&negated, -angles[pixel]);
    }
    struct vector3 first = direction(smallest.values[beyond - 1], along, across);
    struct vector3 second = direction(-negated.values[beyond - 1], along, across);
    // Hematoxylin is blue: it takes more of the red.
    bool is_first = first.at[0] > second.at[0];
    memcpy(hematoxylin, is_first ? first.at : second.at, sizeof first.at);
    memcpy(eosin, is_first ? second.at : first.at, sizeof first.at);
    return true;
}
