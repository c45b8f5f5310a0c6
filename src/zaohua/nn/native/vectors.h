// Vectors of the machine's own width, in the extension of C++ that GCC and Clang share, and functions of them.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__AVX__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
constexpr int LANES = 16, ROWS = 6, COLUMNS = 4;  // sums that are held in registers: ROWS x COLUMNS vectors
#elif defined(__AVX__)
constexpr int LANES = 8, ROWS = 4, COLUMNS = 2;
#else
constexpr int LANES = 4, ROWS = 4, COLUMNS = 2;
#endif
constexpr int PANEL = LANES * COLUMNS;  // outputs of a matrix that are computed together

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef int32_t Integers __attribute__((vector_size(4 * LANES)));

static inline Vector load(const float* from) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

static inline void store(float* to, Vector v) { std::memcpy(to, &v, sizeof v); }

static inline Vector splat(float x) { return x - Vector{}; }

static inline Vector part(const float* from, int64_t count, float rest = 0) {  // fewer numbers than a vector holds
  Vector v = splat(rest);
  for (int i = 0; i < count && i < LANES; i++) v[i] = from[i];
  return v;
}

static inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }
static inline Vector smaller(Vector a, Vector b) { return a < b ? a : b; }

#if defined(__AVX512F__)
static inline float sum(Vector v) { return _mm512_reduce_add_ps((__m512)v); }
static inline float most(Vector v) { return _mm512_reduce_max_ps((__m512)v); }
#elif defined(__AVX__)
static inline __m128 folded(__m128 v, bool add) {
  __m128 other = _mm_movehl_ps(v, v);
  v = add ? v + other : _mm_max_ps(v, other);
  other = _mm_shuffle_ps(v, v, 1);
  return add ? v + other : _mm_max_ps(v, other);
}
static inline float sum(Vector v) {
  return folded(_mm256_castps256_ps128((__m256)v) + _mm256_extractf128_ps((__m256)v, 1), true)[0];
}
static inline float most(Vector v) {
  return folded(_mm_max_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1)), false)[0];
}
#else
static inline float sum(Vector v) { return (v[0] + v[2]) + (v[1] + v[3]); }
static inline float most(Vector v) {
  float a = v[0] > v[2] ? v[0] : v[2], b = v[1] > v[3] ? v[1] : v[3];
  return a > b ? a : b;
}
#endif

static inline Vector magnitude(Vector a) { return larger(a, -a); }

// e^x to the last bits of float32: a power of 2, and a polynomial of the rest (coefficients of the Cephes library).
static inline Vector exponential(Vector x) {
  x = larger(smaller(x, splat(88.0f)), splat(-87.3f));
  Vector rounder = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to the nearest integer
  Vector whole = (x * splat(1.44269504088896341f) + rounder);
  Integers power;
  std::memcpy(&power, &whole, sizeof power);
  whole = whole - rounder;
  Vector rest = x - whole * splat(0.693359375f) + whole * splat(2.12194440e-4f);
  Vector p = splat(1.9875691500e-4f);
  p = p * rest + splat(1.3981999507e-3f);
  p = p * rest + splat(8.3334519073e-3f);
  p = p * rest + splat(4.1665795894e-2f);
  p = p * rest + splat(1.6666665459e-1f);
  p = p * rest + splat(5.0000001201e-1f);
  p = p * rest * rest + rest + splat(1.0f);
  power = (power << 23) + 0x3f800000;
  Vector scale;
  std::memcpy(&scale, &power, sizeof scale);
  return p * scale;
}

static inline Vector hyperbolic_tangent(Vector x) {
  return splat(1.0f) - splat(2.0f) / (exponential(x + x) + splat(1.0f));
}

// Abramowitz and Stegun 7.1.26; absolute error 1.5e-7.
static inline Vector error_function(Vector x) {
  Vector a = magnitude(x), t = splat(1.0f) / (splat(1.0f) + splat(0.3275911f) * a);
  Vector p = splat(1.061405429f);
  p = p * t + splat(-1.453152027f);
  p = p * t + splat(1.421413741f);
  p = p * t + splat(-0.284496736f);
  p = p * t + splat(0.254829592f);
  Vector y = splat(1.0f) - p * t * exponential(-a * a);
  return x < 0 ? -y : y;
}
