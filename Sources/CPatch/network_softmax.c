// The last step of `direct-1`: log-softmax of two values. In double and with + - * / alone, which IEEE 754 defines to
// the last bit; libm's exp and log differ between CPUs and versions. The error before the final rounding to float is
// some 1e-15, so the float is the nearest one to the exact value but for the rarest ties.

#include "patch_network.h"

#include <string.h>

// ln 2 in two parts, the first with 32 significant bits so that its multiples by k < 2^21 are exact (Cody and Waite,
// Software Manual for the Elementary Functions, 1980, chapter 6; the constants are those of fdlibm's e_exp.c).
static const double LN2_HIGH = 6.93147180369123816490e-01;
static const double LN2_LOW = 1.90821492927058770002e-10;
static const double ONE_OVER_LN2 = 1.44269504088896338700e+00;

// 2^k for -1022 <= k <= 0.
static double power_of_two(int64_t k) {
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

double patch_exp(double x) {
    if (x < -708) return 0;
    int64_t k = (int64_t)(x * ONE_OVER_LN2 - 0.5);  // truncation to zero: the nearest integer for x <= 0
    double r = (x - (double)k * LN2_HIGH) - (double)k * LN2_LOW;
    // Taylor's series on |r| <= ln(2)/2: the term left out, r^14/14!, is below 5e-18.
    double series = 1;
    for (int n = 13; n >= 1; n--) series = 1 + series * r / n;
    return series * power_of_two(k);
}

double patch_log1p(double x) {
    // ln(1 + x) = 2 artanh(f), f = x / (2 + x) <= 1/3 (Abramowitz and Stegun, 4.1.27): the first term left out is
    // f^32/33 < 2e-17 of the whole.
    double f = x / (2 + x), square = f * f, series = 0;
    for (int n = 15; n >= 0; n--) series = series * square + 1.0 / (2 * n + 1);
    return 2 * f * series;
}

void patch_log_probabilities(const float logits[2], float *normal, float *tumor) {
    // The greater probability is 1 / (1 + e^-gap), the lesser e^-gap times that.
    double difference = (double)logits[1] - (double)logits[0];
    double gap = difference < 0 ? -difference : difference;
    double shared = patch_log1p(patch_exp(-gap));
    float greater = (float)(0 - shared);  // 0 - shared is +0 where shared is 0
    float lesser = (float)(-gap - shared);
    *normal = difference < 0 ? greater : lesser;
    *tumor = difference < 0 ? lesser : greater;
}
