// The view for machines: one object with everything that the other views show.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/dump/dump.h"

namespace ane::dump {
namespace {

using nlohmann::ordered_json;

ordered_json surface_json(const hwx::Surface& s) {
  return {{"binding", s.binding},
          {"symbol", s.symbol},
          {"role", s.role == hwx::Role::Input ? "input" : "output"},
          {"slot", s.slot},
          {"type", hwx::type_name(s.element_code)},
          {"element_code", s.element_code},
          {"element_size", s.element_size},
          {"shape", {s.n, s.c, s.h, s.w}},
          {"batch_stride", s.batch_stride},
          {"plane_stride", s.plane_stride},
          {"row_stride", s.row_stride},
          {"bytes", s.total},
          {"address", s.address}};
}

ordered_json segment_json(const hwx::Segment& segment) {
  ordered_json sections = ordered_json::array();
  for (const hwx::Section& section : segment.sections)
    sections.push_back({{"name", section.name},
                        {"address", section.address},
                        {"size", section.size},
                        {"file_offset", section.offset},
                        {"align", section.align},
                        {"flags", section.flags},
                        {"relocations", section.relocations.size()}});
  return {{"name", segment.name},           {"address", segment.address},
          {"size", segment.size},           {"file_offset", segment.file_offset},
          {"file_size", segment.file_size}, {"protection", segment.protection},
          {"flags", segment.flags},         {"sections", sections}};
}

ordered_json constants_json(const hwx::File& file) {
  const Bytes section = file.constants.empty() ? Bytes(hwx::constant_section_size(file)) : file.constants;
  ordered_json tiles = ordered_json::array();
  for (const hwx::ConstantTile& tile : file.tiles)
    tiles.push_back(
        {{"text_offset", tile.text_offset}, {"channel", tile.channel}, {"offset", tile.const_offset}});
  return {{"size", section.size()},
          {"nonzero",
           static_cast<ptrdiff_t>(section.size()) - std::count(section.begin(), section.end(), uint8_t{0})},
          {"sha256", sha256(section)},
          {"address", file.const_address},
          {"symbol", file.kernel_symbol},
          {"relocations", tiles}};
}

template <typename Fields>
ordered_json fields_json(const Fields& fields, uint32_t word) {
  ordered_json out = ordered_json::object();
  for (const h13::FieldInfo& field : fields) out[field.name] = (word >> field.low) & h13::mask(field);
  return out;
}

ordered_json header_json(const h13::Task& task) {
  ordered_json words = ordered_json::array(), fields = ordered_json::object();
  for (uint32_t i = 0; i < task.header_words(); ++i) words.push_back(task.header[i]);
  for (const h13::FieldInfo& field : h13::header_fields())
    if (field.word < static_cast<int>(task.header_words()))
      fields[field.name] = (task.header[static_cast<size_t>(field.word)] >> field.low) & h13::mask(field);
  return {{"words", words}, {"fields", fields}};
}

ordered_json registers_json(const h13::Task& task) {
  ordered_json out = ordered_json::array();
  for (size_t r = 0; r < h13::register_count; ++r) {
    if (!task.written[r]) continue;
    const h13::Reg reg = static_cast<h13::Reg>(r);
    out.push_back({{"block", h13::info(reg).block},
                   {"name", h13::info(reg).name},
                   {"address", h13::info(reg).address},
                   {"value", task[reg]},
                   {"fields", fields_json(h13::fields_of(reg), task[reg])},
                   {"unknown_bits", task[reg] & ~h13::known_bits(reg)}});
  }
  return out;
}

ordered_json task_json(const h13::Task& task, const hwx::File& file) {
  const Summary summary = summarise(task, file);
  ordered_json records = ordered_json::array(), unknown = ordered_json::array();
  for (const h13::Record& record : task.records)
    records.push_back({{"address", record.address}, {"count", record.count}});
  for (const auto& [address, value] : task.unknown)
    unknown.push_back({{"address", address}, {"value", value}});
  return {{"offset", task.offset},       {"words", task.words()},      {"engine", summary.engine},
          {"work", summary.work},        {"sources", summary.sources}, {"destination", summary.destination},
          {"header", header_json(task)}, {"records", records},         {"registers", registers_json(task)},
          {"unknown_registers", unknown}};
}

ordered_json symbols_json(const hwx::Container& container) {
  ordered_json out = ordered_json::array();
  for (const hwx::Symbol& symbol : container.symbols)
    out.push_back({{"name", symbol.name},
                   {"type", symbol.type},
                   {"section", symbol.section},
                   {"desc", symbol.desc},
                   {"value", symbol.value}});
  return out;
}

}  // namespace

std::string json(const Program& program) {
  const hwx::File& file = program.file;
  const Unknown unknown = count_unknown(program.tasks);
  ordered_json out = {
      {"file", program.name},
      {"bytes", program.bytes},
      {"engine", "H13"},
      {"dialect", std::string(1, "ABCD"[static_cast<size_t>(file.dialect)])},
      {"compiler_version", hwx::facts(file.dialect).compiler_version},
      {"network", file.network},
      {"banner", file.banner},
      {"text_address", file.text_address},
      {"text_bytes", file.text.size()},
      {"scratch",
       {{"bytes", file.scratch_bytes}, {"address", file.scratch_address}, {"figure", file.scratch_figure}}},
      {"constants", constants_json(file)}};
  out["surfaces"] = ordered_json::array();
  for (const hwx::Surface& surface : file.surfaces) out["surfaces"].push_back(surface_json(surface));
  out["segments"] = ordered_json::array();
  for (const hwx::Segment& segment : program.container.segments)
    out["segments"].push_back(segment_json(segment));
  out["slots"] = ordered_json::object();
  for (uint32_t slot = 0; slot < hwx::slot_count; ++slot)
    if (file.slots[slot] != 0) out["slots"][std::to_string(slot)] = file.slots[slot];
  out["symbols"] = symbols_json(program.container);
  out["tasks"] = ordered_json::array();
  for (const h13::Task& task : program.tasks) out["tasks"].push_back(task_json(task, file));
  out["unknown"] = {{"bits", unknown.bits}, {"registers", unknown.registers}};
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ane::dump
