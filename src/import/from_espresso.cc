// The walk over the layers.
//
// A layer that cannot be imported does not stop the walk: its tops get tensors of the declared shapes, so
// that the layers behind it are judged too and the user sees everything at once.
#include "import/from_espresso.h"

#include <unordered_map>

#include "base/refused_layers.h"
#include "import/layer.h"

namespace ane::import {
namespace {

using aneir::TensorId;

constexpr size_t most_layers = size_t{1} << 16;  // the largest public networks have a few thousand

using Handler = Tops (*)(LayerImport&);

const std::unordered_map<std::string, Handler> handlers = {
    {"activation", import_activation},
    {"batch_matmul", import_batch_matmul},
    {"batchnorm", import_batchnorm},
    {"concat", import_concat},
    {"convolution", import_convolution},
    {"copy", import_copy},
    {"crop", import_crop},
    {"deconvolution", import_deconvolution},
    {"elementwise", import_elementwise},
    {"expand_dims", import_reshape},
    {"flatten", import_flatten},
    {"general_padding", import_padding},
    {"inner_product", import_inner_product},
    {"load_constant", import_constant},
    {"lrn", import_lrn},
    {"pool", import_pool},
    {"reduce", import_reduce},
    {"reshape", import_reshape},
    {"sequence_concat", import_sequence_concat},
    {"slice", import_slice},
    {"softmax", import_softmax},
    {"softmax_nd", import_softmax_nd},
    {"space_to_depth", import_space_to_depth},
    {"split", import_split},
    {"split_nd", import_split},
    {"squeeze", import_reshape},
    {"tile", import_tile},
    {"transpose", import_transpose},
    {"upsample", import_upsample},
};

class Importer {
 public:
  explicit Importer(const espresso::Net& net) : net_(net) {}

  aneir::Network run() {
    if (net_.layers.size() > most_layers) throw Error(net_.file, "", "more than 65536 layers");
    for (const std::string& name : net_.inputs()) {
      const TensorId tensor = network_.add_tensor(name, shape_or_refuse(name));
      tensors_[name] = tensor;
      network_.inputs.push_back(tensor);
    }
    for (const espresso::Layer& layer : net_.layers) import_layer(layer);
    for (const std::string& name : net_.outputs()) network_.outputs.push_back({name, tensors_.at(name)});
    throw_refusals();
    if (network_.outputs.empty()) throw Error(net_.file, "", "a network without outputs");
    aneir::check(network_);
    return std::move(network_);
  }

 private:
  aneir::Shape shape_or_refuse(const std::string& blob) const {
    try {
      return engine_shape(net_.shape(blob));
    } catch (const Refusal& refusal) {
      throw Error(net_.file, "blob " + blob, refusal.reason);
    }
  }

  void import_layer(const espresso::Layer& layer) {
    const size_t units = network_.units.size();
    try {
      define(layer, import_tops(layer));
    } catch (const Refusal& refusal) {
      pretend(layer, units, refusal.reason);
    } catch (const Error& error) {
      pretend(layer, units, error.what());
    }
  }

  Tops import_tops(const espresso::Layer& layer) {
    const auto handler = handlers.find(layer.type);
    if (handler == handlers.end()) throw Refusal{"this layer type has no form on the engine yet"};
    std::vector<TensorId> bottoms;
    for (const std::string& name : layer.bottoms) bottoms.push_back(tensor_of(name));
    LayerImport at(net_, layer, network_, std::move(bottoms));
    Tops tops = handler->second(at);
    if (tops.size() != layer.tops.size()) {
      throw Refusal{"has " + std::to_string(layer.tops.size()) + " tops where " +
                    std::to_string(tops.size()) + " are expected"};
    }
    for (size_t i = 0; i < tops.size(); ++i) check_shape(layer.tops[i], network_.tensor(tops[i]).shape);
    at.name_results(tops);
    return tops;
  }

  TensorId tensor_of(const std::string& blob) const {
    const auto found = tensors_.find(blob);
    if (found == tensors_.end()) throw Refusal{"reads " + blob + " before it is produced"};
    return found->second;
  }

  void check_shape(const std::string& blob, const aneir::Shape& got) const {
    const aneir::Shape declared = engine_shape(net_.shape(blob));
    if (got == declared) return;
    throw Refusal{"gives " + got.text() + " where the shape file declares " + declared.text() + " for " +
                  blob};
  }

  void define(const espresso::Layer& layer, const Tops& tops) {
    for (size_t i = 0; i < tops.size(); ++i) {
      if (!tensors_.emplace(layer.tops[i], tops[i]).second)
        throw Refusal{"produces " + layer.tops[i] + " again"};
    }
  }

  // Notes the reason and stands in for the layer.
  void pretend(const espresso::Layer& layer, size_t units, const std::string& reason) {
    refusals_.push_back("layer '" + layer.name + "' (" + layer.type + "): " + reason);
    refused_.push_back({layer.name, layer.tops});
    network_.units.resize(units);
    for (const std::string& top : layer.tops) {
      const auto known = net_.shapes.find(top);
      const aneir::Shape shape = known == net_.shapes.end() ? aneir::Shape{} : stand_in(known->second);
      tensors_.emplace(top, network_.add_tensor(top, shape));
    }
  }

  static aneir::Shape stand_in(const espresso::Shape& shape) {
    try {
      return engine_shape(shape);
    } catch (const Refusal&) {
      return {};
    }
  }

  void throw_refusals() const {
    if (refusals_.empty()) return;
    std::string text;
    for (const std::string& refusal : refusals_) text += (text.empty() ? "" : "; ") + refusal;
    const size_t count = refusals_.size();
    const char* const verb = count == 1 ? " layer is" : " layers are";
    throw RefusedLayers(net_.file, std::to_string(count) + verb + " not supported: " + text, refused_);
  }

  const espresso::Net& net_;
  aneir::Network network_;
  std::unordered_map<std::string, TensorId> tensors_;  // by blob
  std::vector<std::string> refusals_;
  std::vector<RefusedLayer> refused_;
};

}  // namespace

aneir::Network from_espresso(const espresso::Net& net) {
  return Importer(net).run();
}

}  // namespace ane::import
