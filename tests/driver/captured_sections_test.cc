// Constant sections against hashes of sections that Apple's compiler made, where the task words alone do not
// show the order of the values: two products with constant right operands. Source of the hashes:
// mil-hwx-compiler, research/oracles/h13/rrmm_r2rb_*.json, constant_section.sha256. There the weights were
// read from the beginning of their file, so that its 128 bytes of header are the first 64 of them.
#include <cstring>

#include "base/bytes.h"
#include "driver/compile.h"
#include "driver/ml_programs.h"
#include "espresso/temporary_folder.h"

namespace ane::test {
namespace {

void put(Bytes& bytes, size_t at, uint64_t value, size_t size) {
  std::memcpy(bytes.data() + at, &value, size);
}

// `count` halves of 0.5, the first 64 of them a file's header.
Bytes weights_behind_their_header(size_t count) {
  Bytes file(128, 0);
  put(file, 0, 1, 4);  // constants
  put(file, 4, 2, 4);  // version
  put(file, 64, 0xdeadbeef, 4);
  put(file, 68, count * 2, 8);  // bytes
  put(file, 76, 128, 8);        // where they begin
  while (file.size() < count * 2) file.insert(file.end(), {0x00, 0x38});
  file.resize(count * 2);
  return file;
}

// x[rows, reduction] times the transpose of w[columns, reduction]; x may be stored transposed.
std::string section_of_product(int64_t rows, int64_t reduction, int64_t columns, bool transposed) {
  const auto tensor = [](int64_t a, int64_t b) {
    return "tensor<fp16, [" + std::to_string(a) + ", " + std::to_string(b) + "]>";
  };
  const std::string of_weights = tensor(columns, reduction);
  const TemporaryFolder folder;
  BlobBuilder blob;
  const uint64_t at = blob.add(1, weights_behind_their_header(static_cast<size_t>(columns * reduction)));
  const Bytes weights = blob.bytes();
  std::filesystem::create_directories(folder.path() / "weights");
  folder.put("weights/weight.bin", {reinterpret_cast<const char*>(weights.data()), weights.size()});
  folder.put(
      "product.mil",
      program_text((transposed ? tensor(reduction, rows) : tensor(rows, reduction)) + " x",
                   "    " + of_weights + " w = const()[name = string(\"w\"), val = " + of_weights +
                       "(BLOBFILE(path = string(\"@model_path/weights/weight.bin\"), offset = uint64(" +
                       std::to_string(at) + ")))];\n    bool tx = const()[name = string(\"tx\"), val = " +
                       "bool(" + (transposed ? "true" : "false") + ")];\n    bool ty = const()[name = " +
                       "string(\"ty\"), val = bool(true)];\n    " + tensor(rows, columns) +
                       " product = matmul(x = x, y = w, transpose_x = tx, transpose_y = ty)[name = " +
                       "string(\"product\")];\n",
                   "product"));
  driver::CompileOptions options;
  options.model = folder.path() / "product.mil";
  options.output = folder.path() / "out";
  options.compat = "9.509";
  options.nearest_weights = true;
  return sha256(driver::compile_model(options).program.file.constants);
}

TEST(CapturedSections, ProductOfAFewRows) {
  EXPECT_EQ(section_of_product(32, 256, 64, false),
            "1619c64e036bde86ee54b56aaaa98f84102a24e3997c586ca9772471f08cdf02");
}

TEST(CapturedSections, ProductOfTransposedRows) {
  EXPECT_EQ(section_of_product(128, 2048, 2048, true),
            "cff1cbdbd4b227a7ded6f386f710cde8d53510bfc38656053166db0d428d433f");
}

}  // namespace
}  // namespace ane::test
