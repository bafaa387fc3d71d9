// A .hwx program as a container for Linux.
//
// The two families of drivers load the same fields and differ in the header's size and in what they ask of
// the task headers. What a driver could not run is refused, by name: on the machine the same mistakes are
// silent wrong values, or an engine that hangs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "anec/file.h"
#include "hwx/file.h"

namespace ane::anec {

enum class Driver {
  Eiln,     // eiln/ane: header 0x800 since June 2023, roles by position, network id of the first task alone
  Omarchy,  // joshuaswarren/omarchy-ane: header 0x1000, roles from the task headers, network id in each
};

enum class Channels {
  // Outputs first, then inputs, and the tasks name them so: slot numbers in the task headers are rewritten
  // where the program has another order (compilers 7.6.4 and later).
  ByRole,
  // The header says outputs first, then inputs, whatever the tasks name. Wrong for programs of another order;
  // it is what other converters make, and serves to compare with them.
  Positional,
};

struct Options {
  Driver driver = Driver::Eiln;
  std::optional<uint32_t> header_size;  // the driver's own when not given
  Channels channels = Channels::ByRole;
};

struct Converted {
  File file;
  std::array<std::string, channel_count> names;  // binding names of the surfaces, by channel
  std::vector<std::string> warnings;             // what may not run, though nothing proves it
};

// Throws Error when the program is not one that the driver could run.
Converted from_hwx(const hwx::File& program, const Options& options);

}  // namespace ane::anec
