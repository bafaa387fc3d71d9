// The layer at hand during import: typed access to its attributes, blobs and shapes, and the units made of it
// so far. Each layer type has one function (windows.cc, functions.cc, rearrange.cc) from this to the tensors
// of its tops.
#pragma once

#include <string>
#include <vector>

#include "aneir/network.h"
#include "espresso/net.h"
#include "import/composition.h"
#include "import/refusal.h"

namespace ane::import {

// The engine's shape of an Espresso blob; throws Refusal where both n and seq are longer than 1, or a length
// is absurd.
aneir::Shape engine_shape(const espresso::Shape& shape);

class LayerImport {
 public:
  LayerImport(const espresso::Net& from, const espresso::Layer& at, aneir::Network& to,
              std::vector<aneir::TensorId> bottoms)
      : net(from), layer(at), network(to), inputs(std::move(bottoms)) {}

  const espresso::Net& net;
  const espresso::Layer& layer;
  aneir::Network& network;
  const std::vector<aneir::TensorId> inputs;

  [[noreturn]] void refuse(const std::string& reason) const { throw Refusal{reason}; }
  void require(bool condition, const std::string& reason) const {
    if (!condition) refuse(reason);
  }

  // The only input; layers with another number of inputs are refused.
  aneir::TensorId input() const;
  aneir::Shape shape(aneir::TensorId tensor) const { return network.tensor(tensor).shape; }
  // What the shape file says of a bottom or top.
  const espresso::Shape& declared_bottom(size_t index = 0) const;
  const espresso::Shape& declared_top(size_t index = 0) const;

  // Attributes.
  bool has(const std::string& key) const { return layer.attributes.contains(key); }
  bool flag(const std::string& key) const { return integer(key, 0) != 0; }
  int64_t integer(const std::string& key, int64_t fallback) const;
  int window(const std::string& key, int fallback) const;  // a size within max_window
  float number(const std::string& key, float fallback) const;

  // Blobs. `floats` gives the first `count` values of a float32 array and refuses shorter ones.
  aneir::Constant weights(int64_t channels) const;  // float32, binary16, or expanded from bytes
  aneir::Constant floats(int64_t blob, int64_t count) const;
  aneir::Constant floats(const std::string& key, int64_t count) const;

  // Appends a unit. Its result's shape follows from the unit.
  aneir::TensorId add(aneir::Params params, std::vector<aneir::TensorId> bottoms);
  AddUnit adder() {
    return [this](aneir::Params params, std::vector<aneir::TensorId> bottoms) {
      return add(std::move(params), std::move(bottoms));
    };
  }
  aneir::TensorId reshaped(aneir::TensorId tensor,
                           const aneir::Shape& shape);  // `tensor` itself if it has the shape

  // Gives units and tensors their names once all of the layer's units are there.
  void name_results(const std::vector<aneir::TensorId>& tops);

 private:
  size_t first_unit_ = network.units.size();
};

using Tops = std::vector<aneir::TensorId>;

// windows.cc
Tops import_convolution(LayerImport& at);
Tops import_deconvolution(LayerImport& at);
Tops import_inner_product(LayerImport& at);
Tops import_batch_matmul(LayerImport& at);
Tops import_pool(LayerImport& at);

// padding.cc
Tops import_padding(LayerImport& at);

// blocks.cc
Tops import_space_to_depth(LayerImport& at);
Tops import_tile(LayerImport& at);

// normalization.cc
Tops import_lrn(LayerImport& at);

// upsample.cc
Tops import_upsample(LayerImport& at);

// functions.cc
Tops import_activation(LayerImport& at);
Tops import_elementwise(LayerImport& at);
Tops import_batchnorm(LayerImport& at);
Tops import_reduce(LayerImport& at);
Tops import_softmax(LayerImport& at);
Tops import_softmax_nd(LayerImport& at);

// rearrange.cc
Tops import_copy(LayerImport& at);
Tops import_concat(LayerImport& at);
Tops import_sequence_concat(LayerImport& at);
Tops import_flatten(LayerImport& at);
Tops import_reshape(LayerImport& at);
Tops import_transpose(LayerImport& at);
Tops import_slice(LayerImport& at);
Tops import_split(LayerImport& at);
Tops import_crop(LayerImport& at);
Tops import_constant(LayerImport& at);

// An axis by Espresso's code (0 w, 1 h, 2 k, 3 n, 4 seq).
aneir::Axis axis_of_code(const LayerImport& at, int64_t code);
// An axis by Core ML's exact-rank number (negative counts from the end), which fills w, h, k, n, seq from the
// end.
aneir::Axis axis_of_index(const LayerImport& at, int64_t index);

}  // namespace ane::import
