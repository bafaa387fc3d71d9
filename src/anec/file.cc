// The header holds sizes only, and libane believes them: it allocates, copies and submits what they say. So
// reading checks each against the others and against the bytes that are there before it is used.
#include "anec/file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace ane::anec {

namespace {

// Offsets of the fields, in libane's order.
namespace field {
constexpr uint64_t size = 0x0, td_size = 0x8, td_count = 0xc, tsk_size = 0x10, krn_size = 0x18,
                   src_count = 0x20, dst_count = 0x24, tiles = 0x28, nchw = 0xa8;
}
constexpr uint64_t task_header_bytes = 0x28;
static_assert(sizeof(File::tiles) == field::nchw - field::tiles &&
                  sizeof(File::nchw) == header_fields - field::nchw,
              "both lie in the header as they lie in memory");

bool all_zero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

// A task's header is never all zero: the words for its log events are not. So where the short header ends,
// there is either a task or the zero fill of the long one.
uint32_t header_size_of(const ByteReader& in) {
  const bool is_short = !all_zero(in.span(short_header, task_header_bytes, "the first task"));
  if (is_short) return short_header;
  if (all_zero(in.span(long_header, task_header_bytes, "the first task")))
    in.fail(long_header, "there is no task here nor at 0x800", "is this an .anec file?");
  return long_header;
}

// Saturates: whatever is too large for 64 bits is too large for every buffer.
uint64_t product(std::initializer_list<uint64_t> factors) {
  uint64_t result = 1;
  for (const uint64_t factor : factors)
    if (__builtin_mul_overflow(result, factor, &result)) result = ~uint64_t{0};
  return result;
}

void check_channels(const ByteReader& in, const File& file) {
  if (file.src_count > most_surfaces || file.dst_count > most_surfaces - file.src_count)
    in.fail(field::src_count, fmt::format("{} inputs and {} outputs; there are channels for {} in all",
                                          file.src_count, file.dst_count, most_surfaces));
  const uint32_t end = file.input_channel(file.src_count);
  for (uint32_t channel = 0; channel < channel_count; ++channel) {
    const uint32_t tiles = file.tiles[channel];
    const bool surface = channel >= first_surface_channel && channel < end;
    const std::string fault = surface ? fault_of(file.nchw[channel], tiles) : "";
    if (!fault.empty())
      in.fail(field::nchw + sizeof(Shape) * channel, fmt::format("channel {}: {}", channel, fault));
    if (!surface && file.nchw[channel] != Shape{})
      in.fail(field::nchw + sizeof(Shape) * channel,
              fmt::format("channel {} has a shape, but is no input or output", channel));
    if (!surface && channel != command_channel && channel != scratch_channel && tiles != 0)
      in.fail(field::tiles + 4ull * channel, fmt::format("channel {} must not have a buffer", channel));
  }
  if (static_cast<uint64_t>(file.tiles[command_channel]) * static_cast<uint64_t>(tile_bytes) <
      file.contents_size())
    in.fail(field::tiles, "tasks and constants do not fit channel 0");
}

void read_contents(const ByteReader& in, File& file) {
  const uint64_t size = in.u64(field::size, "the header"), tsk_size = in.u64(field::tsk_size, "the header"),
                 krn_size = in.u64(field::krn_size, "the header");
  if (in.size() - file.header_size != size)
    in.fail(field::size, fmt::format("0x{:x} bytes are said to follow the header of 0x{:x}; there are 0x{:x}",
                                     size, file.header_size, in.size() - file.header_size));
  if (tsk_size > size || krn_size > size)
    in.fail(field::tsk_size, "tasks or constants are larger than the whole");
  const ByteSpan tasks = in.span(file.header_size, tsk_size, "the tasks");
  file.tasks.assign(tasks.begin(), tasks.end());
  if (file.constants_offset() + krn_size != size)
    in.fail(field::size, fmt::format("tasks of 0x{:x} and constants of 0x{:x} bytes do not make 0x{:x}",
                                     tsk_size, krn_size, size));
  const ByteSpan constants = in.span(file.header_size + file.constants_offset(), krn_size, "the constants");
  file.constants.assign(constants.begin(), constants.end());
}

void check_tasks(const ByteReader& in, const File& file) {
  if (file.td_size % 4 != 0 || file.td_size < task_header_bytes || file.td_size > file.tasks.size())
    in.fail(field::td_size, fmt::format("a first task of {} bytes in {}", file.td_size, file.tasks.size()));
  if (const size_t found = decode_tasks(file).size(); found != file.td_count)
    in.fail(field::td_count, fmt::format("{} tasks are announced, {} follow", file.td_count, found));
}

std::string role_of(const File& file, uint32_t channel) {
  const uint32_t index = channel - first_surface_channel;
  return index < file.dst_count ? fmt::format("output {}", index)
                                : fmt::format("input {}", index - file.dst_count);
}

}  // namespace

uint32_t tiles_of(uint64_t bytes) {
  const auto unit = static_cast<uint64_t>(tile_bytes);
  return static_cast<uint32_t>(bytes / unit + (bytes % unit != 0));
}

std::string fault_of(const Shape& shape, uint32_t tiles, uint64_t element_size) {
  const uint64_t buffer = product({tiles, static_cast<uint64_t>(tile_bytes)});
  if (shape.n == 0 || shape.c == 0 || shape.h == 0 || shape.w == 0) return "the tensor is empty";
  if (shape.row_stride == 0 || product({shape.w, element_size}) > shape.row_stride ||
      product({shape.h, shape.row_stride}) > shape.plane_stride)
    return "rows or planes are longer than their strides";
  if (product({shape.n, shape.c, shape.plane_stride}) > buffer)
    return fmt::format("the tensor is larger than its buffer of 0x{:x} bytes", buffer);
  return "";
}

File read(ByteSpan bytes, const std::string& name) {
  const ByteReader in(bytes, name);
  File file;
  file.name = name;
  in.span(0, header_fields, "the header");
  file.header_size = header_size_of(in);
  file.td_size = in.u32(field::td_size, "the header");
  file.td_count = in.u32(field::td_count, "the header");
  file.src_count = in.u32(field::src_count, "the header");
  file.dst_count = in.u32(field::dst_count, "the header");
  file.tiles = in.read<decltype(File::tiles)>(field::tiles, "the header");
  file.nchw = in.read<decltype(File::nchw)>(field::nchw, "the header");
  if (!all_zero(in.span(header_fields, file.header_size - header_fields, "the header")))
    in.fail(header_fields, "the rest of the header is not zero");
  read_contents(in, file);
  check_channels(in, file);
  check_tasks(in, file);
  return file;
}

Bytes write(const File& file) {
  ensure(file.header_size == short_header || file.header_size == long_header, "anec: header size");
  ByteWriter out;
  out.zeros(file.header_size);
  out.patch(field::size, file.contents_size());
  out.patch(field::td_size, file.td_size);
  out.patch(field::td_count, file.td_count);
  out.patch(field::tsk_size, uint64_t{file.tasks.size()});
  out.patch(field::krn_size, uint64_t{file.constants.size()});
  out.patch(field::src_count, file.src_count);
  out.patch(field::dst_count, file.dst_count);
  out.patch(field::tiles, file.tiles);
  out.patch(field::nchw, file.nchw);
  out.bytes(file.tasks);
  out.pad_to(file.header_size + file.constants_offset());
  out.bytes(file.constants);
  return out.take();
}

std::vector<h13::Task> decode_tasks(const File& file) {
  return h13::decode_tasks(file.tasks, file.td_size / 4, file.name);
}

std::array<Use, channel_count> uses(const std::vector<h13::Task>& tasks) {
  using h13::HeaderField;
  std::array<Use, channel_count> found{};
  for (const h13::Task& task : tasks) {
    std::array<bool, channel_count> read{};
    for (const auto& [slot, enable] : {std::pair{HeaderField::RBase0, HeaderField::RBE0},
                                       {HeaderField::RBase1, HeaderField::RBE1},
                                       {HeaderField::KBase0, HeaderField::KBE0},
                                       {HeaderField::KBase1, HeaderField::KBE1},
                                       {HeaderField::KBase2, HeaderField::KBE2},
                                       {HeaderField::KBase3, HeaderField::KBE3}})
      if (task.get(enable)) read[task.get(slot)] = true;
    for (uint32_t channel = 0; channel < channel_count; ++channel) found[channel].reads += read[channel];
    if (task.get(HeaderField::WBE)) ++found[task.get(HeaderField::WBase)].writes;
  }
  return found;
}

std::vector<std::string> contradictions(const File& file, const std::vector<h13::Task>& tasks) {
  const std::array<Use, channel_count> used = uses(tasks);
  std::vector<std::string> found;
  for (uint32_t i = 0; i < file.dst_count; ++i)
    if (const uint32_t channel = file.output_channel(i); used[channel].writes == 0)
      found.push_back(
          fmt::format("channel {} is output {} by the header, but no task writes it", channel, i));
  for (uint32_t i = 0; i < file.src_count; ++i)
    if (const uint32_t channel = file.input_channel(i); used[channel].writes != 0)
      found.push_back(fmt::format("channel {} is input {} by the header, but tasks write it", channel, i));
  return found;
}

std::string describe(const File& file, const std::array<std::string, channel_count>& names) {
  const std::vector<h13::Task> tasks = decode_tasks(file);
  const std::array<Use, channel_count> used = uses(tasks);
  const auto stamped = std::count_if(
      tasks.begin(), tasks.end(), [](const h13::Task& task) { return task.get(h13::HeaderField::NID) != 0; });
  std::string text = fmt::format(
      "header 0x{:x}; {} task{} in 0x{:x} bytes, the first 0x{:x}; constants 0x{:x} bytes; network id in {} "
      "task "
      "headers\n",
      file.header_size, tasks.size(), tasks.size() == 1 ? "" : "s", file.tasks.size(), file.td_size,
      file.constants.size(), stamped);
  const auto line = [&](uint32_t channel, const std::string& what) {
    text += fmt::format("channel {:2}  {:10}  0x{:x} bytes", channel, what,
                        static_cast<uint64_t>(file.tiles[channel]) * static_cast<uint64_t>(tile_bytes));
  };
  line(command_channel, "commands");
  text += "\n";
  if (file.tiles[scratch_channel]) {
    line(scratch_channel, "scratch");
    text += "\n";
  }
  for (uint32_t channel = first_surface_channel; channel < file.input_channel(file.src_count); ++channel) {
    const Shape& shape = file.nchw[channel];
    line(channel, role_of(file, channel));
    text += fmt::format(
        "; N x C x H x W {} x {} x {} x {}, strides: plane {}, row {} bytes; tasks: {} read, {} write",
        shape.n, shape.c, shape.h, shape.w, shape.plane_stride, shape.row_stride, used[channel].reads,
        used[channel].writes);
    if (2 * shape.w > shape.row_stride) text += "; elements of 1 byte";
    if (!names[channel].empty()) text += "; " + names[channel];
    text += "\n";
  }
  return text;
}

}  // namespace ane::anec
