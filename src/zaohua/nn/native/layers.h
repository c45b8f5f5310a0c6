// What a transformer does beside its matrices, and the structures that describe it. What the settings mean is told by
// `nn/blueprint.py`; `structures.py` beside this file fills in the structures.
#pragma once
#include "matrices.h"

struct Norm {
  int32_t kind;  // 0 none, 1 root mean square, 2 standardised
  float eps;
  const float *weight, *bias;  // null for none
};

struct Layer {
  Matrix qkv, out, inner, gate, outer;  // gate.in = 0 for none
  Norm before1, before2, after1, after2, queries, keys;
  const float *cos, *sin;  // (room, turned); null where nothing is turned
  int64_t window;          // 0 for none
};

struct Net {
  int64_t width, heads, kv_heads, size, room, turned, layers, vocabulary;
  int32_t parallel, whole_norm, activation;  // whole_norm: queries' norm is of all heads together
  float scale, cap, residual_scale, embedding_scale, logit_scale, logit_cap;
  Norm embedded, last;
  const float *tokens, *places;  // places null for none
  Matrix head;
  const Layer* layer;
};

struct Task {
  int64_t rows, count;         // tokens (rows, count)
  const int64_t* tokens;
  const int64_t* begins;       // tokens in the caches before, of each row
  const int64_t* firsts;       // position of the first token in the caches, of each row
  const float* summary;        // added to each embedding, (rows, width); null for none
  const uint8_t* present;      // which of the first tokens are there, (rows, prefix); null for all
  int64_t prefix;
  float* const* caches;        // keys and values of each layer, (rows, kv_heads, room, size)
  int32_t all;                 // logits of all tokens, or of the last of each row
  float* logits;
  float* work;                 // `work_size` numbers
};

static void normalise(const Norm& norm, const float* x, int64_t n, int64_t width, float* to) {
  for (int64_t r = 0; r < n; r++, x += width, to += width) {
    float mean = 0, divisor = 1;
    int64_t whole = width / LANES * LANES;
    if (norm.kind) {
      Vector total = splat(0);
      if (norm.kind == 2) {
        for (int64_t i = 0; i < whole; i += LANES) total += load(x + i);
        mean = (sum(total + part(x + whole, width - whole))) / width;
      }
      total = splat(0);
      for (int64_t i = 0; i < whole; i += LANES) {
        Vector v = load(x + i) - splat(mean);
        total += v * v;
      }
      Vector v = part(x + whole, width - whole, mean) - splat(mean);
      divisor = 1 / std::sqrt(sum(total + v * v) / width + norm.eps);
    }
    for (int64_t i = 0; i < width; i++) to[i] = (x[i] - mean) * divisor;
    if (norm.weight)
      for (int64_t i = 0; i < width; i++) to[i] *= norm.weight[i];
    if (norm.bias)
      for (int64_t i = 0; i < width; i++) to[i] += norm.bias[i];
  }
}

static void activate(int32_t kind, float* x, int64_t n) {
  for (int64_t i = 0; i < n; i += LANES) {
    Vector v = n - i < LANES ? part(x + i, n - i) : load(x + i), one = splat(1), half = splat(0.5f);
    if (kind == 0) v = v / (one + exponential(-v));                                        // silu
    if (kind == 1) v = half * v * (one + error_function(v * splat(0.70710678118654752f)));  // gelu
    if (kind == 2)  // gelu_tanh
      v = half * v * (one + hyperbolic_tangent(splat(0.79788456080286536f) * (v + splat(0.044715f) * v * v * v)));
    if (kind == 3) v = larger(v, splat(0)) * larger(v, splat(0));  // relu2
    float tail[LANES];
    store(n - i < LANES ? tail : x + i, v);
    if (n - i < LANES) std::memcpy(x + i, tail, (n - i) * sizeof(float));
  }
}

static void cap_all(float* x, int64_t n, float cap) {
  for (int64_t i = 0; i < n; i += LANES) {
    int64_t count = n - i < LANES ? n - i : LANES;
    Vector v = splat(cap) * hyperbolic_tangent(part(x + i, count) / splat(cap));
    float tail[LANES];
    store(tail, v);
    std::memcpy(x + i, tail, count * sizeof(float));
  }
}

static float dot(const float* a, const float* b, int64_t n) {
  Vector total = splat(0);
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) total += load(a + i) * load(b + i);
  if (i < n) total += part(a + i, n - i) * part(b + i, n - i);
  return sum(total);
}

static void turn(float* x, const float* cos, const float* sin, int64_t half) {
  for (int64_t i = 0; i < half; i++) {
    float a = x[i], b = x[half + i];
    x[i] = a * cos[i] - b * sin[i];
    x[half + i] = b * cos[i] + a * sin[i];
  }
}

// Attention of one query to the tokens 0 ... end - 1; scores is room for `end` numbers and a vector.
static void attend(const Net& net, const Layer& layer, const float* query, const float* keys, const float* values,
                   int64_t end, const uint8_t* present, int64_t prefix, const float* next, float* scores, float* to) {
  int64_t size = net.size, begin = layer.window && layer.window < end ? end - layer.window : 0, n = end - begin;
  keys += begin * size, values += begin * size, next += begin * size;
  for (int64_t j = 0; j < n; j++) {
    for (int64_t i = 0; i < size; i += 16) __builtin_prefetch(values + j * size + i, 0, 2);
    scores[j] = net.scale * dot(query, keys + j * size, size);
  }
  if (net.cap > 0) cap_all(scores, n, net.cap);
  if (present)
    for (int64_t j = begin; j < prefix && j < end - 1; j++)
      if (!present[j]) scores[j - begin] = -INFINITY;
  for (int64_t j = n; j < n + LANES; j++) scores[j] = -INFINITY;
  Vector top = splat(-INFINITY), total = splat(0);
  for (int64_t j = 0; j < n; j += LANES) top = larger(top, load(scores + j));
  top = splat(most(top));
  for (int64_t j = 0; j < n; j += LANES) {
    Vector s = load(scores + j), p = exponential(s - top);
    p = s < -1e30f ? splat(0) : p;
    store(scores + j, p);
    total += p;
  }
  float divisor = 1 / sum(total);
  int64_t i = 0;
  for (; i + 4 * LANES <= size; i += 4 * LANES) {
    Vector a = splat(0), b = a, c = a, d = a;
    for (int64_t j = 0; j < n; j++) {
      const float* v = values + j * size + i;
      Vector p = splat(scores[j]);
      for (int64_t k = 0; k < 4 * LANES; k += 16) __builtin_prefetch(next + j * size + i + k, 0, 2);
      a += p * load(v), b += p * load(v + LANES), c += p * load(v + 2 * LANES), d += p * load(v + 3 * LANES);
    }
    store(to + i, a * splat(divisor)), store(to + i + LANES, b * splat(divisor));
    store(to + i + 2 * LANES, c * splat(divisor)), store(to + i + 3 * LANES, d * splat(divisor));
  }
  for (; i + LANES <= size; i += LANES) {
    Vector a = splat(0);
    for (int64_t j = 0; j < n; j++) a += splat(scores[j]) * load(values + j * size + i);
    store(to + i, a * splat(divisor));
  }
  for (; i < size; i++) {
    float a = 0;
    for (int64_t j = 0; j < n; j++) a += scores[j] * values[j * size + i];
    to[i] = a * divisor;
  }
}
