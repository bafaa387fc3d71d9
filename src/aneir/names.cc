// The words for axes, element types, functions and units: the spelling of a net.plist where it has one, so
// that messages, reports and files all say the same. Each list is in the order of its enumeration.
#include "aneir/network.h"

namespace ane::aneir {
namespace {

constexpr std::array axis_names = {"Batch", "Depth", "Channel", "Height", "Width"};
constexpr std::array element_type_names = {"Float16", "Float32", "UInt8", "Int8"};
constexpr std::array neuron_names = {
    "ReLU",       "LeakyReLU",  "ClampedReLU", "Sigmoid",    "Tanh",  "HardSigmoid",   "ThresholdedReLU",
    "ELU",        "Softsign",   "Softplus",    "GELU",       "SiLU",  "GELUBySigmoid", "Exp",
    "Exp2",       "Log",        "Log2",        "Sqrt",       "Rsqrt", "Inv",           "Abs",
    "Square",     "Power",      "Sign",        "Floor",      "Ceil",  "RoundNearest",  "Erf",
    "LogicalNot", "IsNegative", "TanhFitted",  "CenteredPhi"};
constexpr std::array operation_names = {
    "Add",   "Sub",      "Mult",     "Max",         "Min",       "Div",         "Power", "SquaredDifference",
    "Equal", "NotEqual", "LessThan", "GreaterThan", "LessEqual", "GreaterEqual"};
// In the order of the variant Params.
constexpr std::array unit_names = {"Conv",
                                   "GOC",
                                   "Neuron",
                                   "ElementWise",
                                   "Broadcast",
                                   "Concat",
                                   "Reshape",
                                   "Transpose",
                                   "InputView",
                                   "Pooling",
                                   "Reduction",
                                   "Softmax",
                                   "MatrixMultiplication",
                                   "LayerNormalization",
                                   "Select",
                                   "Cast",
                                   "Constant"};

static_assert(axis_names.size() == all_axes.size());
static_assert(element_type_names.size() == static_cast<size_t>(ElementType::Int8) + 1);
static_assert(neuron_names.size() == static_cast<size_t>(NeuronType::CenteredPhi) + 1);
static_assert(operation_names.size() == static_cast<size_t>(ElementWiseOp::GreaterEqual) + 1);
static_assert(unit_names.size() == std::variant_size_v<Params>);

}  // namespace

const char* name_of(Axis axis) {
  return axis_names.at(static_cast<size_t>(axis));
}
const char* name_of(ElementType type) {
  return element_type_names.at(static_cast<size_t>(type));
}
const char* name_of(NeuronType type) {
  return neuron_names.at(static_cast<size_t>(type));
}
const char* name_of(ElementWiseOp op) {
  return operation_names.at(static_cast<size_t>(op));
}
const char* type_name(const Unit& unit) {
  return unit_names.at(unit.params.index());
}

}  // namespace ane::aneir
