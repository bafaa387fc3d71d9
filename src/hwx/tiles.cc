#include "hwx/tiles.h"

namespace ane::hwx {

std::vector<ConstantTile> constant_tiles(std::span<const h13::Task> tasks) {
  using h13::Reg;
  constexpr int engines = 16;
  constexpr uint32_t constant_slot = 1;
  std::vector<ConstantTile> tiles;
  for (const h13::Task& task : tasks) {
    if (!task.get(h13::HeaderField::KBE0) || task.get(h13::HeaderField::KBase0) != constant_slot) continue;
    for (int i = 0; i < engines; ++i)
      if ((task[Reg::CoeffDMAConfig0 + i] & 1) && task.written[static_cast<size_t>(Reg::CoeffBaseAddr0 + i)])
        tiles.push_back({h13::offset_in_stream(task, Reg::CoeffBaseAddr0 + i), static_cast<uint32_t>(i),
                         task[Reg::CoeffBaseAddr0 + i], ""});
  }
  return tiles;
}

}  // namespace ane::hwx
