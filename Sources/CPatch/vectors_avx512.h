#pragma once
// What the kernels need of AVX-512F: sixteen lanes, thirty-two registers.

#include <immintrin.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)

#define LANES 16
typedef __m512 vector;

static inline vector load(const float *p) { return _mm512_loadu_ps(p); }
static inline void store(float *p, vector v) { _mm512_storeu_ps(p, v); }
static inline vector zero(void) { return _mm512_setzero_ps(); }
static inline vector broadcast(const float *p) { return _mm512_set1_ps(*p); }
static inline vector multiply_add(vector a, vector b, vector c) { return _mm512_fmadd_ps(a, b, c); }
static inline vector add(vector a, vector b) { return _mm512_add_ps(a, b); }
static inline vector subtract(vector a, vector b) { return _mm512_sub_ps(a, b); }
static inline vector greater_of(vector a, vector b) { return _mm512_max_ps(a, b); }
static inline vector where_greater(vector a, vector b, vector yes, vector no) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), no, yes);
}
static inline void store_whole(int32_t *p, vector v) { _mm512_storeu_si512(p, _mm512_cvtps_epi32(v)); }

#pragma clang attribute pop
