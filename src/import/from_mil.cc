// The walk over the operations.
//
// An operation that cannot be imported does not stop the walk: its outputs get tensors of the declared
// shapes, so that the operations behind it are judged too and the user sees everything at once.
#include "import/from_mil.h"

#include <algorithm>

#include "base/refused_layers.h"
#include "import/mil_table.h"

namespace ane::import {
namespace {

constexpr size_t most_operations = size_t{1} << 17;  // large public programs have some ten thousand

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
    if (network_.outputs.empty())
      throw Error(file_, function_.name, "gives a class label alone, which is worked out from the scores",
                  "make the scores an output");
    aneir::check(network_);
    return std::move(network_);
  }

 private:
  void import_input(const mil::NamedType& input) {
    TensorOrReason made = tensor_for(input);
    if (!made.reason.empty()) {
      refusals_.push_back("input '" + input.name + "': " + made.reason);
      refused_.push_back({input.name, {input.name}});
    }
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
    const MilRow* row = find_mil_row(operation.type);
    if (!row) throw Refusal{"no operation of MIL that this program knows"};
    if (!row->import) throw Refusal{row->remark};
    // Types first: a program that computes strings is better told so than that some operand is odd.
    for (const mil::NamedType& output : operation.outputs) engine_type(output.type);
    Tops tops = row->import(at);
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
    RefusedLayer& refused = refused_.emplace_back();
    refused.name = operation.label();
    for (const mil::NamedType& output : operation.outputs) refused.results.push_back(output.name);
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
    const std::string what =
        count == 1 ? "not supported: " : std::to_string(count) + " things are not supported: ";
    throw RefusedLayers(file_, what + text, refused_);
  }

  const std::string& file_;
  const mil::Function& function_;
  aneir::Network network_;
  MilValues values_;
  std::vector<std::string> refusals_;
  std::vector<RefusedLayer> refused_;  // those among them that are operations or inputs
};

}  // namespace

aneir::Network from_mil(const mil::Program& program, const mil::Function& function) {
  return Importer(program, function).run();
}

}  // namespace ane::import
