// The definitions of Espresso's layers, one function each, in one file per family. espresso.cc has the table
// that finds them.
#pragma once

#include "espresso/net.h"
#include "reference/tensor.h"
#include "reference/window.h"

namespace ane::reference {

// Of every tensor here.
enum EspressoAxis : size_t { axis_seq, axis_n, axis_k, axis_h, axis_w };

// One layer with the blobs it reads.
struct EspressoCall {
  const espresso::Net& net;
  const espresso::Layer& layer;
  const std::vector<const Tensor*>& inputs;

  // Throws Error naming the layer.
  [[noreturn]] void fail(const std::string& why) const;
  void require(bool condition, const std::string& why) const {
    if (!condition) fail(why);
  }

  // Throws Error when the layer has fewer inputs.
  const Tensor& input(size_t index = 0) const;

  // Attributes.
  bool has(const std::string& key) const { return layer.attributes.contains(key); }
  int64_t integer(const std::string& key) const { return layer.integer(key, net.file); }
  int64_t integer(const std::string& key, int64_t fallback) const {
    return layer.integer_or(key, fallback, net.file);
  }
  bool flag(const std::string& key) const { return integer(key, 0) != 0; }
  double number(const std::string& key, double fallback) const {
    return layer.number_or(key, fallback, net.file);
  }
  // A length or amount, 0 to 2^20.
  int64_t extent(const std::string& key, int64_t fallback) const;

  // The axis of a code (0 w, 1 h, 2 k, 3 n, 4 seq), or of an index into the exact rank of the first input
  // (negative: from the end).
  size_t axis_of_code(int64_t code) const;
  size_t axis_of_index(int64_t index) const;

  // What the shape file declares for an output.
  Shape declared(size_t output = 0) const;

  // The first `count` numbers of a float32 blob.
  std::vector<float> floats(int64_t blob, int64_t count) const;
  std::vector<float> floats(const std::string& key, int64_t count) const;
  // The layer's `count` weights, whichever element type they have; every `per_channel` of them belong to one
  // channel.
  std::vector<float> weights(int64_t count, int64_t per_channel) const;
};

// The shape as the file has it: seq, n, k, h, w.
Shape axes_of(const espresso::Shape& shape);

// A tensor of at most 2^28 elements; fails for more.
Tensor make_result(const EspressoCall& call, const Shape& shape);

// espresso_windows.cc
Tensor espresso_convolution(const EspressoCall& call);
Tensor espresso_deconvolution(const EspressoCall& call);
Tensor espresso_inner_product(const EspressoCall& call);
Tensor espresso_batch_matmul(const EspressoCall& call);
Tensor espresso_pool(const EspressoCall& call);
Tensor espresso_padding(const EspressoCall& call);
Tensor espresso_upsample(const EspressoCall& call);

// espresso_functions.cc
Tensor espresso_activation(const EspressoCall& call);
Tensor espresso_elementwise(const EspressoCall& call);
Tensor espresso_batchnorm(const EspressoCall& call);
Tensor espresso_reduce(const EspressoCall& call);
Tensor espresso_softmax(const EspressoCall& call);
Tensor espresso_softmax_nd(const EspressoCall& call);

// espresso_movement.cc
Tensor espresso_copy(const EspressoCall& call);
Tensor espresso_concat(const EspressoCall& call);
Tensor espresso_sequence_concat(const EspressoCall& call);
Tensor espresso_flatten(const EspressoCall& call);
Tensor espresso_reshape(const EspressoCall& call);
Tensor espresso_change_of_rank(const EspressoCall& call);  // expand_dims, squeeze
Tensor espresso_transpose(const EspressoCall& call);
Tensor espresso_slice(const EspressoCall& call);
Tensor espresso_crop(const EspressoCall& call);
Tensor espresso_constant(const EspressoCall& call);
std::vector<Tensor> espresso_split(const EspressoCall& call);

}  // namespace ane::reference
