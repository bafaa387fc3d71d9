// How the values of an ML Program lie on the engine. A MIL tensor has up to five axes or more without names;
// the engine's have names (N, D, C, H, W) and not all of them are equal. Which became which, and where values
// had to move for it, decides much of a program's cost, so it can be looked at.
#include <fmt/format.h>

#include <map>

#include "report/report.h"
#include "report/text.h"

namespace ane::report {

namespace {

struct Row {
  std::string operation, value, type, shape, units;
};

// "Transpose, MatMul x2": types in their order, equal neighbours counted.
std::string units_text(const std::vector<const aneir::Unit*>& units) {
  std::string text;
  for (size_t i = 0; i < units.size();) {
    const std::string type = aneir::type_name(*units[i]);
    size_t count = 0;
    while (i < units.size() && aneir::type_name(*units[i]) == type) ++i, ++count;
    text += (text.empty() ? "" : ", ") + type + (count > 1 ? fmt::format(" x{}", count) : "");
  }
  return text;
}

class Table {
 public:
  explicit Table(const aneir::Network& network) {
    for (const aneir::TensorId id : network.inputs) note(network.tensor(id));
    for (const aneir::Unit& unit : network.units) {
      note(network.tensor(unit.top));
      units_[unit.layer].push_back(&unit);
    }
  }

  void add(const std::string& operation, const std::string& layer, const mil::NamedType& value) {
    const auto shape = shapes_.find(value.name);
    const auto units = units_.find(layer);
    rows_.push_back({operation, value.name, value.type.text(), shape == shapes_.end() ? "" : shape->second,
                     units == units_.end() ? "" : units_text(units->second)});
  }

  std::string text() const {
    constexpr int operation = 20, value = 32, type = 34, shape = 22;
    std::string text = pad_right("operation", operation) + ' ' + pad_right("value", value) + ' ' +
                       pad_right("type", type) + ' ' + pad_right("NxDxCxHxW", shape) + " units\n";
    const auto cell = [](const std::string& word, int width) {
      return pad_right(cut_middle(word, width), width) + ' ';
    };
    for (const Row& row : rows_)
      text += cell(row.operation, operation) + cell(row.value, value) + cell(row.type, type) +
              cell(row.shape, shape) + printable(row.units) + '\n';
    return text;
  }

 private:
  void note(const aneir::Tensor& tensor) {
    const auto& [n, d, c, h, w] = tensor.shape;
    shapes_[tensor.name] = fmt::format("{}x{}x{}x{}x{}", n, d, c, h, w);
  }

  std::map<std::string, std::string> shapes_;
  std::map<std::string, std::vector<const aneir::Unit*>> units_;
  std::vector<Row> rows_;
};

}  // namespace

std::string layout_table(const mil::Function& function, const aneir::Network& network) {
  Table table(network);
  for (const mil::NamedType& input : function.inputs) table.add("(input)", "", input);
  for (const mil::Operation& operation : function.block.operations)
    for (const mil::NamedType& output : operation.outputs)
      if (operation.type != "const") table.add(operation.type, operation.label(), output);
  return table.text();
}

}  // namespace ane::report
