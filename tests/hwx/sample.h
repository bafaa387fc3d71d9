// A program of our own with everything a container can hold; its tasks compute nothing in particular.
#pragma once

#include "h13/task.h"
#include "hwx/file.h"

namespace ane::hwx::sample_file {

enum class Constants { None, Tiled };

inline Surface surface(Role role, const std::string& symbol, int64_t n, int64_t c, int64_t h, int64_t w) {
  Surface made;
  made.role = role;
  made.symbol = symbol;
  made.n = n;
  made.c = c;
  made.h = h;
  made.w = w;
  return made;
}

// Two tasks; the second has two coefficient streams when there are constants.
inline void add_tasks(File& file, Constants constants) {
  std::vector<h13::Task> tasks(2);
  for (h13::Task& task : tasks) task.set_records(h13::records_of(h13::Layout::Full));
  tasks[0].set(h13::HeaderField::DebugLogEvents, 0x68);
  tasks[1].set(h13::HeaderField::ExeCycles, 3);
  if (constants == Constants::Tiled)
    for (int channel = 0; channel < 2; ++channel)
      tasks[1][h13::Reg::CoeffBaseAddr0 + channel] = 0x40u * static_cast<uint32_t>(channel);
  file.text = h13::encode_tasks(tasks);
  if (constants == Constants::None) return;
  file.constants = Bytes(0x80, 0x3c);
  for (uint32_t channel = 0; channel < 2; ++channel)
    file.tiles.push_back(
        {h13::offset_in_stream(tasks[1], h13::Reg::CoeffBaseAddr0 + static_cast<int>(channel)), channel,
         0x40 * channel, ""});
}

inline File make(Dialect dialect, Constants constants) {
  File file;
  file.dialect = dialect;
  file.network = "net_7";
  file.banner = "made for a test\n";
  file.scratch_bytes = 0x1234;
  file.scratch_figure = 0x800;
  file.surfaces = {surface(Role::Input, "y", 1, 4, 4, 16), surface(Role::Output, "b@output", 1, 8, 1, 1),
                   surface(Role::Input, "image", 2, 64, 4, 20),
                   surface(Role::Output, "z@output", 1, 1, 1, 64)};
  file.surfaces[0].element_code = 3;
  file.surfaces[0].element_size = 1;
  add_tasks(file, constants);
  if (constants == Constants::Tiled) file.kernel_symbol = std::string(64, 'A');
  assign_addresses(file);
  return file;
}

}  // namespace ane::hwx::sample_file
