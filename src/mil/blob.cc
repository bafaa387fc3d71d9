#include "mil/blob.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "mil/element.h"

namespace ane::mil {

namespace {

constexpr uint64_t header_bytes = 64, metadata_bytes = 64;
constexpr uint32_t sentinel = 0xdeadbeef;
constexpr std::string_view root = "@model_path/";

// By code, from 1. The codes are not those of MIL's own DataType.
constexpr std::array<DataType, 17> types = {
    DataType::Float16,      DataType::Float32,    DataType::UInt8, DataType::Int8,  DataType::BFloat16,
    DataType::Int16,        DataType::UInt16,     DataType::Int4,  DataType::UInt1, DataType::UInt2,
    DataType::UInt4,        DataType::UInt3,      DataType::UInt6, DataType::Int32, DataType::UInt32,
    DataType::Float8E4M3FN, DataType::Float8E5M2,
};

// "12 bytes of fp16"
std::string describe(const Blob& blob) {
  return fmt::format("{} bytes of {}", blob.bytes.size(), name_of(blob.type));
}

bool fits(const Blob& blob, const Type& type) {
  const auto bits = static_cast<uint64_t>(type.count()) * static_cast<uint64_t>(bits_of(type.element));
  return blob.type == type.element && blob.bytes.size() == byte_count(type.element, type.count()) &&
         blob.unused_bits == blob.bytes.size() * 8 - bits;
}

}  // namespace

BlobFile::BlobFile(const std::filesystem::path& path) : file_(path) {
  const ByteReader reader(file_.bytes(), file_.name());
  reader.span(0, header_bytes, "the header");
  const uint32_t version = reader.u32(4, "the version");
  if (version == 1)
    reader.fail(4, "is blob storage of version 1, which neural networks use, not ML programs",
                "write the weights with coremltools for ML programs");
  if (version != 2)
    reader.fail(4, fmt::format("has version {} where 2 must stand", version),
                "the file is damaged, or not a weight file of an ML program");
}

Blob BlobFile::at(uint64_t offset) const {
  const ByteReader reader(file_.bytes(), file_.name());
  reader.span(offset, metadata_bytes, "an entry's metadata");
  if (reader.u32(offset, "an entry's sentinel") != sentinel)
    reader.fail(offset, "no entry begins here", "the weight file is damaged, or belongs to another model");
  const uint32_t code = reader.u32(offset + 4, "an entry's type");
  if (code == 0 || code > types.size())
    reader.fail(offset + 4, fmt::format("an entry has the unknown element type {}", code));
  Blob blob;
  blob.type = types[code - 1];
  const auto size = reader.u64(offset + 8, "an entry's size");
  const auto data = reader.u64(offset + 16, "an entry's place");
  blob.bytes = reader.span(data, size, "an entry's data");
  const int bits = bits_of(blob.type);
  if (bits < 8) {
    blob.unused_bits = reader.u64(offset + 24, "an entry's unused bits");
    if (blob.unused_bits > std::min<uint64_t>(7, size * 8))
      reader.fail(offset + 24, fmt::format("an entry's last byte has {} unused bits", blob.unused_bits));
  } else if (data % (static_cast<uint64_t>(bits) / 8) != 0) {
    reader.fail(data, fmt::format("elements of {} bytes are not aligned", bits / 8));
  }
  return blob;
}

bool may_lie_in_blob(const Type& type) {
  return type.is_tensor() && type.count() >= 0 &&
         std::find(types.begin(), types.end(), type.element) != types.end();
}

std::string blob_path_fault(std::string_view path) {
  if (!path.starts_with(root)) return fmt::format("does not begin with {}", root);
  path.remove_prefix(root.size());
  if (path.find('\0') != path.npos) return "has a NUL character";
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name == "..") return "leads out of the model's folder";
    if (name.empty() || name == ".") return "has an empty name in it";
    if (slash == path.npos) return "";
    path.remove_prefix(slash + 1);
  }
}

Value BlobFiles::read(const BlobReference& reference, const Type& type) {
  ensure(blob_path_fault(reference.path).empty(), "a blob's path was not checked");
  auto found = files_.find(reference.path);
  if (found == files_.end()) {
    const std::string inside = reference.path.substr(root.size());
    found = files_.emplace(reference.path, BlobFile(model_path_ / inside)).first;
  }
  const BlobFile& file = found->second;
  const Blob blob = file.at(reference.offset);
  if (!fits(blob, type))
    throw Error(file.name(), fmt::format("offset 0x{:x}", reference.offset),
                fmt::format("holds {} where {} must be", describe(blob), type.text()),
                "the weight file belongs to another model, or is damaged");
  Value value;
  value.type = type;
  value.bytes = blob.bytes;
  value.owner = file.owner();
  value.blob = reference;
  return value;
}

}  // namespace ane::mil
