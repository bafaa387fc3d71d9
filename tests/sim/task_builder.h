// Programs for the simulator, task by task and word by word, from the meaning of the fields alone
// (docs/h13-semantics.md): no compiler has a part in them.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "base/half.h"
#include "h13/task.h"
#include "hwx/file.h"
#include "oracle/pack_weights.h"
#include "oracle/values.h"
#include "sim/simulator.h"

namespace ane::sim::test {

using h13::Field;
using h13::HeaderField;
using h13::Reg;
using h13::Task;
using oracle::Blocks;
using oracle::half;
using oracle::random_values;
using oracle::scrambled;

struct Size {
  int64_t c = 1, h = 1, w = 1, n = 1;
  int64_t elements() const { return n * c * h * w; }
};

inline uint32_t u32(int64_t value) {
  return static_cast<uint32_t>(value);
}
inline uint32_t row_bytes(int64_t width) {
  return u32((width * 2 + 63) / 64 * 64);
}

constexpr uint32_t scratch = 3;

// Fields that every task sets, for an image of `in` and one of `out`.
inline Task base_task(const Size& in, const Size& out) {
  Task task;
  const std::span<const h13::Record> records = h13::records_of(h13::Layout::Full);
  task.set_records(records);
  task[Reg::InDim] = u32(in.h << 16 | in.w), task[Reg::OutDim] = u32(out.h << 16 | out.w);
  task[Reg::InDepth] = task[Reg::OutDepth] = 1;
  task[Reg::ChCfg] = 0x22;
  task[Reg::Cin] = u32(in.c), task[Reg::Cout] = u32(out.c);
  task[Reg::ConvCfg] = 0x5000a021, task[Reg::ConvCfg3d] = 0x2041;
  task[Reg::GroupConvCfg] = 0x10000 | u32(in.n);
  task[Reg::TileCfg] = u32(out.h);
  task[Reg::Src1Fmt] = task[Reg::DstFmt] = 0x01000000;
  task[Reg::SourceCfg] = 0x100, task[Reg::ResultCfg] = 0x140;
  return task;
}

// Source 1 from a buffer in surface layout, from byte `offset` on.
inline void read_dram(Task& task, uint32_t slot, const Size& size, uint32_t offset = 0) {
  const uint32_t row = row_bytes(size.w);
  task.set(HeaderField::RBase0, slot), task.set(HeaderField::RBE0, 1), task.set(HeaderField::SrcLoc, 1);
  task[Reg::Src1DMAConfig] = slot == scratch ? 0x53901 : 0x33881;
  task[Reg::Src1BaseAddr] = offset, task[Reg::Src1RowStride] = row,
  task[Reg::Src1PlaneStride] = row * u32(size.h);
  task[Reg::Src1DepthStride] = task[Reg::Src1GroupStride] = row * u32(size.h * size.c);
  task[Reg::Src1Fmt] = 0x01002031;
  task[Reg::SourceCfg] = (task[Reg::SourceCfg] & ~3u) | 0x172;
  const uint32_t pixels = u32((size.w * 2 + 15) / 16 * 16);
  task[Reg::SourceChannelStride] = pixels, task[Reg::SourceRowStride] = pixels * u32(size.c);
  task[Reg::SourceDepthStride] = task[Reg::SourceGroupStride] = pixels * u32(size.c);
}

inline void read_dram2(Task& task, uint32_t slot, const Size& size) {
  const uint32_t row = row_bytes(size.w);
  task.set(HeaderField::RBase1, slot), task.set(HeaderField::RBE1, 1), task.set(Field::Cfg_Src2Dma, 1);
  task[Reg::Src2DMAConfig] = 0x33880;
  task[Reg::Src2RowStride] = row, task[Reg::Src2PlaneStride] = row * u32(size.h);
  task[Reg::Src2DepthStride] = task[Reg::Src2GroupStride] = row * u32(size.h * size.c);
  task[Reg::Src2Fmt] = 0x2030, task[Reg::SourceCfg] |= 1u << 24, task[Reg::ChCfg] |= 8;
  const uint32_t pixels = u32((size.w * 2 + 15) / 16 * 16);
  task[Reg::Source2Base] = 0x100000;
  task[Reg::Source2ChannelStride] = pixels, task[Reg::Source2RowStride] = pixels * u32(size.c);
  task[Reg::Source2DepthStride] = task[Reg::Source2GroupStride] = pixels * u32(size.c);
}

inline void write_dram(Task& task, uint32_t slot, const Size& size, uint32_t offset = 0) {
  const uint32_t row = row_bytes(size.w);
  task.set(HeaderField::WBase, slot), task.set(HeaderField::WBE, 1), task.set(HeaderField::DstLoc, 1);
  task[Reg::DstDMAConfig] = 0x040000c1, task[Reg::DstBaseAddr] = offset;
  task[Reg::DstRowStride] = row, task[Reg::DstPlaneStride] = row * u32(size.h);
  task[Reg::DstDepthStride] = task[Reg::DstGroupStride] = row * u32(size.h * size.c);
  task[Reg::DstFmt] = 0x01302031, task[Reg::ResultCfg] = 0x17a, task[Reg::ResultBase] = 0x1f0000;
}

// L2 in its natural order, [row][channel][column].
struct L2Place {
  uint32_t base = 0;
  Size size;
  uint32_t channel() const { return u32((size.w * 2 + 15) / 16 * 16); }
  uint32_t row() const { return channel() * u32(size.c); }
};

inline void read_l2(Task& task, const L2Place& place, uint32_t waits) {
  task[Reg::SourceCfg] = 0x100 | waits;
  task[Reg::SourceBase] = place.base;
  task[Reg::SourceChannelStride] = place.channel(), task[Reg::SourceRowStride] = place.row();
  task[Reg::SourceDepthStride] = place.row();
}

inline void read2_l2(Task& task, const L2Place& place) {
  task[Reg::Source2Base] = place.base, task[Reg::ChCfg] |= 8;
  task[Reg::Source2ChannelStride] = place.channel(), task[Reg::Source2RowStride] = place.row();
  task[Reg::Source2DepthStride] = place.row();
}

inline void write_l2(Task& task, const L2Place& place) {
  task[Reg::ResultCfg] = 0x140, task[Reg::ResultBase] = place.base;
  task[Reg::ResultChannelStride] = place.channel(), task[Reg::ResultRowStride] = place.row();
  task[Reg::ResultDepthStride] = place.row();
}

// A convolution without weights yet; `engines` as log2.
inline Task neural_task(const Size& in, const Size& out, int engines) {
  Task task = base_task(in, out);
  task[Reg::Cfg] = 1 | static_cast<uint32_t>(engines) << 19;
  task.set(HeaderField::ENE, static_cast<uint64_t>(engines + 1));
  task[Reg::KernelCfg] = 0x82, task[Reg::MACCfg] = 0x101c00, task[Reg::PostScale] = 0x3c00;
  return task;
}

// Copy, one channel to one channel.
inline Task copy_task(const Size& size) {
  Task task = neural_task(size, size, 0);
  task[Reg::GroupConvCfg] = 0x14000 | u32(size.n), task[Reg::MACCfg] = 0x101c0c;
  return task;
}

inline Task planar_task(const Size& size, uint32_t type) {
  Task task = base_task(size, size);
  task[Reg::Cfg] = 1 | type << 4;
  task[Reg::BiasScale] = task[Reg::PreScale] = 0x3c000000, task[Reg::FinalScale] = 0x3f800000;
  return task;
}

inline void set_window(Task& task, int width, int height, int stride, int left, int top) {
  task.set(Field::ConvCfg_Kw, static_cast<uint64_t>(width)),
      task.set(Field::ConvCfg_Kh, static_cast<uint64_t>(height));
  task.set(Field::ConvCfg_Sx, static_cast<uint64_t>(stride)),
      task.set(Field::ConvCfg_Sy, static_cast<uint64_t>(stride));
  task.set(Field::ConvCfg_Px, static_cast<uint64_t>(left)),
      task.set(Field::ConvCfg_Py, static_cast<uint64_t>(top));
}

// One block of bytes for each engine, placed one after the other in the constants.
inline void add_blocks(Task& task, Bytes& constants, Blocks blocks) {
  task[Reg::MasterConfig] |= 0x40;
  task.set(HeaderField::KBase0, 1), task.set(HeaderField::KBE0, 1);
  for (size_t i = 0; i < blocks.of_engine.size(); ++i) {
    blocks.align(i);
    task[Reg::CoeffDMAConfig0 + static_cast<int>(i)] = 0x81;
    task[Reg::CoeffBaseAddr0 + static_cast<int>(i)] = u32(static_cast<int64_t>(constants.size()));
    task[Reg::CoeffBfrSize0 + static_cast<int>(i)] = u32(static_cast<int64_t>(blocks.of_engine[i].size()));
    constants.insert(constants.end(), blocks.of_engine[i].begin(), blocks.of_engine[i].end());
  }
}

class Program {
 public:
  hwx::File file;
  std::vector<Task> tasks;

  Program() { file.name = "made.hwx"; }

  uint32_t add_surface(hwx::Role role, const std::string& name, const Size& size, uint32_t element_code = 5) {
    hwx::Surface surface;
    surface.role = role, surface.symbol = surface.binding = name;
    surface.n = size.n, surface.c = size.c, surface.h = size.h, surface.w = size.w;
    surface.element_code = element_code, surface.element_size = element_code == 5 ? 2 : 1;
    hwx::layout(surface);
    surface.slot = 4 + u32(static_cast<int64_t>(file.surfaces.size()));
    file.surfaces.push_back(surface);
    return surface.slot;
  }
  uint32_t add_input(const std::string& name, const Size& size) {
    return add_surface(hwx::Role::Input, name, size);
  }
  uint32_t add_output(const std::string& name, const Size& size) {
    return add_surface(hwx::Role::Output, name, size);
  }

  const hwx::File& encoded() {
    file.text = h13::encode_tasks(tasks);
    file.first_task_words = tasks[0].words();
    return file;
  }
  Simulator simulator() { return Simulator(encoded()); }
  void check() { Simulator::check(encoded()); }

  // Runs with these inputs, in the order of the input surfaces; gives the first output.
  std::vector<float> run(const std::vector<std::vector<float>>& inputs) {
    Simulator running = simulator();
    size_t next = 0;
    for (const hwx::Surface& surface : file.surfaces)
      if (surface.role == hwx::Role::Input) running.set_input(surface.binding, inputs.at(next++));
    running.run();
    for (const hwx::Surface& surface : file.surfaces)
      if (surface.role == hwx::Role::Output) return running.output(surface.binding).data;
    return {};
  }
};

// One fp16 rounding of an exact value, with a tolerance of `ulp` units for the order of float32 additions.
inline void expect_close(const std::vector<float>& got, const std::vector<double>& want, double ulp = 1) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const double unit = std::max(std::ldexp(std::fabs(want[i]), -10), 0x1p-24);
    EXPECT_NEAR(got[i], want[i], ulp * unit) << "element " << i;
  }
}

}  // namespace ane::sim::test
