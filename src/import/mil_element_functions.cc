// Operations of MIL whose forms are in element_functions.h.
#include "import/element_functions.h"
#include "import/mil_operation.h"

namespace ane::import {
namespace {

AddUnit adder(OperationImport& at) {
  return [&at](aneir::Params params, std::vector<aneir::TensorId> bottoms) {
    return at.add(std::move(params), std::move(bottoms));
  };
}

}  // namespace

Tops import_element_function(OperationImport& at) {
  return {element_function(at.operation.type, adder(at), at.tensor("x"))};
}

Tops import_rounded_division(OperationImport& at) {
  const aneir::TensorId x = at.aligned("x", at.declared()), y = at.aligned("y", at.declared());
  const auto divide = at.operation.type == "mod" ? floored_remainder : floored_quotient;
  return {divide(adder(at), x, y)};
}

}  // namespace ane::import
