// Access to the layer at hand. Attributes and shapes are somebody else's, so every number is checked before
// it is narrowed, and whatever does not fit refuses this one layer.
#include "import/layer.h"

#include "base/error.h"
#include "espresso/quantized.h"

namespace ane::import {

aneir::Shape engine_shape(const espresso::Shape& shape) {
  if (shape.n > 1 && shape.seq > 1) {
    throw Refusal{"a tensor with both a batch (" + std::to_string(shape.n) + ") and a sequence (" +
                  std::to_string(shape.seq) + ") axis"};
  }
  const aneir::Shape result{shape.seq > 1 ? shape.seq : shape.n, 1, shape.k, shape.h, shape.w};
  const std::string trouble = aneir::trouble_of(result);
  if (!trouble.empty()) throw Refusal{trouble};
  return result;
}

aneir::TensorId LayerImport::input() const {
  require(inputs.size() == 1, "reads " + std::to_string(inputs.size()) + " tensors where one is expected");
  return inputs[0];
}

const espresso::Shape& LayerImport::declared_bottom(size_t index) const {
  return net.shape(layer.bottoms.at(index));
}

const espresso::Shape& LayerImport::declared_top(size_t index) const {
  return net.shape(layer.tops.at(index));
}

int64_t LayerImport::integer(const std::string& key, int64_t fallback) const {
  return layer.integer_or(key, fallback, net.file);
}

int LayerImport::window(const std::string& key, int fallback) const {
  const int64_t value = integer(key, fallback);
  require(value >= 0 && value <= aneir::max_window, key + " is " + std::to_string(value));
  return static_cast<int>(value);
}

float LayerImport::number(const std::string& key, float fallback) const {
  return static_cast<float>(layer.number_or(key, fallback, net.file));
}

aneir::Constant LayerImport::weights(int64_t channels) const {
  if (espresso::has_quantized_weights(layer, net.file)) {
    require(layer.type != "deconvolution", "quantized weights of a deconvolution");
    return aneir::Constant::of_floats(espresso::dequantized_weights(net, layer, channels));
  }
  const bool half = has("blob_weights_f16");
  require(half || has("blob_weights"), "no float weights");
  const espresso::Blob& blob = net.blob(integer(half ? "blob_weights_f16" : "blob_weights", 0), layer.name);
  return {half ? aneir::ElementType::Float16 : aneir::ElementType::Float32, blob.owner, blob.bytes};
}

aneir::Constant LayerImport::floats(int64_t id, int64_t count) const {
  const espresso::Blob& blob = net.blob(id, layer.name);
  const int64_t there = static_cast<int64_t>(blob.bytes.size() / sizeof(float));
  require(count >= 0 && count <= there, "blob " + std::to_string(id) + " holds " + std::to_string(there) +
                                            " values where " + std::to_string(count) + " are needed");
  return {aneir::ElementType::Float32, blob.owner,
          blob.bytes.first(static_cast<size_t>(count) * sizeof(float))};
}

aneir::Constant LayerImport::floats(const std::string& key, int64_t count) const {
  return floats(layer.integer(key, net.file), count);
}

aneir::TensorId LayerImport::add(aneir::Params params, std::vector<aneir::TensorId> bottoms) {
  // Units are named by name_results, once it is known which of them is the last.
  const std::string number = std::to_string(network.units.size() - first_unit_);
  return network.add_unit("", std::move(params), std::move(bottoms), layer.name,
                          layer.name + "_tmp_" + number);
}

aneir::TensorId LayerImport::reshaped(aneir::TensorId tensor, const aneir::Shape& wanted) {
  return shape(tensor) == wanted ? tensor : add(aneir::Reshape{wanted}, {tensor});
}

void LayerImport::name_results(const std::vector<aneir::TensorId>& tops) {
  int temporary = 0;
  for (size_t i = first_unit_; i < network.units.size(); ++i) {
    aneir::Unit& unit = network.units[i];
    unit.name = layer.name + "_tmp_" + std::to_string(temporary++);
    for (size_t top = 0; top < tops.size(); ++top) {
      if (tops[top] != unit.top) continue;
      unit.name = tops.size() == 1 ? layer.name : layer.tops[top];
      network.tensor(unit.top).name = layer.tops[top];
      --temporary;
    }
  }
}

}  // namespace ane::import
