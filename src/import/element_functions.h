// Functions of one and two variables that the ANE network has no unit for, in terms of those it has:
// circular, hyperbolic and their inverses, division with rounding. Shared by the importers.
//
// Every step rounds to binary16; docs/functions.md has the error of each, measured on the simulator.
#pragma once

#include <string>

#include "import/composition.h"

namespace ane::import {

// `name` is MIL's: sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh.
aneir::TensorId element_function(const std::string& name, const AddUnit& add, aneir::TensorId x);

// The largest integer not above x / y, and what is left: x - y * floor(x / y), which has y's sign. Exact for
// integers whose quotient stays within 1024 and for which |x| + |y| / 2 is at most 2048. One operand may be
// shorter along an axis, as for other elementwise units.
aneir::TensorId floored_quotient(const AddUnit& add, aneir::TensorId x, aneir::TensorId y);
aneir::TensorId floored_remainder(const AddUnit& add, aneir::TensorId x, aneir::TensorId y);

}  // namespace ane::import
