// The words of net.plist that its reader and its writer share.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "aneir/network.h"

namespace ane::aneir::words {

inline constexpr const char* version_a = "1.0.9";
inline constexpr const char* version_b = "1.0.10";
inline constexpr std::string_view output_suffix = "@output";
inline constexpr int64_t row_alignment = 64;  // bytes between rows of a surface are a multiple of this

// Functions that a Neuron unit can name, by name_of.
inline constexpr NeuronType neurons[] = {
    NeuronType::ReLU, NeuronType::LeakyReLU, NeuronType::ClampedReLU, NeuronType::Sigmoid,
    NeuronType::Tanh, NeuronType::Elu,       NeuronType::Gelu,        NeuronType::Exp2,
    NeuronType::Log2, NeuronType::Sqrt,      NeuronType::Rsqrt,       NeuronType::Inv,
    NeuronType::Sign, NeuronType::Floor,     NeuronType::Ceil,        NeuronType::RoundNearest};
// Functions that are written as an ElementWise unit with one operand.
inline constexpr NeuronType unary_operations[] = {NeuronType::Abs, NeuronType::Square};

inline constexpr ElementWiseOp operations[] = {
    ElementWiseOp::Add,      ElementWiseOp::Mult,     ElementWiseOp::Sub,
    ElementWiseOp::Max,      ElementWiseOp::Min,      ElementWiseOp::Equal,
    ElementWiseOp::NotEqual, ElementWiseOp::LessThan, ElementWiseOp::GreaterThan};
// Those that ScaledElementWise has too.
inline constexpr ElementWiseOp scaled_operations[] = {ElementWiseOp::Add, ElementWiseOp::Mult,
                                                      ElementWiseOp::Max, ElementWiseOp::Min};

inline constexpr std::pair<ReductionType, const char*> reductions[] = {{ReductionType::Sum, "Sum"},
                                                                       {ReductionType::Mean, "Avg"},
                                                                       {ReductionType::Max, "Max"},
                                                                       {ReductionType::Min, "Min"}};
inline constexpr std::pair<PoolingType, const char*> poolings[] = {
    {PoolingType::Max, "Max"}, {PoolingType::Average, "Avg"}, {PoolingType::L2, "L2"}};

// Max pooling never picks padding; everything else pads with zeros.
inline const char* padding_mode(PoolingType type) {
  return type == PoolingType::Max ? "Negative" : "Zero";
}

template <typename Value, size_t count>
bool contains(const Value (&list)[count], Value value) {
  return std::find(std::begin(list), std::end(list), value) != std::end(list);
}

template <typename Value, size_t count>
const char* word_for(const std::pair<Value, const char*> (&list)[count], Value value) {
  return std::find_if(std::begin(list), std::end(list), [&](const auto& each) { return each.first == value; })
      ->second;
}

}  // namespace ane::aneir::words
