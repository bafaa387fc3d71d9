#include "driver/soundness.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "sim/simulator.h"

namespace ane::driver {

void check_program(const h13::Program& program) {
  std::vector<sim::Origins> sources;
  try {
    sources = sim::Simulator::check(program.file);
  } catch (const Error& error) {
    throw InternalError(std::string("the program made is unsound: ") + error.what());
  }
  ensure(sources.size() == program.sources.size(), "the program made has another number of tasks");
  for (size_t task = 0; task < sources.size(); ++task)
    for (size_t operand = 0; operand < sources[task].size(); ++operand)
      if (sources[task][operand] != program.sources[task][operand])
        throw InternalError(
            fmt::format("the program made is unsound: task {} reads results of tasks {{{}}} as its operand "
                        "{}, not of {{{}}}",
                        task, fmt::join(sources[task][operand], ", "), operand + 1,
                        fmt::join(program.sources[task][operand], ", ")));
}

}  // namespace ane::driver
