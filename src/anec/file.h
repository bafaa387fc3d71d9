// ANEC: the container that the Linux drivers' library (libane) loads.
//
// A packed header, then the task stream, then the constants; docs/anec.md has the offsets. It has no magic
// number, no names and no addresses: a program is its tasks, its constants and the sizes of up to 32
// channels, and a channel's number is the base address slot under which tasks name it. Fields bear the names
// that libane gives them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "h13/task.h"

namespace ane::anec {

inline constexpr uint32_t channel_count = 32;
inline constexpr uint32_t command_channel = 0, constants_channel = 1, scratch_channel = 3;
inline constexpr uint32_t first_surface_channel = 4;  // outputs from here on, inputs behind them
inline constexpr uint32_t most_surfaces = channel_count - first_surface_channel;
inline constexpr uint32_t most_tasks = 0xfffe;
inline constexpr int64_t tile_bytes = 0x4000;     // unit of tiles[]
inline constexpr int64_t constants_align = 16;    // of the constants behind the tasks
inline constexpr uint32_t header_fields = 0x6a8;  // bytes that the fields take; zero up to the header size
inline constexpr uint32_t short_header = 0x800, long_header = 0x1000;

// Tensor N x C x H x W; strides in bytes. Elements are fp16, or single bytes where 2 * w exceeds the row.
struct Shape {
  uint64_t n = 0, c = 0, h = 0, w = 0, plane_stride = 0, row_stride = 0;
  friend bool operator==(const Shape&, const Shape&) = default;
};

struct File {
  std::string name;                             // of the file read, for messages
  uint32_t header_size = short_header;          // or long_header: nothing in the header tells which
  uint32_t td_size = 0;                         // bytes of the first task
  uint32_t td_count = 0;                        // tasks
  uint32_t src_count = 0;                       // inputs
  uint32_t dst_count = 0;                       // outputs
  std::array<uint32_t, channel_count> tiles{};  // buffer sizes in tile_bytes; 0 = no buffer
  std::array<Shape, channel_count> nchw{};      // of surfaces; 0 elsewhere
  Bytes tasks;                                  // tsk_size bytes
  Bytes constants;                              // krn_size bytes; drivers place them at constants_offset()

  friend bool operator==(const File&, const File&) = default;

  uint32_t output_channel(uint32_t index) const { return first_surface_channel + index; }
  uint32_t input_channel(uint32_t index) const { return first_surface_channel + dst_count + index; }
  // Bytes from the first task to the constants, in the file and in channel 0.
  uint64_t constants_offset() const {
    return static_cast<uint64_t>(round_up(static_cast<int64_t>(tasks.size()), constants_align));
  }
  uint64_t contents_size() const { return constants_offset() + constants.size(); }
};

// Buffers of `bytes` bytes take so many tiles.
uint32_t tiles_of(uint64_t bytes);

// Why a buffer of so many tiles does not hold such a tensor; empty if it does. A reader does not know the
// size of elements and takes the smallest.
std::string fault_of(const Shape& shape, uint32_t tiles, uint64_t element_size = 1);

// Throws Error for anything that libane could not load as it stands: sizes that contradict each other or the
// file's length, tasks that cannot be followed, shapes larger than their buffers. The header size is told by
// where the first task is: its header is never all zero.
File read(ByteSpan bytes, const std::string& name);
Bytes write(const File& file);

std::vector<h13::Task> decode_tasks(const File& file);

// How many tasks name a channel as a source (coefficients included) and as the destination.
struct Use {
  uint32_t reads = 0, writes = 0;
};
std::array<Use, channel_count> uses(const std::vector<h13::Task>& tasks);

// One sentence for each channel that the tasks use otherwise than the header says: an output that no task
// writes, an input that one does. Such a program computes from the wrong buffers.
std::vector<std::string> contradictions(const File& file, const std::vector<h13::Task>& tasks);

// The header and the channels as lines of text. `names` are those of the surfaces by channel, or empty: the
// container keeps none.
std::string describe(const File& file, const std::array<std::string, channel_count>& names = {});

}  // namespace ane::anec
