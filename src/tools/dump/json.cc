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

ordered_json generation_json(const generations::Generation& generation) {
  return {{"name", generation.name},
          {"subtype", generation.subtype},
          {"chips", generation.chips},
          {"systems", generation.systems},
          {"instruction_set", generation.instruction_set},
          {"evidence", generations::name(generation.evidence)},
          {"basis", generation.basis}};
}

// The marks of fields that differ from that of what they belong to.
void put_field(const generations::Field& field, uint32_t word, generations::Evidence whole,
               ordered_json& fields, ordered_json& evidence) {
  fields[field.name] = field.get(word);
  if (field.evidence != whole) evidence[field.name] = generations::name(field.evidence);
}

ordered_json header_json(const generations::Task& task, const generations::RegisterTable& table) {
  ordered_json words = ordered_json::array(), fields = ordered_json::object(),
               evidence = ordered_json::object();
  ordered_json unknown = ordered_json::array();
  for (size_t i = 0; i < task.header.size(); ++i) {
    words.push_back(task.header[i]);
    unknown.push_back(task.header[i] & ~table.known_header_bits(static_cast<int>(i)));
  }
  for (const generations::HeaderField& header : table.header)
    if (header.word < static_cast<int>(task.header.size()))
      put_field(header.field, task.header[static_cast<size_t>(header.word)], generations::Evidence::Words,
                fields, evidence);
  return {{"words", words}, {"fields", fields}, {"field_evidence", evidence}, {"unknown_bits", unknown}};
}

ordered_json write_json(const generations::Write& write, const generations::Register& reg) {
  ordered_json fields = ordered_json::object(), evidence = ordered_json::object();
  for (const generations::Field& field : reg.fields)
    put_field(field, write.value, reg.evidence, fields, evidence);
  ordered_json out = {{"block", reg.block},
                      {"name", reg.name},
                      {"address", reg.address},
                      {"value", write.value},
                      {"fields", fields},
                      {"unknown_bits", write.value & ~reg.known_bits()},
                      {"evidence", generations::name(reg.evidence)}};
  if (!evidence.empty()) out["field_evidence"] = evidence;
  if (reg.unwritten) out["default"] = reg.unwritten->value;
  return out;
}

ordered_json record_json(const generations::Record& record, const generations::Generation& generation) {
  ordered_json out = {
      {"address", record.writes[0].address}, {"count", record.writes.size()}, {"word", record.word}};
  if (record.slot) out["slot"] = *record.slot;
  if (const uint32_t bits = generations::unknown_bits(generation, record)) out["unknown_bits"] = bits;
  return out;
}

ordered_json task_json(const Program& program, size_t index) {
  const generations::Task& task = program.stream.tasks[index];
  const generations::RegisterTable& table = program.registers();
  const Summary summary = summarise(program, index);
  ordered_json records = ordered_json::array(), registers = ordered_json::array(),
               unknown = ordered_json::array();
  for (const generations::Record& record : task.records) {
    records.push_back(record_json(record, *program.generation));
    for (const generations::Write& write : record.writes)
      if (const generations::Register* reg = table.find(write.address))
        registers.push_back(write_json(write, *reg));
      else
        unknown.push_back({{"address", write.address}, {"value", write.value}});
  }
  return {{"offset", task.offset},
          {"words", task.words()},
          {"engine", summary.engine},
          {"work", summary.work},
          {"sources", summary.sources},
          {"destination", summary.destination},
          {"header", header_json(task, table)},
          {"records", records},
          {"registers", registers},
          {"unknown_registers", unknown}};
}

ordered_json tags_json(const hwx::File& file) {
  ordered_json out = ordered_json::array();
  for (const hwx::ProgramTag& tag : file.figures.tags)
    out.push_back({{"number", tag.number}, {"bytes", tag.value}});
  return out;
}

ordered_json kernels_json(const hwx::File& file) {
  ordered_json out = ordered_json::array();
  for (const hwx::KernelSection& kernel : file.kernels)
    out.push_back({{"segment", kernel.name},
                   {"address", kernel.address},
                   {"size", kernel.bytes.size()},
                   {"sha256", sha256(kernel.bytes)}});
  return out;
}

ordered_json loose_json(const generations::Stream& stream) {
  ordered_json out = ordered_json::array();
  for (const generations::LooseWord& word : stream.loose)
    out.push_back({{"offset", word.offset}, {"value", word.value}});
  return out;
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
  const generations::Unknown unknown = generations::count_unknown(*program.generation, program.stream);
  ordered_json out = {
      {"file", program.name},
      {"bytes", program.bytes},
      {"engine", program.generation->name},
      {"generation", generation_json(*program.generation)},
      {"dialect", std::string(1, "ABCD"[static_cast<size_t>(file.dialect)])},
      {"compiler_version", hwx::facts(file.dialect).compiler_version},
      {"network", file.network},
      {"banner", file.banner},
      {"text_address", file.text_address},
      {"text_bytes", file.text.size()},
      {"scratch",
       {{"bytes", file.scratch_bytes}, {"address", file.scratch_address}, {"figure", file.scratch_figure}}},
      {"constants", constants_json(file)},
      {"kernels", kernels_json(file)},
      {"tags", tags_json(file)},
      {"notes", program.notes}};
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
  for (size_t i = 0; i < program.stream.tasks.size(); ++i) out["tasks"].push_back(task_json(program, i));
  out["loose_words"] = loose_json(program.stream);
  out["unknown"] = {{"bits", unknown.bits}, {"registers", unknown.registers}, {"loose_words", unknown.loose}};
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ane::dump
