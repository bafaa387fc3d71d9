#include "h13/engine_op.h"

#include <fmt/format.h>

namespace ane::h13 {

namespace {

const char* name_of(Activation activation) {
  switch (activation) {
    case Activation::None:
      return "";
    case Activation::Relu:
      return ", ReLU";
    case Activation::Lookup:
      return ", table";
  }
  return "";
}

std::string describe(const Convolution& work) {
  const char* form = work.form == Convolution::Form::Dense     ? "dense"
                     : work.form == Convolution::Form::Grouped ? "grouped"
                                                               : "depthwise";
  return fmt::format("convolution {}x{} {}{}{}{}", work.kernel_height, work.kernel_width, form,
                     work.stride > 1 ? fmt::format(" stride {}", work.stride) : "", work.bias ? ", bias" : "",
                     name_of(work.activation));
}

std::string describe(const Bypass& work) {
  const char* kind = work.transpose ? "transpose" : work.activation == Activation::None ? "copy" : "function";
  return fmt::format("{}{}", kind, name_of(work.activation));
}

std::string describe(const ChannelReduce& work) {
  return fmt::format("channel {}{}", work.maximum ? "maximum" : "sum", work.table ? ", table" : "");
}

std::string describe(const Comparison&) {
  return "comparison of two";
}

std::string describe(const Elementwise& work) {
  return fmt::format("{} of two{}", aneir::name_of(work.op), work.relu ? ", ReLU" : "");
}

std::string describe(const Scalar& work) {
  return work.absolute ? "absolute value" : work.offset != 0 ? "add a scalar" : "scale";
}

std::string describe(const GainOffset& work) {
  return work.subtract ? "normalise" : "gain and offset";
}

std::string describe(const PlaneReduce& work) {
  const char* kind = work.type == aneir::ReductionType::Max          ? "maximum"
                     : work.type == aneir::ReductionType::Mean       ? "mean"
                     : work.type == aneir::ReductionType::MeanSquare ? "inverse deviation"
                                                                     : "sum";
  return fmt::format("plane {}", kind);
}

std::string describe(const WindowPool& work) {
  return fmt::format("{} pooling {}x{}", work.maximum ? "maximum" : "average", work.kernel_height,
                     work.kernel_width);
}

}  // namespace

std::string describe(const EngineOp& op) {
  return std::visit([](const auto& work) { return describe(work); }, op.work);
}

}  // namespace ane::h13
