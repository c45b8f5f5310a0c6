// A transformer reads a few tokens: one call for all its layers.
#include "layers.h"
#if defined(__linux__)
#include <sys/mman.h>
#endif

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
  w.x = take(n * net.width), w.h = take(n * widest), w.attended = take(n * widest);
  w.qkv = take(n * larger_of(qkv, net.width));
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

// Return false where a token is unknown, or there is no room for it.
bool read_tokens(const Net* given, const Task* todo) {
  const Net& net = *given;
  const Task& task = *todo;
  for (int64_t i = 0; i < task.rows * task.count; i++)
    if (task.tokens[i] < 0 || task.tokens[i] >= net.vocabulary) return false;
  for (int64_t b = 0; b < task.rows; b++)
    if (task.begins[b] < 0 || task.begins[b] + task.count > net.room) return false;
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
  return true;
}
}
