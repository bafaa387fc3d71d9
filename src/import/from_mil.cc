// The walk over the operations.
//
// An operation that cannot be imported does not stop the walk: its outputs get tensors of the declared
// shapes, so that the operations behind it are judged too and the user sees everything at once.
#include "import/from_mil.h"

#include <algorithm>

#include "base/error.h"
#include "import/mil_operation.h"

namespace ane::import {
namespace {

constexpr size_t most_operations = size_t{1} << 17;  // large public programs have some ten thousand

using Handler = Tops (*)(OperationImport&);

const std::map<std::string, Handler> handlers = {
    {"abs", import_unary},
    {"acos", import_element_function},
    {"add", import_binary},
    {"asin", import_element_function},
    {"atan", import_element_function},
    {"atanh", import_element_function},
    {"avg_pool", import_pool},
    {"batch_norm", import_batch_norm},
    {"cast", import_cast},
    {"ceil", import_unary},
    {"clamped_relu", import_unary},
    {"clip", import_unary},
    {"concat", import_concat},
    {"conv", import_conv},
    {"conv_transpose", import_conv_transpose},
    {"cos", import_element_function},
    {"cosh", import_element_function},
    {"crop", import_crop},
    {"cumsum", import_cumsum},
    {"depth_to_space", import_depth_to_space},
    {"einsum", import_einsum},
    {"elu", import_unary},
    {"equal", import_binary},
    {"erf", import_unary},
    {"exp", import_unary},
    {"exp2", import_unary},
    {"expand_dims", import_reshape},
    {"flatten2d", import_reshape},
    {"floor", import_unary},
    {"floor_div", import_rounded_division},
    {"gather", import_gather},
    {"gelu", import_unary},
    {"greater", import_binary},
    {"greater_equal", import_binary},
    {"gru", import_gru},
    {"identity", import_identity},
    {"instance_norm", import_instance_norm},
    {"inverse", import_unary},
    {"l2_norm", import_l2_norm},
    {"l2_pool", import_pool},
    {"layer_norm", import_layer_norm},
    {"leaky_relu", import_unary},
    {"less", import_binary},
    {"less_equal", import_binary},
    {"linear", import_linear},
    {"linear_activation", import_unary},
    {"local_response_norm", import_local_response_norm},
    {"log", import_unary},
    {"logical_and", import_binary},
    {"logical_not", import_unary},
    {"logical_or", import_binary},
    {"logical_xor", import_binary},
    {"lstm", import_lstm},
    {"matmul", import_matmul},
    {"max_pool", import_pool},
    {"maximum", import_binary},
    {"minimum", import_binary},
    {"mod", import_rounded_division},
    {"mul", import_binary},
    {"not_equal", import_binary},
    {"pad", import_pad},
    {"pixel_shuffle", import_pixel_shuffle},
    {"pixel_unshuffle", import_pixel_unshuffle},
    {"pow", import_binary},
    {"prelu", import_unary},
    {"real_div", import_binary},
    {"reduce_argmax", import_argument},
    {"reduce_argmin", import_argument},
    {"reduce_l1_norm", import_reduce},
    {"reduce_l2_norm", import_reduce},
    {"reduce_log_sum", import_reduce},
    {"reduce_log_sum_exp", import_log_sum_exp},
    {"reduce_max", import_reduce},
    {"reduce_mean", import_reduce},
    {"reduce_min", import_reduce},
    {"reduce_prod", import_reduce_prod},
    {"reduce_sum", import_reduce},
    {"reduce_sum_square", import_reduce},
    {"relu", import_unary},
    {"relu6", import_unary},
    {"reshape", import_reshape},
    {"reshape_like", import_reshape},
    {"resize", import_resize},
    {"resize_nearest_neighbor", import_resize_nearest},
    {"reverse", import_reverse},
    {"rnn", import_rnn},
    {"round", import_unary},
    {"rsqrt", import_unary},
    {"scaled_dot_product_attention", import_attention},
    {"scaled_tanh", import_unary},
    {"select", import_select},
    {"sigmoid", import_unary},
    {"sigmoid_hard", import_unary},
    {"sign", import_unary},
    {"silu", import_unary},
    {"sin", import_element_function},
    {"sinh", import_element_function},
    {"slice_by_index", import_slice_by_index},
    {"slice_by_size", import_slice_by_size},
    {"slice_update", import_slice_update},
    {"sliding_windows", import_sliding_windows},
    {"softmax", import_softmax},
    {"softplus", import_unary},
    {"softplus_parametric", import_unary},
    {"softsign", import_unary},
    {"space_to_depth", import_space_to_depth},
    {"split", import_split},
    {"sqrt", import_unary},
    {"square", import_unary},
    {"squeeze", import_reshape},
    {"stack", import_stack},
    {"sub", import_binary},
    {"tan", import_element_function},
    {"tanh", import_unary},
    {"threshold", import_unary},
    {"thresholded_relu", import_unary},
    {"tile", import_tile},
    {"topk", import_topk},
    {"transpose", import_transpose},
    {"upsample_nearest_neighbor", import_upsample},
};

// Why no operation of this type is imported, where there is more to say than that it is not.
std::string reason_of_absence(const std::string& type) {
  static const std::map<std::string, std::string> reasons = {
      {"argsort", "the engine does not sort"},
      {"cond", "the engine has no branches, and which one is taken is computed at run time"},
      {"list_gather", "the engine has no lists"},
      {"list_length", "the engine has no lists"},
      {"list_read", "the engine has no lists"},
      {"list_scatter", "the engine has no lists"},
      {"list_write", "the engine has no lists"},
      {"make_list", "the engine has no lists"},
      {"non_maximum_suppression", "the engine does not sort, and the number of results is not known"},
      {"non_zero", "the number of results is not known before the program runs"},
      {"random_bernoulli", "the engine has no random numbers"},
      {"random_categorical", "the engine has no random numbers"},
      {"random_normal", "the engine has no random numbers"},
      {"random_uniform", "the engine has no random numbers"},
      {"read_state", "the engine keeps no state between runs; make it an input and an output"},
      {"while_loop", "the engine has no loops, and how often this one runs is computed at run time"},
      {"write_state", "the engine keeps no state between runs; make it an input and an output"},
  };
  const auto found = reasons.find(type);
  return found == reasons.end() ? "this operation has no form on the engine yet" : found->second;
}

class Importer {
 public:
  Importer(const mil::Program& program, const mil::Function& function)
      : file_(program.file), function_(function) {}

  aneir::Network run() {
    const mil::Block& block = function_.block;
    if (block.operations.size() > most_operations)
      throw Error(file_, function_.name, "more than 131072 operations");
    network_.name = function_.name;
    for (const mil::NamedType& input : function_.inputs) import_input(input);
    for (const mil::Operation& operation : block.operations) import_operation(operation, 0);
    for (const std::string& output : block.outputs) import_output(output);
    throw_refusals();
    aneir::check(network_);
    return std::move(network_);
  }

 private:
  void import_input(const mil::NamedType& input) {
    TensorOrReason made = tensor_for(input);
    if (!made.reason.empty()) refusals_.push_back("input '" + input.name + "': " + made.reason);
    network_.inputs.push_back(made.tensor);
    values_[input.name] = {input.type, nullptr, made.tensor, false, most_exact_integer};
  }

  void import_output(const std::string& name) {
    const auto found = values_.find(name);
    if (found != values_.end() && found->second.is_label) return;
    if (found == values_.end() || found->second.tensor == aneir::no_tensor) {
      refusals_.push_back("output '" + name + "': is known before the program runs");
      return;
    }
    network_.outputs.push_back({name, found->second.tensor});
  }

  // `depth`: of branches around it.
  void import_operation(const mil::Operation& from, int depth) {
    if (from.type == "const") return define_constant(from);
    // Only what leaves lengths open is copied, to be completed.
    const mil::Operation* operation = &from;
    mil::Operation completed;
    if (std::any_of(from.outputs.begin(), from.outputs.end(), is_open)) operation = &(completed = from);
    const size_t units = network_.units.size();
    try {
      OperationImport at(*operation, values_, network_);
      if (operation == &completed) complete(completed.outputs, known_shapes(at));
      if (from.type == "classify") return define_classes(at);
      if (from.type == "cond" && at.constant("pred")) return import_branch(at, depth);
      if (const auto constants = fold(at)) return define(*operation, *constants);
      const Tops tops = tops_of(at, completed.outputs);
      std::vector<int64_t> bounds;
      for (const mil::NamedType& output : operation->outputs)
        bounds.push_back(is_integer(output.type) ? integer_bound(at) : 0);
      define(*operation, tops, bounds);
    } catch (const Refusal& refusal) {
      refuse(*operation, refusal.reason);
      pretend(*operation, units);
    } catch (const Error& error) {
      refuse(*operation, error.what());
      pretend(*operation, units);
    } catch (const Consequence&) {
      pretend(*operation, units);
    }
  }

  static bool is_open(const mil::NamedType& value) {
    const std::vector<int64_t>& shape = value.type.shape;
    return value.type.is_tensor() &&
           std::find(shape.begin(), shape.end(), mil::unknown_dimension) != shape.end();
  }

  static void complete(mil::Type& type, const std::vector<int64_t>& shape) {
    if (shape.size() != type.shape.size())
      throw Refusal{"gives a tensor of rank " + std::to_string(shape.size()) + " where " + type.text() +
                    " is declared"};
    for (size_t i = 0; i < shape.size(); ++i)
      if (type.shape[i] == mil::unknown_dimension) type.shape[i] = shape[i];
  }
  static void complete(std::vector<mil::NamedType>& outputs,
                       const std::vector<std::vector<int64_t>>& shapes) {
    for (size_t i = 0; i < outputs.size() && i < shapes.size(); ++i) complete(outputs[i].type, shapes[i]);
  }

  // From the tensor that it has become.
  void complete(mil::Type& type, aneir::TensorId tensor) const {
    std::vector<int64_t> shape(type.shape.size(), 1);
    if (shape.size() > 4 && std::any_of(type.shape.begin(), type.shape.end(),
                                        [](int64_t length) { return length == mil::unknown_dimension; }))
      throw Refusal{"leaves lengths open in " + type.text()};
    for (size_t i = 0; i < shape.size(); ++i)
      if (const auto axis = engine_axis(shape, i)) shape[i] = network_.tensor(tensor).shape[*axis];
    complete(type, shape);
  }

  // `open`: the operation's own outputs, or none where all lengths are declared.
  Tops tops_of(OperationImport& at, std::vector<mil::NamedType>& open) const {
    const mil::Operation& operation = at.operation;
    const auto handler = handlers.find(operation.type);
    if (handler == handlers.end()) throw Refusal{reason_of_absence(operation.type)};
    // Types first: a program that computes strings is better told so than that some operand is odd.
    for (const mil::NamedType& output : operation.outputs) engine_type(output.type);
    Tops tops = handler->second(at);
    if (tops.size() != operation.outputs.size())
      throw Refusal{"has " + std::to_string(operation.outputs.size()) + " outputs where " +
                    std::to_string(tops.size()) + " are expected"};
    for (size_t i = 0; i < open.size(); ++i) complete(open[i].type, tops[i]);
    for (size_t i = 0; i < tops.size(); ++i) {
      const aneir::Shape got = at.shape(tops[i]), wanted = at.declared_shape(i);
      if (got != wanted)
        throw Refusal{"gives " + got.text() + " where " + at.declared(i).text() + " is declared"};
    }
    at.name_results(tops);
    return tops;
  }

  // The branch that a known condition takes, as if it stood there.
  void import_branch(OperationImport& at, int depth) {
    constexpr int deepest = 32;
    const mil::Operation& operation = at.operation;
    at.require(operation.blocks.size() == 2 && depth < deepest, "has no two branches");
    const mil::Block& taken = operation.blocks[at.flag("pred", false) ? 0 : 1];
    at.require(taken.outputs.size() == operation.outputs.size(), "gives more than its branch");
    for (const mil::Operation& inner : taken.operations) import_operation(inner, depth + 1);
    for (size_t i = 0; i < taken.outputs.size(); ++i) {
      const auto found = values_.find(taken.outputs[i]);
      at.require(found != values_.end(), "gives " + taken.outputs[i] + ", which has no form here");
      const MilValue value = found->second;
      values_[operation.outputs[i].name] = value;
    }
  }

  // The engine gives the scores; whoever runs the program has the labels.
  void define_classes(OperationImport& at) {
    if (at.operation.outputs.size() != 2) at.refuse("gives something other than a label and scores");
    const aneir::TensorId scores = at.tensor("probabilities");
    values_[at.operation.outputs[0].name] = {at.operation.outputs[0].type};
    values_[at.operation.outputs[0].name].is_label = true;
    values_[at.operation.outputs[1].name] = {at.operation.outputs[1].type, nullptr, scores};
  }

  void define_constant(const mil::Operation& operation) {
    for (const mil::Attribute& attribute : operation.attributes)
      if (attribute.name == "val")
        values_[operation.outputs.at(0).name] = {operation.outputs[0].type, attribute.value, aneir::no_tensor,
                                                 false};
  }

  void define(const mil::Operation& operation, const std::vector<mil::ValuePointer>& constants) {
    for (size_t i = 0; i < constants.size(); ++i)
      values_[operation.outputs.at(i).name] = {constants[i]->type, constants[i], aneir::no_tensor, false};
  }

  void define(const mil::Operation& operation, const Tops& tops, const std::vector<int64_t>& bounds) {
    for (size_t i = 0; i < tops.size(); ++i)
      values_[operation.outputs[i].name] = {operation.outputs[i].type, nullptr, tops[i], false, bounds[i]};
  }

  void refuse(const mil::Operation& operation, const std::string& reason) {
    const std::string line = operation.line > 0 ? ", line " + std::to_string(operation.line) : "";
    refusals_.push_back("operation '" + operation.label() + "' (" + operation.type + line + "): " + reason);
  }

  // Stands in for the operation.
  void pretend(const mil::Operation& operation, size_t units) {
    network_.units.resize(units);
    for (const mil::NamedType& output : operation.outputs)
      values_[output.name] = {output.type, nullptr, tensor_for(output).tensor, true};
  }

  struct TensorOrReason {
    aneir::TensorId tensor;
    std::string reason;
  };

  // A tensor for a value; of some shape, with the reason, when the engine has none like it.
  TensorOrReason tensor_for(const mil::NamedType& value) {
    try {
      const aneir::ElementType type = engine_type(value.type);
      return {network_.add_tensor(value.name, engine_shape(value.type), type), ""};
    } catch (const Refusal& refusal) {
      return {network_.add_tensor(value.name, {}), refusal.reason};
    }
  }

  void throw_refusals() const {
    if (refusals_.empty()) return;
    std::string text;
    for (const std::string& refusal : refusals_) text += (text.empty() ? "" : "; ") + refusal;
    const size_t count = refusals_.size();
    throw Error(
        file_, "",
        (count == 1 ? "not supported: " : std::to_string(count) + " things are not supported: ") + text);
  }

  const std::string& file_;
  const mil::Function& function_;
  aneir::Network network_;
  MilValues values_;
  std::vector<std::string> refusals_;
};

}  // namespace

aneir::Network from_mil(const mil::Program& program, const mil::Function& function) {
  return Importer(program, function).run();
}

}  // namespace ane::import
