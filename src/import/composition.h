// For what several importers put together from units in the same way: how such a function appends them,
// whichever source format the layer at hand comes from.
#pragma once

#include <functional>
#include <vector>

#include "aneir/network.h"

namespace ane::import {

// Appends a unit of the layer at hand to the network and returns its result.
using AddUnit = std::function<aneir::TensorId(aneir::Params, std::vector<aneir::TensorId>)>;

}  // namespace ane::import
