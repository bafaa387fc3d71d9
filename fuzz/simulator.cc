// Any program on the simulator. A program may ask for hours of honest work, which is no bug: programs with
// large surfaces, or with a task of many multiply-accumulates, are left out.
#include <algorithm>

#include "fuzz.h"
#include "h13/task.h"
#include "sim/simulator.h"

namespace {

using ane::h13::Field;
using ane::h13::Task;

constexpr uint64_t most_bytes = 1 << 20, most_work = 1 << 22;
constexpr size_t most_tasks = 16;

// Above what the task's registers ask for, whichever way they are read.
double work(const Task& task) {
  double product = 1;
  for (const Field field : {Field::Cin_Cin, Field::Cout_Cout, Field::ConvCfg_Kw, Field::ConvCfg_Kh,
                            Field::GroupConvCfg_NumGroups})
    product *= std::max(1u, task.get(field));
  const auto plane = [&](Field width, Field height) {
    return static_cast<double>(std::max(1u, task.get(width))) * std::max(1u, task.get(height));
  };
  return product *
         std::max(plane(Field::InDim_Win, Field::InDim_Hin), plane(Field::OutDim_Wout, Field::OutDim_Hout));
}

bool small(const ane::hwx::File& file) {
  uint64_t bytes = file.scratch_bytes;
  for (const ane::hwx::Surface& surface : file.surfaces) {
    const ane::hwx::Surface& s = surface;
    for (const int64_t length : {s.n, s.c, s.h, s.w})
      if (length < 0 || length > static_cast<int64_t>(most_bytes)) return false;
    const double elements = static_cast<double>(s.n * s.c) * static_cast<double>(s.h * s.w);
    if (elements > most_bytes) return false;
    bytes += static_cast<uint64_t>(elements) * 2;
  }
  if (bytes > most_bytes) return false;
  const std::vector<Task> tasks =
      ane::h13::decode_tasks(ane::ByteSpan(file.text), file.first_task_words, "fuzz.hwx");
  return tasks.size() <= most_tasks &&
         std::all_of(tasks.begin(), tasks.end(), [](const Task& task) { return work(task) <= most_work; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return ane::fuzz::read_or_refuse([&] {
    const ane::hwx::File file = ane::hwx::read({data, size}, "fuzz.hwx");
    if (!small(file)) return;
    ane::sim::Simulator simulator(file);
    for (const ane::hwx::Surface& s : file.surfaces)
      if (s.role == ane::hwx::Role::Input)
        simulator.set_input(s.binding, std::vector<float>(static_cast<size_t>(s.n * s.c * s.h * s.w), 0.5f));
    simulator.run();
    for (const ane::hwx::Surface& s : file.surfaces)
      if (s.role == ane::hwx::Role::Output) simulator.output(s.binding);
  });
}
