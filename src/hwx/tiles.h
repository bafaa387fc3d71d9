// The places in a task stream that name a part of the constants, and that a loader may patch.
#pragma once

#include <span>

#include "h13/task.h"
#include "hwx/file.h"

namespace ane::hwx {

// Every enabled coefficient stream that comes from the constants, in the order of tasks and engines.
std::vector<ConstantTile> constant_tiles(std::span<const h13::Task> tasks);

}  // namespace ane::hwx
