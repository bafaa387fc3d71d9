// Weight files of ML Programs: MIL blob storage, version 2.
//
//   0                u32 count, u32 version = 2, zeros up to 64
//   each entry       64 bytes of metadata, then its data; both at multiples of 64 in all files seen
//     +0             u32 0xdeadbeef, u32 element type, u64 bytes of data, u64 offset of the data in the file,
//     +24            u64 unused bits in the last byte, of types below 8 bits; else anything
//
// A program refers to an entry by the offset of its metadata. Layout: MILBlob in coremltools' sources, and 15
// public weight files (in three of them the reserved words, and the unused bits of whole-byte types, hold
// leftovers of the writer's memory, so they are not looked at).
//
// Files stay mapped; values are views of them, so that a model of some gigabytes is read in milliseconds.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/file.h"
#include "mil/program.h"

namespace ane::mil {

struct Blob {
  DataType type = DataType::Float16;
  ByteSpan bytes;
  uint64_t unused_bits = 0;  // of the last byte; 0 for types of 8 bits and more
};

// Throws Error for files of another kind or version.
class BlobFile {
 public:
  explicit BlobFile(const std::filesystem::path& path);

  // The entry with its metadata at `offset`. Throws Error when there is none, or when it is damaged.
  Blob at(uint64_t offset) const;
  std::shared_ptr<const void> owner() const { return file_.owner(); }
  const std::string& name() const { return file_.name(); }

 private:
  MappedFile file_;
};

// Whether a program may keep values of that type in a weight file.
bool may_lie_in_blob(const Type& type);

// What is wrong with the path of a reference; empty when it lies inside the model's folder: "@model_path/"
// and names without "..".
std::string blob_path_fault(std::string_view path);

// The weight files of one program, each opened once.
class BlobFiles {
 public:
  // The folder that "@model_path" stands for.
  explicit BlobFiles(std::filesystem::path model_path) : model_path_(std::move(model_path)) {}

  // The value of type `type` at `reference`, whose path has no fault. Throws Error when the entry is not of
  // that type and size.
  Value read(const BlobReference& reference, const Type& type);

 private:
  std::filesystem::path model_path_;
  std::map<std::string, BlobFile> files_;
};

}  // namespace ane::mil
