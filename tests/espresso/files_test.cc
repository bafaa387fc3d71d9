#include "espresso/files.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "espresso/lzfse.h"
#include "net_equality.h"
#include "support/evidence.h"
#include "temporary_folder.h"

namespace ane::espresso {
namespace {

using test::TemporaryFolder;

std::string words(std::initializer_list<uint64_t> values) {
  std::string bytes;
  for (const uint64_t value : values) bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  return bytes;
}

ByteSpan span_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::map<int64_t, Blob> read_table(const std::string& bytes) {
  return read_weights(span_of(bytes), nullptr, "w");
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// One convolution with bias 1 and weights 3.
const char* const kNet =
    R"({"format_version": 200, "storage": "model.espresso.weights", "new_key": {"a": [1, 2.5]},
  "layers": [{"name": "c", "type": "convolution", "bottom": "x", "top": "y", "C": 1, "K": 1, "Nx": 1, "Ny": 1,
              "has_biases": 1, "blob_biases": 1, "blob_weights": 3, "weights": {}, "some_new_flag": true}]})";
const char* const kShapes = R"({"layer_shapes": {"x": {"k": 1, "w": 4, "n": 1, "h": 2},
                                                 "y": {"k": 1, "w": 4, "n": 1, "h": 2, "seq": 3, "_rank": 5}}})";

Bytes two_floats() {
  return write_weights({{1, Blob::of_floats({0.5f})}, {3, Blob::of_floats({2.0f})}});
}

void put_model(const TemporaryFolder& folder) {
  folder.put("model.espresso.net", kNet);
  folder.put("model.espresso.shape", kShapes);
  const Bytes weights = two_floats();
  folder.put("model.espresso.weights", {reinterpret_cast<const char*>(weights.data()), weights.size()});
}

// ---- Weights
// ---------------------------------------------------------------------------------------------------------

// The 196 bytes of a public one-weight model: ids 0..3 of 56, 4, 60, 4 bytes, so data at 128 and 192.
TEST(Weights, AreLaidOutAsAppleDoes) {
  const Bytes bytes = two_floats();
  ASSERT_EQ(bytes.size(), 196u);
  const ByteReader in(bytes, "w");
  EXPECT_EQ(in.u64(0, ""), 4u);
  const uint64_t sizes[] = {56, 4, 60, 4};
  for (uint64_t id = 0; id < 4; ++id) {
    EXPECT_EQ(in.u64(8 + 16 * id, ""), id);
    EXPECT_EQ(in.u64(16 + 16 * id, ""), sizes[id]);
  }
  EXPECT_EQ(in.read<float>(128, ""), 0.5f);
  EXPECT_EQ(in.read<float>(192, ""), 2.0f);
}

TEST(Weights, SurviveTheRoundTripWhateverTheirIds) {
  const std::map<int64_t, Blob> blobs = {{1, Blob::copy_of(Bytes(100, 7))},
                                         {4, Blob::copy_of(Bytes(3, 9))},
                                         {5, Blob::copy_of(Bytes(64, 1))},
                                         {11, Blob::copy_of(Bytes(1, 2))}};
  const Bytes bytes = write_weights(blobs);
  auto read = read_weights(bytes, nullptr, "w");
  for (const int64_t spacer : {0, 2, 6, 8, 10}) read.erase(spacer);
  test::expect_equal_blobs(blobs, read);
  for (const auto& [id, blob] : read) {
    // Blob 5 follows data instead of a spacer: nothing can align it.
    if (id % 2 == 1 && id != 5) {
      EXPECT_EQ((blob.bytes.data() - bytes.data()) % 64, 0) << id;
    }
  }
}

TEST(Weights, AreViewsThatKeepTheirOwner) {
  auto owner = std::make_shared<Bytes>(two_floats());
  const auto blobs = read_weights(*owner, owner, "w");
  EXPECT_EQ(blobs.at(1).bytes.data(), owner->data() + 128);
  EXPECT_EQ(owner.use_count(), 5);  // four blobs with bytes: two spacers, two arrays
}

TEST(Weights, MayBeNone) {
  EXPECT_TRUE(read_table(words({0})).empty());
  EXPECT_EQ(write_weights({}).size(), 8u);
}

TEST(BadWeights, EmptyOrTruncated) {
  EXPECT_THROW(read_table(""), Error);
  const Bytes whole = two_floats();
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_THROW(read_weights(ByteSpan(whole).first(size), nullptr, "w"), Error) << size;
}

TEST(BadWeights, HugeCount) {
  EXPECT_THROW(read_table(words({~uint64_t{0}})), Error);
  EXPECT_THROW(read_table(words({uint64_t{1} << 60, 0, 8})), Error);
}

TEST(BadWeights, BlobOutsideTheFile) {
  EXPECT_THROW(read_table(words({1, 0, 1000})), Error);
  EXPECT_THROW(read_table(words({2, 0, 8, 1, ~uint64_t{0} - 4, 0})), Error);
}

TEST(BadWeights, IdsOutOfRangeOrTwice) {
  EXPECT_THROW(read_table(words({1, uint64_t{1} << 40, 8, 0})), Error);
  EXPECT_THROW(read_table(words({2, 1, 8, 1, 8, 0, 0})), Error);
}

TEST(BadWeights, BytesBehindTheLastBlob) {
  EXPECT_THROW(read_table(words({1, 0, 8, 0, 0})), Error);
}

TEST(BadWeights, RandomBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = words({random() % 4, random() % 4, random() % 40, random() % 4, random() % 40});
    for (size_t i = random() % 64; i > 0; --i) bytes.push_back(static_cast<char>(random()));
    try {
      for (const auto& [id, blob] : read_table(bytes))
        EXPECT_LE(blob.bytes.data() + blob.bytes.size(), span_of(bytes).data() + bytes.size());
    } catch (const Error&) {
    }
  }
}

// ---- Folders
// ---------------------------------------------------------------------------------------------------------

TEST(Folder, IsReadAndWrittenWithoutLoss) {
  const TemporaryFolder from, to;
  put_model(from);
  const Net net = read_folder(from.path());
  ASSERT_EQ(net.layers.size(), 1u);
  EXPECT_EQ(net.layers[0].integer("some_new_flag", ""), 1);
  EXPECT_EQ(net.extra["new_key"]["a"][1], 2.5);
  EXPECT_EQ(net.shape("y").seq, 3);
  EXPECT_EQ(net.shape("y").rank, 5);
  EXPECT_EQ(net.inputs(), std::vector<std::string>{"x"});
  EXPECT_EQ(net.outputs(), std::vector<std::string>{"y"});
  EXPECT_EQ(net.blobs.size(), 2u);  // without the spacers
  write_folder(net, to.path());
  test::expect_equal_nets(net, read_folder(to.path()));
}

TEST(Folder, MayHaveAnotherNameInsideAndOut) {
  const TemporaryFolder folder;
  put_model(folder);
  for (const char* extension : {"net", "shape", "weights"})
    std::filesystem::rename(folder.path() / (std::string("model.espresso.") + extension),
                            folder.path() / (std::string("Foo.H13.espresso.") + extension));
  EXPECT_EQ(read_folder(folder.path()).blobs.size(), 2u);
  EXPECT_EQ(read_folder(folder.path() / "Foo.H13.espresso.net").blobs.size(), 2u);
}

TEST(Folder, TransformsSurviveTheRoundTrip) {
  Net net;
  net.layers.push_back({"r", "activation", {"x"}, {"y"}, {{"mode", 0}}});
  net.transforms["x"] = {.scale = 0.1f, .bias_r = -1, .bias_g = 0.25, .bias_b = 3, .network_is_bgr = true};
  const TemporaryFolder folder;
  write_folder(net, folder.path());
  test::expect_equal_nets(net, read_folder(folder.path()));
}

TEST(Folder, OutputsAreTheMarkedOnes) {
  Net net;
  net.layers.push_back({"a", "activation", {"x"}, {"y"}, {{"mode", 0}, {"attributes", {{"is_output", 1}}}}});
  net.layers.push_back({"b", "activation", {"y"}, {"z"}, {{"mode", 0}}});
  EXPECT_EQ(net.outputs(), std::vector<std::string>{"y"});
}

TEST(Attributes, AreReadByValue) {
  const Layer layer{"l", "t", {}, {}, {{"i", 3}, {"f", 4.0}, {"b", true}, {"half", 0.5}, {"s", "x"}}};
  EXPECT_EQ(layer.integer("i", ""), 3);
  EXPECT_EQ(layer.integer("f", ""), 4);
  EXPECT_EQ(layer.integer("b", ""), 1);
  EXPECT_EQ(layer.number_or("half", 0, ""), 0.5);
  EXPECT_EQ(layer.integer_or("none", 7, ""), 7);
  EXPECT_THROW(layer.integer("half", ""), Error);
  EXPECT_THROW(layer.integer("s", ""), Error);
  EXPECT_THROW(layer.number_or("s", 0, ""), Error);
  EXPECT_THROW(layer.integer("none", ""), Error);
}

TEST(BadFolder, Missing) {
  const TemporaryFolder folder;
  EXPECT_THROW(read_folder(folder.path() / "none"), Error);
  EXPECT_THROW(read_folder(folder.path()), Error);
}

TEST(BadFolder, MissingWeightsAreNamed) {
  const TemporaryFolder folder;
  put_model(folder);
  std::filesystem::remove(folder.path() / "model.espresso.weights");
  const std::string message = message_of([&] { read_folder(folder.path()); });
  EXPECT_NE(message.find((folder.path() / "model.espresso.weights").string()), std::string::npos) << message;
  EXPECT_EQ(read_structure(folder.path()).layers.size(), 1u);
}

TEST(BadFolder, StorageOutsideTheFolder) {
  const TemporaryFolder folder;
  folder.put("model.espresso.net", R"({"layers": [], "storage": "../../secret"})");
  EXPECT_THROW(read_folder(folder.path()), Error);
}

TEST(BadFolder, LayerRefersToABlobThatIsNotThere) {
  const TemporaryFolder folder;
  put_model(folder);
  const Bytes one = write_weights({{1, Blob::of_floats({0.5f})}});
  folder.put("model.espresso.weights", {reinterpret_cast<const char*>(one.data()), one.size()});
  const std::string message = message_of([&] { read_folder(folder.path()); });
  EXPECT_NE(message.find("layer c"), std::string::npos) << message;
  EXPECT_NE(message.find("blob 3"), std::string::npos) << message;
}

TEST(BadFolder, EveryTruncationOfTheNetOrTheShapes) {
  for (const auto& [name, text] :
       {std::pair<std::string, std::string>{"model.espresso.net", kNet}, {"model.espresso.shape", kShapes}}) {
    const TemporaryFolder folder;
    put_model(folder);
    for (size_t size = 0; size < text.size(); size += 7) {
      folder.put(name, text.substr(0, size));
      EXPECT_THROW(read_folder(folder.path()), Error) << name << " " << size;
    }
  }
}

void expect_bad_net(const std::string& text) {
  const TemporaryFolder folder;
  folder.put("model.espresso.net", text);
  EXPECT_THROW(read_folder(folder.path()), Error) << text.substr(0, 100);
}

TEST(BadNet, NotAnObject) {
  for (const char* text : {"", "  \n", "[]", "null", "1", "\"x\"", "{", "bplist00", "\xff\xfe\x00{"})
    expect_bad_net(text);
}

TEST(BadNet, NestedTooDeep) {
  std::string nested(200000, '[');
  expect_bad_net("{\"layers\": " + nested);
  expect_bad_net("{\"layers\": " + nested + std::string(200000, ']') + "}");
}

TEST(BadNet, WrongTypes) {
  for (const char* layers :
       {"{}", "1", "[1]", "[[]]", R"([{}])", R"([{"type": 1}])", R"([{"type": "t", "bottom": []}])",
        R"([{"type": "t", "bottom": "a,,b"}])", R"([{"type": "t", "top": ",a"}])",
        R"([{"type": "t", "weights": 1}])", R"([{"type": "t", "weights": {"W": "x"}}])",
        R"([{"type": "t", "blob_weights": "x"}])", R"([{"type": "t", "blob_weights": 1e300}])",
        R"([{"type": "t", "blob_weights": 18446744073709551615}])"})
    expect_bad_net(std::string("{\"layers\": ") + layers + "}");
  for (const char* transforms : {"[]", "1", R"({"x": 1})", R"({"x": {"scale": "1"}})"})
    expect_bad_net(std::string(R"({"layers": [], "transform_params": )") + transforms + "}");
}

TEST(BadNet, OutOfOrder) {
  expect_bad_net(
      R"({"layers": [{"type": "t", "bottom": "b", "top": "a"}, {"type": "t", "bottom": "x", "top": "b"}]})");
  expect_bad_net(R"({"layers": [{"type": "t", "bottom": "a", "top": "a"}]})");
  expect_bad_net(
      R"({"layers": [{"type": "t", "bottom": "x", "top": "a"}, {"type": "t", "bottom": "x", "top": "a"}]})");
}

TEST(BadNet, SizesThatAreNoSizes) {
  const TemporaryFolder folder;
  put_model(folder);
  for (const char* shape :
       {R"({"k": 0})", R"({"k": -1})", R"({"k": 1.5})", R"({"k": "1"})", R"({"k": 99999999999999999999})",
        R"({"k": 4294967296, "w": 4294967296})", R"({"_rank": 6})", R"({"_rank": -1})", "[]"}) {
    folder.put("model.espresso.shape", std::string(R"({"layer_shapes": {"x": )") + shape + "}}");
    EXPECT_THROW(read_folder(folder.path()), Error) << shape;
  }
}

// ---- Compressed nets
// -------------------------------------------------------------------------------------------------

std::string big_endian(uint64_t value) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

std::string pbze(const std::string& stream, uint64_t raw_size) {
  return "pbze" + big_endian(0x40000000) + big_endian(raw_size) + big_endian(stream.size()) + stream;
}

std::string raw_block(const std::string& text) {
  std::string size(4, '\0');
  const auto count = static_cast<uint32_t>(text.size());
  std::memcpy(size.data(), &count, 4);
  return "bvx-" + size + text;
}

std::string expand(const std::string& file) {
  const Bytes bytes = expand_pbze(span_of(file), "n");
  return {bytes.begin(), bytes.end()};
}

TEST(Compressed, RawBlocks) {
  EXPECT_EQ(expand(pbze(raw_block("hello ") + raw_block("world") + "bvx$", 11)), "hello world");
  EXPECT_EQ(
      expand(pbze(raw_block("a") + "bvx$", 1) + big_endian(1) + big_endian(13) + raw_block("b") + "bvx$"),
      "ab");
}

TEST(BadCompressed, Damage) {
  const std::string good = raw_block("hello") + "bvx$";
  EXPECT_THROW(expand("pbze"), Error);
  EXPECT_THROW(expand(pbze(good, 4)), Error);
  EXPECT_THROW(expand(pbze(good, 6)), Error);
  EXPECT_THROW(expand(pbze(good, ~uint64_t{0})), Error);
  EXPECT_THROW(expand(pbze(good + "x", 5)), Error);
  EXPECT_THROW(expand(pbze("bvxn" + good, 5)), Error);
  EXPECT_THROW(expand(pbze("????", 5)), Error);
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_THROW(expand(pbze(good.substr(0, size), 5)), Error) << size;
}

TEST(Compressed, RealNetEqualsItsPlainForm) {
  ANE_NEED_EVIDENCE("models/espresso/no-weights-neuralhash-pbze");
  const Net plain = read_structure(evidence_folder / "model.mlmodelc");
  const Net packed = read_structure(evidence_folder / "NeuralHashv3b-current-pbze");
  EXPECT_EQ(plain.layers.size(), 225u);
  test::expect_equal_nets(plain, packed);
}

TEST(BadCompressed, DamagedRealStream) {
  ANE_NEED_EVIDENCE("models/espresso/no-weights-neuralhash-pbze");
  const MappedFile file(evidence_folder / "NeuralHashv3b-current-pbze" /
                        "NeuralHashv3b-current.espresso.shape");
  const std::string whole(file.text());
  std::mt19937 random(2);
  for (int round = 0; round < 400; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 1 + round % 4; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    if (round % 5 == 0) damaged.resize(random() % damaged.size());
    try {
      EXPECT_LE(expand(damaged).size(), size_t{256} << 20);
    } catch (const Error&) {
    }
  }
}

// ---- Real folders
// ----------------------------------------------------------------------------------------------------

std::vector<std::filesystem::path> real_folders(const std::filesystem::path& under) {
  std::set<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(under))
    if (entry.path().extension() == ".net") folders.insert(entry.path().parent_path());
  return {folders.begin(), folders.end()};
}

TEST(RealFolders, SurviveTheRoundTrip) {
  ANE_NEED_EVIDENCE("models/espresso");
  size_t with_weights = 0;
  for (const auto& folder : real_folders(evidence_folder)) {
    if (folder.string().find("no-weights") != std::string::npos) {
      const std::string message = message_of([&] { read_folder(folder); });
      EXPECT_NE(message.find(".espresso.weights does not exist"), std::string::npos) << message;
      EXPECT_FALSE(read_structure(folder).layers.empty());
      continue;
    }
    const Net net = read_folder(folder);
    for (const Layer& layer : net.layers)
      for (const std::string& blob : layer.tops) EXPECT_GT(net.shape(blob).count(), 0);
    const TemporaryFolder copy;
    write_folder(net, copy.path());
    test::expect_equal_nets(net, read_folder(copy.path()));
    // The layout is Apple's to the byte, so the same blobs make the same file.
    const MappedFile original(folder / "model.espresso.weights"),
        written(copy.path() / "model.espresso.weights");
    EXPECT_TRUE(std::ranges::equal(original.bytes(), written.bytes())) << folder;
    ++with_weights;
  }
  EXPECT_EQ(with_weights, 7u);
}

}  // namespace
}  // namespace ane::espresso
