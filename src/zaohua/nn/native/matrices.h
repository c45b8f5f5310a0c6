// Products of a few rows with a matrix, in float32 or in 8-bit integers.
//
// A matrix is kept in panels of PANEL outputs, in which the weights of one input lie side by side, so that it is read
// from memory once, in order. Each output is one sum over the inputs in their order, so a row's result doesn't depend
// on the rows beside it.
#pragma once
#include "vectors.h"

#define UNROLL _Pragma("GCC unroll 8")

struct Matrix {
  int64_t in, out;
  const float* weights;     // panels (in, PANEL); null if it is in integers
  const int8_t* integers;   // panels (in / 4, PANEL, 4), inputs padded with zeros
  const float* scale;       // of each output, for integers
  const float* bias;        // null for none
};

static inline int64_t panels(int64_t out) { return (out + PANEL - 1) / PANEL; }
static inline int64_t quads(int64_t in) { return (in + 3) / 4; }

// ---- float32

// Multiply R rows with a panel; meanwhile fetch a part of the next panel, `lines` cache lines an input.
template <int R>
static inline void multiply(const float* x, int64_t in, const float* panel, const char* next, int lines,
                            Vector (&sums)[R][COLUMNS]) {
  UNROLL for (int r = 0; r < R; r++)
    UNROLL for (int c = 0; c < COLUMNS; c++) sums[r][c] = splat(0);
  for (int64_t k = 0; k < in; k++) {
    Vector w[COLUMNS];
    UNROLL for (int c = 0; c < COLUMNS; c++) w[c] = load(panel + k * PANEL + c * LANES);
    for (int line = 0; line < lines; line++) __builtin_prefetch(next + 64 * line, 0, 2);
    next += 64 * lines;
    UNROLL for (int r = 0; r < R; r++) {
      Vector one = splat(x[r * in + k]);
      UNROLL for (int c = 0; c < COLUMNS; c++) sums[r][c] += w[c] * one;
    }
  }
}

// ---- integers

// Add to each number of `sums` the product of 4 inputs with 4 weights. Where the processor wants unsigned inputs, they
// are 128 too large, and `shifted` is true.
#if defined(__AVX512VNNI__) && defined(__AVX512F__)
constexpr bool SHIFTED = true;
static inline Integers add_products(Integers sums, const int8_t* x, const int8_t* w) {
  int32_t four;
  std::memcpy(&four, x, 4);
  return (Integers)_mm512_dpbusd_epi32((__m512i)sums, _mm512_set1_epi32(four), _mm512_loadu_si512(w));
}
#elif defined(__AVX512BW__)
constexpr bool SHIFTED = false;
static inline Integers add_products(Integers sums, const int8_t* x, const int8_t* w) {
  int32_t four;
  std::memcpy(&four, x, 4);
  __m512i inputs = _mm512_set1_epi32(four), weights = _mm512_loadu_si512(w);
  weights = _mm512_mask_sub_epi8(weights, _mm512_movepi8_mask(inputs), _mm512_setzero_si512(), weights);
  __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(inputs), weights);
  return (Integers)_mm512_add_epi32((__m512i)sums, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}
#elif defined(__AVX2__) && !defined(__AVX512F__)
constexpr bool SHIFTED = false;
static inline Integers add_products(Integers sums, const int8_t* x, const int8_t* w) {
  int32_t four;
  std::memcpy(&four, x, 4);
  __m256i inputs = _mm256_set1_epi32(four), weights = _mm256_loadu_si256((const __m256i*)w);
  __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(inputs), _mm256_sign_epi8(weights, inputs));
  return (Integers)_mm256_add_epi32((__m256i)sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
#elif defined(__ARM_FEATURE_DOTPROD)
constexpr bool SHIFTED = false;
static inline Integers add_products(Integers sums, const int8_t* x, const int8_t* w) {
  int32_t four;
  std::memcpy(&four, x, 4);
  return (Integers)vdotq_s32((int32x4_t)sums, vld1q_s8(w), vreinterpretq_s8_s32(vdupq_n_s32(four)));
}
#else
constexpr bool SHIFTED = false;
static inline Integers add_products(Integers sums, const int8_t* x, const int8_t* w) {
  for (int i = 0; i < LANES; i++)
    for (int j = 0; j < 4; j++) sums[i] += (int32_t)x[j] * w[4 * i + j];
  return sums;
}
#endif

template <int R>
static inline void multiply(const int8_t* x, int64_t in, const int8_t* panel, const char* next, int lines,
                            Integers (&sums)[R][COLUMNS]) {
  UNROLL for (int r = 0; r < R; r++)
    UNROLL for (int c = 0; c < COLUMNS; c++) sums[r][c] = Integers{};
  for (int64_t k = 0; k < in; k += 4) {
    for (int line = 0; line < lines; line++) __builtin_prefetch(next + 64 * line, 0, 2);
    next += 64 * lines;
    UNROLL for (int c = 0; c < COLUMNS; c++)
      UNROLL for (int r = 0; r < R; r++)
        sums[r][c] = add_products(sums[r][c], x + r * in + k, panel + k * PANEL + 4 * c * LANES);
  }
}

// ---- either

struct Rows {  // what a matrix is multiplied with
  const float* numbers;
  const int8_t* integers;  // (n, 4 * quads), for matrices in integers
  const float* scale;      // of each row
};

template <int R>
static void block(const Matrix& m, const Rows& x, int64_t row, int64_t p, int lines, int64_t fetched, float* to) {
  int64_t width = m.out - p * PANEL < PANEL ? m.out - p * PANEL : PANEL, in = m.weights ? m.in : 4 * quads(m.in);
  float out[PANEL];
  Vector sums[R][COLUMNS];
  if (m.weights) {
    const float* panel = m.weights + p * in * PANEL;
    multiply<R>(x.numbers + row * in, in, panel, (const char*)(panel + in * PANEL) + fetched, lines, sums);
  } else {
    const int8_t* panel = m.integers + p * in * PANEL;
    Integers whole[R][COLUMNS];
    multiply<R>(x.integers + row * in, in, panel, (const char*)(panel + in * PANEL) + fetched, lines, whole);
    UNROLL for (int r = 0; r < R; r++)
      UNROLL for (int c = 0; c < COLUMNS; c++) {
        Vector scale = load(m.scale + p * PANEL + c * LANES);
        const int32_t* shift = (const int32_t*)(m.scale + panels(m.out) * PANEL) + p * PANEL + c * LANES;
        Integers taken;
        std::memcpy(&taken, shift, sizeof taken);
        if (SHIFTED) whole[r][c] -= taken;
        sums[r][c] = __builtin_convertvector(whole[r][c], Vector) * scale * splat(x.scale[row + r]);
      }
  }
  UNROLL for (int r = 0; r < R; r++) {
    float* place = to + (row + r) * m.out + p * PANEL;
    UNROLL for (int c = 0; c < COLUMNS; c++) store(width == PANEL ? place + c * LANES : out + c * LANES, sums[r][c]);
    if (width < PANEL) std::memcpy(place, out, width * sizeof(float));
    if (m.bias)
      for (int64_t i = 0; i < width; i++) place[i] += m.bias[p * PANEL + i];
  }
}

// Round rows (n, in) to integers, each with a scale of its own, so that the largest becomes 127.
static void round_rows(const float* x, int64_t n, int64_t in, int8_t* to, float* scale) {
  int64_t room = 4 * quads(in);
  for (int64_t r = 0; r < n; r++) {
    const float* row = x + r * in;
    Vector largest = splat(0);
    int64_t k = 0;
    for (; k + LANES <= in; k += LANES) largest = larger(largest, magnitude(load(row + k)));
    largest = larger(largest, magnitude(part(row + k, in - k)));
    float top = most(largest) + 1e-30f, factor = 127.0f / top;
    for (k = 0; k < in; k++) {
      int32_t whole;
      float shifted = row[k] * factor + 12582912.0f;  // 1.5 * 2^23: rounds, and leaves the integer in the last bits
      std::memcpy(&whole, &shifted, 4);
      to[r * room + k] = (int8_t)(whole + (SHIFTED ? 128 : 0));
    }
    for (; k < room; k++) to[r * room + k] = SHIFTED ? (int8_t)128 : 0;
    scale[r] = top / (127.0f * 127.0f);
  }
}

// Multiply rows (n, in) with a matrix: to (n, out).
static void product(const Matrix& m, const Rows& x, int64_t n, float* to) {
  int64_t blocks = (n + ROWS - 1) / ROWS, in = m.weights ? m.in : quads(m.in);
  // with one block the processor's own prefetching of the panels, read in order, is faster
  int lines = blocks > 1 ? (int)((PANEL * 4 / 64 + blocks - 1) / blocks) : 0;
  for (int64_t p = 0; p < panels(m.out); p++)
    for (int64_t b = 0, row = 0; b < blocks; b++) {
      int64_t count = (n - row + blocks - b - 1) / (blocks - b), fetched = b * in * 64 * lines;
      switch (count) {
        case 1: block<1>(m, x, row, p, lines, fetched, to); break;
        case 2: block<2>(m, x, row, p, lines, fetched, to); break;
        case 3: block<3>(m, x, row, p, lines, fetched, to); break;
        case 4: block<4>(m, x, row, p, lines, fetched, to); break;
        case 5: block<5>(m, x, row, p, lines, fetched, to); break;
        default: block<ROWS>(m, x, row, p, lines, fetched, to);
      }
      row += count;
    }
}
