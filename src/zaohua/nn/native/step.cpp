// A transformer reads a few tokens: one call for all its layers. What the settings mean is told by `nn/blueprint.py`;
// `decoder.py` beside this file fills in the structures.
#include "matrices.h"
#if defined(__linux__)
#include <sys/mman.h>
#endif

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

struct Work {  // parts of the working memory, for n tokens
  float *x, *h, *qkv, *attended, *inner, *gate, *scores, *scale;
  int8_t* integers;
};

static int64_t larger_of(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t inner_of(const Net& net) {
  int64_t inner = 0;
  for (int64_t i = 0; i < net.layers; i++) inner = larger_of(inner, net.layer[i].inner.out);
  return inner;
}

static int64_t cut(const Net& net, int64_t n, float* from, Work* work) {
  int64_t inner = inner_of(net), heads = net.heads * net.size, qkv = heads + 2 * net.kv_heads * net.size, used = 0;
  int64_t widest = larger_of(larger_of(inner, heads), net.width);
  auto take = [&](int64_t size) {
    float* at = from + used;
    used += (size + 15) / 16 * 16;
    return at;
  };
  Work w;
  w.x = take(n * net.width), w.h = take(n * widest), w.qkv = take(n * larger_of(qkv, net.width)), w.attended = take(n * widest);
  w.inner = take(n * inner), w.gate = take(n * inner), w.scores = take(net.room + 2 * LANES), w.scale = take(n);
  w.integers = (int8_t*)take(n * (widest + 4) / 4 + 16);
  if (work) *work = w;
  return used;
}

static Rows prepared(const Matrix& m, const float* x, int64_t n, const Work& work) {
  if (m.weights) return {x, nullptr, nullptr};
  round_rows(x, n, m.in, work.integers, work.scale);
  return {nullptr, work.integers, work.scale};
}

// Normalise and turn the queries and keys of one token, and put keys and values into the caches.
static void place_token(const Net& net, const Layer& layer, float* qkv, int64_t at, int64_t position, float* keys,
                        float* values) {
  int64_t size = net.size, both = net.heads + net.kv_heads, heads = net.heads;
  if (net.whole_norm) {
    normalise(layer.queries, qkv, 1, heads * size, qkv);
    normalise(layer.keys, qkv + heads * size, 1, net.kv_heads * size, qkv + heads * size);
  } else if (layer.queries.kind) {
    normalise(layer.queries, qkv, heads, size, qkv);
    normalise(layer.keys, qkv + heads * size, net.kv_heads, size, qkv + heads * size);
  }
  for (int64_t h = 0; layer.cos && h < both; h++)
    turn(qkv + h * size, layer.cos + position * net.turned, layer.sin + position * net.turned, net.turned);
  for (int64_t h = 0; h < net.kv_heads; h++) {
    std::memcpy(keys + (h * net.room + at) * size, qkv + (heads + h) * size, size * sizeof(float));
    std::memcpy(values + (h * net.room + at) * size, qkv + (both + h) * size, size * sizeof(float));
  }
}

static void attention(const Net& net, const Task& task, int64_t l, const Work& work) {
  const Layer& layer = net.layer[l];
  int64_t n = task.rows * task.count, size = net.size, group = net.heads / net.kv_heads;
  int64_t qkv = (net.heads + 2 * net.kv_heads) * size, cached = net.kv_heads * net.room * size;
  normalise(layer.before1, work.x, n, net.width, work.h);
  product(layer.qkv, prepared(layer.qkv, work.h, n, work), n, work.qkv);
  for (int64_t b = 0; b < task.rows; b++) {
    float *keys = task.caches[2 * l] + b * cached, *values = task.caches[2 * l + 1] + b * cached;
    for (int64_t i = 0; i < task.count; i++) {
      int64_t at = task.begins[b] + i;
      place_token(net, layer, work.qkv + (b * task.count + i) * qkv, at, task.firsts[b] + at, keys, values);
    }
    for (int64_t h = 0; h < net.heads; h++)
      for (int64_t i = 0; i < task.count; i++) {
        int64_t token = b * task.count + i, from = h / group * net.room * size;
        attend(net, layer, work.qkv + token * qkv + h * size, keys + from, values + from, task.begins[b] + i + 1,
               task.present ? task.present + b * task.prefix : nullptr, task.prefix,
               keys + from + (i + 1 == task.count && h % group + 1 == group ? net.room * size : 0), work.scores,
               work.attended + token * net.heads * size + h * size);
      }
  }
  product(layer.out, prepared(layer.out, work.attended, n, work), n, work.h);
  if (layer.after1.kind) normalise(layer.after1, work.h, n, net.width, work.h);
}

static void perceptron(const Net& net, const Layer& layer, int64_t n, const float* x, const Work& work, float* to) {
  normalise(layer.before2, x, n, net.width, work.attended);
  Rows rows = prepared(layer.inner, work.attended, n, work);
  product(layer.inner, rows, n, work.inner);
  int64_t count = n * layer.inner.out;
  if (layer.gate.in) {
    product(layer.gate, rows, n, work.gate);
    activate(net.activation, work.gate, count);
    for (int64_t i = 0; i < count; i++) work.inner[i] *= work.gate[i];
  } else {
    activate(net.activation, work.inner, count);
  }
  product(layer.outer, prepared(layer.outer, work.inner, n, work), n, to);
  if (layer.after2.kind) normalise(layer.after2, to, n, net.width, to);
}

static void embed(const Net& net, const Task& task, const Work& work) {
  for (int64_t b = 0; b < task.rows; b++)
    for (int64_t i = 0; i < task.count; i++) {
      float* x = work.x + (b * task.count + i) * net.width;
      const float* token = net.tokens + task.tokens[b * task.count + i] * net.width;
      const float* place = net.places ? net.places + (task.firsts[b] + task.begins[b] + i) * net.width : nullptr;
      for (int64_t k = 0; k < net.width; k++) {
        x[k] = net.embedding_scale * token[k];
        if (task.summary) x[k] += task.summary[b * net.width + k];
        if (place) x[k] += place[k];
      }
    }
  if (net.embedded.kind) normalise(net.embedded, work.x, task.rows * task.count, net.width, work.x);
}

extern "C" {

int64_t struct_size(int64_t which) {
  return which == 0 ? sizeof(Net) : which == 1 ? sizeof(Layer) : which == 2 ? sizeof(Matrix) : sizeof(Task);
}

int64_t work_size(const Net* net, int64_t n) { return cut(*net, n, nullptr, nullptr) + PANEL; }

// Bytes of a packed matrix, in float32 or in integers.
int64_t packed_size(int64_t in, int64_t out, int32_t integers) {
  return panels(out) * PANEL * (integers ? 4 * quads(in) : in * (int64_t)sizeof(float));
}

int64_t scales_size(int64_t out) { return 2 * panels(out) * PANEL; }

void pack(const float* weights, int64_t in, int64_t out, float* to) {
  for (int64_t p = 0; p < panels(out); p++)
    for (int64_t k = 0; k < in; k++)
      for (int64_t i = 0; i < PANEL; i++) {
        int64_t o = p * PANEL + i;
        *to++ = o < out ? weights[o * in + k] : 0;
      }
}

void pack_integers(const float* weights, int64_t in, int64_t out, int8_t* to, float* scales) {
  int64_t all = panels(out) * PANEL, room = 4 * quads(in);
  int32_t* shift = (int32_t*)(scales + all);
  for (int64_t o = 0; o < all; o++) {
    float top = 1e-30f;
    for (int64_t k = 0; o < out && k < in; k++) top = std::fmax(top, std::fabs(weights[o * in + k]));
    int32_t total = 0;
    for (int64_t k = 0; k < room; k++) {
      float whole = o < out && k < in ? std::nearbyint(weights[o * in + k] * (127.0f / top)) : 0;
      total += (int32_t)whole;
      to[o / PANEL * room * PANEL + k / 4 * 4 * PANEL + o % PANEL * 4 + k % 4] = (int8_t)whole;
    }
    scales[o] = o < out ? top : 0;
    shift[o] = 128 * total;
  }
}

// Ask for large pages, with which memory is read faster.
void use_large_pages(void* begin, int64_t bytes) {
#if defined(MADV_HUGEPAGE)
  uintptr_t page = 1 << 21, address = (uintptr_t)begin;
  uintptr_t from = (address + page - 1) / page * page, to = (address + bytes) / page * page;
  if (to > from) madvise((void*)from, to - from, MADV_HUGEPAGE);
#endif
}

// A number that tells whether weights have changed.
uint64_t fingerprint(const uint32_t* numbers, int64_t count) {
  uint32_t lanes[32];
  for (uint32_t i = 0; i < 32; i++) lanes[i] = 0x9e3779b9u * (i + 1);
  int64_t k = 0;
  for (; k + 32 <= count; k += 32)
    for (int i = 0; i < 32; i++) lanes[i] = (lanes[i] ^ numbers[k + i]) * 0x01000193u;
  for (; k < count; k++) lanes[k % 32] = (lanes[k % 32] ^ numbers[k]) * 0x01000193u;
  uint64_t out = 0xcbf29ce484222325ull;
  for (int i = 0; i < 32; i++) out = (out ^ lanes[i]) * 0x100000001b3ull;
  return out;
}

void read_tokens(const Net* given, const Task* todo) {
  const Net& net = *given;
  const Task& task = *todo;
  Work work;
  int64_t n = task.rows * task.count;
  cut(net, n, task.work, &work);
  embed(net, task, work);
  for (int64_t l = 0; l < net.layers; l++) {
    const Layer& layer = net.layer[l];
    attention(net, task, l, work);
    if (net.parallel) {  // both sublayers read x, so the attention's part waits in `qkv`, which is large enough
      std::memcpy(work.qkv, work.h, n * net.width * sizeof(float));
      perceptron(net, layer, n, work.x, work, work.h);
      for (int64_t i = 0; i < n * net.width; i++) work.x[i] += net.residual_scale * work.qkv[i];
    } else {
      for (int64_t i = 0; i < n * net.width; i++) work.x[i] += net.residual_scale * work.h[i];
      perceptron(net, layer, n, work.x, work, work.h);
    }
    for (int64_t i = 0; i < n * net.width; i++) work.x[i] += net.residual_scale * work.h[i];
  }
  int64_t read = task.all ? n : task.rows;
  for (int64_t r = 0; !task.all && r < task.rows; r++)
    std::memmove(work.x + r * net.width, work.x + ((r + 1) * task.count - 1) * net.width, net.width * sizeof(float));
  normalise(net.last, work.x, read, net.width, work.h);
  product(net.head, prepared(net.head, work.h, read, work), read, task.logits);
  if (net.logit_scale != 1)
    for (int64_t i = 0; i < read * net.vocabulary; i++) task.logits[i] *= net.logit_scale;
  if (net.logit_cap > 0) cap_all(task.logits, read * net.vocabulary, net.logit_cap);
}
}
