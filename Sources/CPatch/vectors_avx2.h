#pragma once
// What the kernels need of AVX2 and FMA: eight lanes, sixteen registers.

#include <immintrin.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define LANES 8
typedef __m256 vector;

static inline vector load(const float *p) { return _mm256_loadu_ps(p); }
static inline void store(float *p, vector v) { _mm256_storeu_ps(p, v); }
static inline vector zero(void) { return _mm256_setzero_ps(); }
static inline vector broadcast(const float *p) { return _mm256_broadcast_ss(p); }
static inline vector multiply_add(vector a, vector b, vector c) { return _mm256_fmadd_ps(a, b, c); }
static inline vector add(vector a, vector b) { return _mm256_add_ps(a, b); }
static inline vector subtract(vector a, vector b) { return _mm256_sub_ps(a, b); }
static inline vector greater_of(vector a, vector b) { return _mm256_max_ps(a, b); }
static inline vector where_greater(vector a, vector b, vector yes, vector no) {
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
static inline void store_whole(int32_t *p, vector v) { _mm256_storeu_si256((__m256i *)p, _mm256_cvtps_epi32(v)); }

#pragma clang attribute pop
