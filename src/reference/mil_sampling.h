// What MIL's operations on images share.
#pragma once

#include "reference/mil_call.h"
#include "reference/sampling.h"

namespace ane::reference {

// The parameter sampling_mode.
SamplingMode sampling_mode_of(const MilCall& call);

}  // namespace ane::reference
