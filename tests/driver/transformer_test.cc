// An encoder block of a transformer, as people write it for ML Programs: two normalisations, attention of
// several heads, and a feed-forward network, with their residual sums.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <random>

#include "base/half.h"
#include "driver/shell.h"
#include "support/blob_builder.h"

namespace ane::test {
namespace {

using nlohmann::json;

struct Sizes {
  int tokens = 64, width = 256, heads = 4, inner = 1024;
  int head() const { return width / heads; }
};

class EncoderText {
 public:
  explicit EncoderText(const Sizes& sizes) : s_(sizes) {
    const std::string tokens = tensor(fmt::format("1, {}, {}", s_.tokens, s_.width));
    const std::string heads = fmt::format("1, {}, {}, {}", s_.heads, s_.tokens, s_.head());
    const std::string split = fmt::format("1, {}, {}, {}", s_.tokens, s_.heads, s_.head());
    const std::string scores = tensor(fmt::format("1, {}, {}, {}", s_.heads, s_.tokens, s_.tokens));
    value("tensor<int32, [1]>", "last", "[-1]");
    value("tensor<int32, [4]>", "split", "[" + split + "]");
    value("tensor<int32, [4]>", "order", "[0, 2, 1, 3]");
    value("tensor<int32, [3]>", "joined", fmt::format("[1, {}, {}]", s_.tokens, s_.width));
    value("fp16", "epsilon", "0x1.5p-17");
    value("fp16", "scale", fmt::format("{:a}", 1 / std::sqrt(static_cast<double>(s_.head()))));
    value("bool", "no", "false");
    value("bool", "yes", "true");
    value("int32", "columns", "-1");
    value("string", "exact", "\"EXACT\"");
    normalise("x", "n1");
    for (const char* name : {"q", "k", "v"}) {
      const std::string flat = name, apart = flat + "_split", each = flat + "_heads";
      linear("n1", flat, s_.width, s_.width);
      operation(tensor(split), apart, "reshape(shape = split, x = " + flat + ")");
      operation(tensor(heads), each, "transpose(perm = order, x = " + apart + ")");
    }
    operation(scores, "products", "matmul(transpose_x = no, transpose_y = yes, x = q_heads, y = k_heads)");
    operation(scores, "scaled", "mul(x = products, y = scale)");
    operation(scores, "attention", "softmax(axis = columns, x = scaled)");
    operation(tensor(heads), "context",
              "matmul(transpose_x = no, transpose_y = no, x = attention, y = v_heads)");
    operation(tensor(split), "context_split", "transpose(perm = order, x = context)");
    operation(tokens, "context_flat", "reshape(shape = joined, x = context_split)");
    linear("context_flat", "out", s_.width, s_.width);
    operation(tokens, "r1", "add(x = x, y = out)");
    normalise("r1", "n2");
    linear("n2", "up", s_.width, s_.inner);
    operation(tensor(fmt::format("1, {}, {}", s_.tokens, s_.inner)), "bent", "gelu(mode = exact, x = up)");
    linear("bent", "down", s_.inner, s_.width);
    operation(tokens, "y", "add(x = r1, y = down)");
    text = "program(1.3)\n[buildInfo = dict<string, string>({})]\n{\n  func main<ios18>(" + tokens +
           " x) {\n" + text + "  } -> (y);\n}\n";
  }

  std::string text;
  BlobBuilder blob;

 private:
  static std::string tensor(const std::string& shape) { return "tensor<fp16, [" + shape + "]>"; }
  void value(const std::string& type, const std::string& name, const std::string& of) {
    text += fmt::format("    {} {} = const()[name = string(\"{}\"), val = {}({})];\n", type, name, name, type,
                        of);
  }
  void operation(const std::string& type, const std::string& name, const std::string& what) {
    text += fmt::format("    {} {} = {}[name = string(\"{}\")];\n", type, name, what, name);
  }
  void weights(const std::string& name, const std::string& shape, int count, double bound) {
    std::vector<Half> halves;
    for (int i = 0; i < count; ++i)
      halves.push_back(
          to_half(static_cast<float>(bound * (static_cast<double>(engine_() % 2001) / 1000 - 1))));
    const uint64_t at =
        blob.add(1, ByteSpan(reinterpret_cast<const uint8_t*>(halves.data()), halves.size() * 2));
    value(
        tensor(shape), name,
        fmt::format("BLOBFILE(path = string(\"@model_path/weights/weight.bin\"), offset = uint64({}))", at));
  }
  void normalise(const std::string& x, const std::string& name) {
    weights(name + "_gamma", std::to_string(s_.width), s_.width, 1);
    weights(name + "_beta", std::to_string(s_.width), s_.width, 0.2);
    operation(
        tensor(fmt::format("1, {}, {}", s_.tokens, s_.width)), name,
        fmt::format("layer_norm(axes = last, beta = {0}_beta, epsilon = epsilon, gamma = {0}_gamma, x = {1})",
                    name, x));
  }
  void linear(const std::string& x, const std::string& name, int from, int to) {
    weights(name + "_weight", fmt::format("{}, {}", to, from), to * from, std::sqrt(3.0 / from));
    weights(name + "_bias", std::to_string(to), to, 0.1);
    operation(tensor(fmt::format("1, {}, {}", s_.tokens, to)), name,
              fmt::format("linear(bias = {0}_bias, weight = {0}_weight, x = {1})", name, x));
  }

  Sizes s_;
  std::mt19937_64 engine_{7};
};

// What the compiler says of the block, and how many tasks each operation has become.
struct Compiled {
  json result;
  std::map<std::string, size_t> tasks;

  size_t tasks_of(const std::vector<std::string>& operations) const {
    size_t count = 0;
    for (const std::string& operation : operations) count += tasks.at(operation);
    return count;
  }
};

Compiled verified(const Sizes& sizes, const std::string& options = "") {
  const TemporaryFolder folder;
  const EncoderText encoder(sizes);
  folder.put("block.mil", encoder.text);
  std::filesystem::create_directories(folder.path() / "weights");
  folder.put("weights/weight.bin",
             {reinterpret_cast<const char*>(encoder.blob.bytes().data()), encoder.blob.bytes().size()});
  const Ran ran = run("coreml2hwx -q --json --verify " + options + " " + quoted(folder.path() / "block.mil") +
                      " -o " + quoted(folder.path() / "out"));
  EXPECT_EQ(ran.status, 0) << ran.err;
  Compiled compiled;
  if (ran.status != 0) return compiled;
  compiled.result = json::parse(ran.out);
  EXPECT_GE(compiled.result.at("verify").at("outputs").at(0).at("snr_db").get<double>(), 45);
  const json sidecar = json::parse(contents(folder.path() / "out/model.json"));
  for (const json& layer : sidecar.at("layers")) compiled.tasks[layer.at("name")] = layer.at("tasks").size();
  return compiled;
}

TEST(TransformerEncoder, IsVerified) {
  verified({64, 256, 4, 1024});
}

// Tasks against those that captured programs have for each part (docs/h13-rules.md, section 12; the block of
// one head is chain_block_d256_s64_proj0).
TEST(TransformerEncoder, TasksOfEachPart) {
  const Sizes sizes = {64, 256, 4, 1024};
  const auto heads = static_cast<size_t>(sizes.heads);
  const Compiled block = verified(sizes, "--compat 9.509");
  ASSERT_TRUE(block.result.is_object());
  // Mean, inverse deviation, normalising; gamma and beta are a copy of the row and an operation each.
  constexpr size_t normalisation = 3 + 2 + 2;
  EXPECT_EQ(block.tasks_of({"n1"}), normalisation);
  EXPECT_EQ(block.tasks_of({"n2"}), normalisation);
  // Products of one input share its transposed copy.
  EXPECT_EQ(block.tasks_of({"q", "k", "v"}), 1u + 3u);
  EXPECT_EQ(block.tasks_of({"out"}), 1u + 1u);
  EXPECT_EQ(block.tasks_of({"r1"}), 1u);
  EXPECT_EQ(block.tasks_of({"y"}), 1u);
  // The function is part of the first product, and between the two nothing is copied.
  EXPECT_EQ(block.tasks_of({"up", "bent", "down"}), 1u + 1u + 1u);
  // A head of the captured programs is a run-time kernel, a transposed copy and a product; the factor is part
  // of the product. Ours makes the copy for all heads at once.
  EXPECT_EQ(block.tasks_of({"products", "scaled"}), 1u + 2u * heads);
  // Captured: maximum, difference, powers, sum, quotient, the last being the kernel of the product behind,
  // for each head. Ours does all heads at once, behind a copy, and writes the kernels apart.
  EXPECT_EQ(block.tasks_of({"attention"}), 1u + 5u);
  EXPECT_EQ(block.tasks_of({"context"}), 2u * heads);
  const size_t captured = heads * 3 + heads * (5 + 1);
  EXPECT_LE(block.tasks_of({"products", "scaled", "attention", "context"}), captured);
  // No captured program parts heads, or joins them: two transpositions each time, and a copy.
  EXPECT_LE(block.tasks_of({"q_split", "k_split", "v_split", "q_heads", "k_heads", "v_heads"}), 3u * 2u);
  EXPECT_LE(block.tasks_of({"context_split", "context_flat"}), 3u);
  // 25 where heads play no part and 9 for each head, against 25, 23 for all heads, and 9 that part and join.
  EXPECT_EQ(2 * normalisation + 4 + 2 + 2 + 3 + captured, 61u);
  EXPECT_LE(block.result.at("tasks").get<size_t>(), 57u);
}

// GELU by the finer table is three tasks, and the second product needs its own copy.
TEST(TransformerEncoder, PrecisionCostsFourTasks) {
  const Sizes sizes = {64, 256, 4, 1024};
  const Compiled precise = verified(sizes), coarse = verified(sizes, "--compat 9.509");
  ASSERT_TRUE(precise.result.is_object() && coarse.result.is_object());
  EXPECT_EQ(precise.tasks_of({"up", "bent", "down"}), coarse.tasks_of({"up", "bent", "down"}) + 4);
  const auto ratio = [](const Compiled& block) {
    return block.result.at("verify").at("outputs").at(0).at("snr_db").get<double>();
  };
  EXPECT_GT(ratio(precise), ratio(coarse) + 3);
  RecordProperty("precise_db", std::to_string(ratio(precise)));
  RecordProperty("coarse_db", std::to_string(ratio(coarse)));
}

// Nothing is a multiple of what the engines like.
TEST(TransformerEncoder, OddSizes) {
  verified({37, 60, 3, 100});
  verified({197, 192, 3, 384});
}

}  // namespace
}  // namespace ane::test
