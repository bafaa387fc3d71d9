// net.plist: published files, round trips by value and by byte, and damage.
#include "aneir/plist.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <plist/plist.h>

#include <fstream>
#include <limits>
#include <random>

#include "aneir/property_list.h"
#include "base/error.h"
#include "base/file.h"
#include "base/half.h"
#include "support/evidence.h"
#include "support/network_evaluator.h"

namespace ane::aneir {
namespace {

namespace fs = std::filesystem;
using test::Values;

// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "ane-plist-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const fs::path& path() const { return path_; }
  fs::path put(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }
  std::string get(const std::string& name) const {
    const MappedFile file(path_ / name);
    return std::string(file.text());
  }

 private:
  fs::path path_;
};

std::string refusal_of(const fs::path& path) {
  try {
    read_plist(path);
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    return text;
  }
  return "";
}

#define EXPECT_HAS(text, words) EXPECT_NE((text).find(words), std::string::npos) << (text)

// ---- Published files ----

struct Published {
  const char* folder;
  std::vector<const char*> types;
  std::vector<Shape> inputs;
  Shape output;
};

TEST(Published, EveryPlistReads) {
  ANE_NEED_EVIDENCE("golden");
  const Shape c3{1, 1, 3, 1, 1}, c64{1, 1, 64, 1, 1};
  const Published files[] = {
      {"conv-3x3-twos", {"Conv"}, {c3}, c3},
      {"conv-3x3-seq", {"Conv"}, {c3}, c3},
      {"conv-3x3-threes", {"Conv"}, {c3}, c3},
      {"conv-3x3-threes-min", {"Conv"}, {c3}, c3},
      {"conv-3x2-threes", {"Conv"}, {c3}, {1, 1, 2, 1, 1}},
      {"conv-goc-3x2", {"Conv", "GOC"}, {c3}, {1, 1, 2, 1, 1}},
      {"gemm-512", {"Conv"}, {{1, 1, 512, 1, 1}}, {1, 1, 512, 1, 1}},
      {"gemm-64", {"Conv"}, {c64}, c64},
      {"concat-16384-16", {"Concat"}, {{1, 1, 16, 1, 1}, {1, 1, 16384, 1, 1}}, {1, 1, 16400, 1, 1}},
      {"concat-16-16", {"Concat"}, {{1, 1, 16, 1, 1}, {1, 1, 16, 1, 1}}, {1, 1, 32, 1, 1}},
      {"relu-w77", {"Neuron"}, {{1, 1, 1, 1, 77}}, {1, 1, 1, 1, 77}},
      {"relu-w16", {"Neuron"}, {{1, 1, 1, 1, 16}}, {1, 1, 1, 1, 16}},
      {"sigmoid-w77", {"Neuron"}, {{1, 1, 1, 1, 77}}, {1, 1, 1, 1, 77}},
      {"reshape-noop-3", {"Reshape"}, {c3}, c3},
      {"sum-64", {"ElementWise"}, {c64, c64}, c64},
  };
  for (const Published& file : files) {
    const Network network = read_plist(evidence_folder / file.folder);
    ASSERT_EQ(network.units.size(), file.types.size()) << file.folder;
    for (size_t i = 0; i < file.types.size(); ++i) EXPECT_STREQ(type_name(network.units[i]), file.types[i]);
    ASSERT_EQ(network.inputs.size(), file.inputs.size()) << file.folder;
    for (size_t i = 0; i < file.inputs.size(); ++i) {
      EXPECT_EQ(network.tensor(network.inputs[i]).shape, file.inputs[i]) << file.folder;
    }
    ASSERT_EQ(network.outputs.size(), 1u);
    EXPECT_EQ(network.tensor(network.outputs[0].tensor).shape, file.output) << file.folder;
  }
}

TEST(Published, ConstantsAreThoseOfTheCompiledPrograms) {
  ANE_NEED_EVIDENCE("golden");
  // The compiled program of conv-3x3-seq holds the halfwords 0..8 in this order.
  const Network sequence = read_plist(evidence_folder / "conv-3x3-seq" / "net.plist");
  const Constant& weights = sequence.units[0].as<Conv>()->weights;
  ASSERT_EQ(weights.type, ElementType::Float16);
  for (uint16_t i = 0; i < 9; ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, weights.bytes.data() + 2 * i, 2);
    EXPECT_EQ(bits, i);
  }
  // conv-goc-3x2 is 3 (x0 + x1 + x2) + 1 on two channels, its weights in float32 behind the table of the
  // file.
  const Network biased = read_plist(evidence_folder / "conv-goc-3x2");
  const Values y = test::evaluate(biased, {Values({1, 1, 3, 1, 1}, {1, 2, 4})})[0];
  EXPECT_EQ(y.data, (std::vector<double>{22, 22}));
  EXPECT_EQ(biased.outputs[0].name, "probs");
  EXPECT_EQ(biased.units[0].name, "probs_tmp_0");
}

TEST(Published, OrderOfInputsIsThatOfTheSurfaces) {
  ANE_NEED_EVIDENCE("golden");
  const Network sum = read_plist(evidence_folder / "sum-64");
  EXPECT_EQ(sum.tensor(sum.inputs[0]).name, "image2");
  EXPECT_EQ(sum.tensor(sum.units[0].bottoms[0]).name, "image");
}

TEST(Published, FilesSurviveReadingAndWriting) {
  ANE_NEED_EVIDENCE("golden");
  for (const char* name : {"conv-goc-3x2", "conv-3x3-seq", "sum-64", "concat-16-16", "sigmoid-w77"}) {
    const Network network = read_plist(evidence_folder / name);
    const Folder first, second;
    write_plist(network, first.path());
    write_plist(read_plist(first.path()), second.path());
    EXPECT_EQ(first.get("net.plist"), second.get("net.plist")) << name;
  }
}

// ---- Round trips ----

Constant halves(std::vector<float> values) {
  for (float& value : values) value = round_to_half(value);
  return Constant::of_floats(std::move(values));
}

Constant some(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>((i * 37) % 23) / 8 - 1.25f;
  return halves(std::move(values));
}

// Writes and reads `params` applied to inputs of these shapes; expects the same values, and the same file
// when written again. Returns the network that was read.
Network expect_survives(const Params& params, const std::vector<Shape>& shapes, double tolerance = 1e-6) {
  Network network;
  std::vector<Values> inputs;
  for (size_t i = 0; i < shapes.size(); ++i) {
    network.inputs.push_back(network.add_tensor(fmt::format("x{}", i), shapes[i]));
    inputs.push_back(test::spread(shapes[i], 0.25, 2));
    for (double& value : inputs.back().data) value *= (i % 2 == 0 ? 1 : -1.5);
  }
  const std::vector<TensorId> bottoms = network.inputs;
  network.outputs = {{"y", network.add_unit("unit", params, bottoms, "layer")}};
  const Folder first, second;
  write_plist(network, first.path());
  const Network read = read_plist(first.path());
  write_plist(read, second.path());
  EXPECT_EQ(first.get("net.plist"), second.get("net.plist"));
  EXPECT_EQ(read.outputs[0].name, "y");
  EXPECT_EQ(read.units.back().name, "unit");
  const Values expected = test::evaluate(network, inputs)[0], got = test::evaluate(read, inputs)[0];
  EXPECT_EQ(expected.shape, got.shape);
  for (size_t i = 0; i < expected.data.size(); ++i) {
    EXPECT_NEAR(expected.data[i], got.data[i], tolerance * std::max(1.0, std::abs(expected.data[i])));
  }
  return read;
}

const Shape image{1, 1, 4, 5, 6};

std::vector<std::string> types_of(const Network& network) {
  std::vector<std::string> types;
  for (const Unit& unit : network.units) types.emplace_back(type_name(unit));
  return types;
}

Conv some_conv() {
  Conv conv;
  conv.output_channels = 6;
  conv.kernel_width = 3;
  conv.kernel_height = 2;
  conv.stride_x = 2;
  conv.groups = 2;
  conv.pad_left = 1;
  conv.pad_bottom = 1;
  conv.weights = some(6 * 2 * 3 * 2);
  return conv;
}

TEST(RoundTrip, ConvolutionBecomesConvGocNeuron) {
  Conv conv = some_conv();
  EXPECT_EQ(types_of(expect_survives(conv, {image})), std::vector<std::string>{"Conv"});
  conv.bias = some(6);
  conv.activation = Neuron{NeuronType::ReLU};
  const Network read = expect_survives(conv, {image});
  EXPECT_EQ(types_of(read), (std::vector<std::string>{"Conv", "GOC", "Neuron"}));
  EXPECT_EQ(read.units[0].name, "unit_tmp_0");
  EXPECT_EQ(read.units[1].name, "unit_tmp_1");
}

TEST(RoundTrip, KernelTypesKeepTheirBytes) {
  for (const ElementType type : {ElementType::Float16, ElementType::Float32, ElementType::UInt8}) {
    auto bytes = std::make_shared<Bytes>(static_cast<size_t>(4 * size_of(type)));
    for (size_t i = 0; i < bytes->size(); ++i) (*bytes)[i] = static_cast<uint8_t>(i + 1);
    Conv conv;
    conv.output_channels = 1;
    conv.weights = {type, bytes, *bytes};
    const Network read = expect_survives(conv, {image});
    const Constant& weights = read.units[0].as<Conv>()->weights;
    EXPECT_EQ(weights.type, type);
    EXPECT_TRUE(std::equal(bytes->begin(), bytes->end(), weights.bytes.begin(), weights.bytes.end()));
  }
}

TEST(RoundTrip, DilatedKernelIsWrittenWithItsZeros) {
  Conv conv = some_conv();
  conv.dilation_x = 2;
  conv.dilation_y = 3;
  const Network read = expect_survives(conv, {image});
  EXPECT_EQ(read.units[0].as<Conv>()->kernel_width, 5);
  EXPECT_EQ(read.units[0].as<Conv>()->kernel_height, 4);
}

TEST(RoundTrip, NearestUpsampling) {
  Conv conv;
  conv.transposed = true;
  conv.output_channels = conv.groups = 4;
  conv.kernel_width = conv.kernel_height = conv.stride_x = conv.stride_y = 2;
  conv.weights = halves(std::vector<float>(16, 1));
  const Network read = expect_survives(conv, {image});
  EXPECT_TRUE(read.units[0].as<Conv>()->transposed);
}

TEST(RoundTrip, GocDividesItsOffsetByItsScale) {
  // Espresso wrote 34 x + 67 as ScaleScalar 20544 and BiasScalar 16354.
  const Folder folder;
  Network network;
  network.inputs = {network.add_tensor("x", image)};
  network.outputs = {{"y", network.add_unit("goc", Goc{34, 67, {}, {}}, {network.inputs[0]}, "")}};
  write_plist(network, folder.path());
  EXPECT_HAS(folder.get("net.plist"), "<integer>20544</integer>");
  EXPECT_HAS(folder.get("net.plist"), "<integer>16354</integer>");
  EXPECT_FALSE(fs::exists(folder.path() / "net.weights"));
  expect_survives(Goc{34, 67, {}, {}}, {image}, 1e-3);
  expect_survives(Goc{0.5f, 3, {}, {}}, {image});
  EXPECT_EQ(expect_survives(Goc{0, 3, {}, {}}, {image}).units.size(), 2u);
}

TEST(RoundTrip, GocPerChannel) {
  expect_survives(Goc{1, 0, {}, some(4)}, {image});
  expect_survives(Goc{2, 0, {}, some(4)}, {image});
  EXPECT_EQ(types_of(expect_survives(Goc{1, 0, some(4), some(4)}, {image})),
            (std::vector<std::string>{"Conv", "GOC"}));
  expect_survives(Goc{1, -0.5f, some(4), {}}, {image});
}

TEST(RoundTrip, EveryFunction) {
  for (int type = 0; type < static_cast<int>(NeuronType::Erf); ++type) {
    Neuron neuron{static_cast<NeuronType>(type), 0.5f, 1.5f};
    SCOPED_TRACE(name_of(neuron.type));
    // log2 e and ln 2 are rounded to fp16 where they are scales.
    expect_survives(neuron, {image}, 2e-3);
    neuron.input_scale = 0.75f;
    expect_survives(neuron, {image}, 2e-3);
  }
  const float infinity = std::numeric_limits<float>::infinity();
  expect_survives(Neuron{NeuronType::ClampedReLU, 0.5f, infinity}, {image});
}

TEST(RoundTrip, ElementWise) {
  for (int op = 0; op <= static_cast<int>(ElementWiseOp::GreaterEqual); ++op) {
    if (static_cast<ElementWiseOp>(op) == ElementWiseOp::Power) continue;
    SCOPED_TRACE(name_of(static_cast<ElementWiseOp>(op)));
    expect_survives(ElementWise{static_cast<ElementWiseOp>(op), 1, false}, {image, image});
    expect_survives(ElementWise{static_cast<ElementWiseOp>(op), -1.5f, true}, {image, image});
  }
}

TEST(RoundTrip, ImplicitBroadcastBecomesABroadcast) {
  const Network read = expect_survives(ElementWise{}, {{1, 1, 4, 1, 6}, {1, 1, 1, 5, 1}});
  EXPECT_EQ(types_of(read), (std::vector<std::string>{"Broadcast", "Broadcast", "ElementWise"}));
  EXPECT_EQ(read.units[0].name, "x0_broadcasted_output");
}

TEST(RoundTrip, Rearrangement) {
  expect_survives(Broadcast{{1, 1, 4, 5, 6}}, {{1, 1, 4, 1, 1}});
  expect_survives(Concat{Axis::Height}, {image, {1, 1, 4, 2, 6}, image});
  expect_survives(Reshape{{2, 1, 3, 4, 5}}, {image});
  expect_survives(Transpose{{Axis::Batch, Axis::Depth, Axis::Width, Axis::Channel, Axis::Height}}, {image});
  expect_survives(Transpose{}, {image});
  expect_survives(InputView{Axis::Width, 1, 3, 2}, {image});
  expect_survives(InputView{Axis::Channel, 2, 2, 1}, {image});
  expect_survives(Softmax{Axis::Channel}, {image});
}

TEST(RoundTrip, PoolingAndReduction) {
  Pooling pooling{PoolingType::Average, 3, 2, 2, 1, 1, 0, 0, 1, true};
  for (const PoolingType type : {PoolingType::Max, PoolingType::Average, PoolingType::L2}) {
    pooling.type = type;
    pooling.exclude_padding = type == PoolingType::Average;
    expect_survives(pooling, {image});
  }
  for (const ReductionType type :
       {ReductionType::Sum, ReductionType::Mean, ReductionType::Max, ReductionType::Min}) {
    expect_survives(Reduction{type, {Axis::Height, Axis::Width}, {}}, {image});
    expect_survives(Reduction{type, {Axis::Channel}, Neuron{NeuronType::Tanh}}, {image});
  }
}

TEST(RoundTrip, BatchAndDepth) {
  const Network read = expect_survives(Neuron{}, {{2, 3, 4, 5, 6}});
  EXPECT_EQ(read.tensor(read.inputs[0]).shape, (Shape{2, 3, 4, 5, 6}));
}

TEST(RoundTrip, ConstantsAreStoredOnceAndAligned) {
  Network network;
  network.inputs = {network.add_tensor("x", image)};
  const Constant shared = some(4);
  Conv conv;
  conv.output_channels = 1;
  conv.weights = shared;
  const TensorId a = network.add_unit("a", conv, {network.inputs[0]}, "");
  const TensorId b = network.add_unit("b", conv, {network.inputs[0]}, "");
  const TensorId k = network.add_unit("k", ConstantTensor{{1, 1, 1, 1, 6}, some(6)}, {}, "");
  const TensorId sum = network.add_unit("sum", ElementWise{}, {a, b}, "");
  network.outputs = {{"y", network.add_unit("all", ElementWise{}, {sum, k}, "")}, {"x", network.inputs[0]}};
  const Folder folder;
  write_plist(network, folder.path());
  // Four float32 weights once, six halves of the constant at the next multiple of 64.
  EXPECT_EQ(fs::file_size(folder.path() / "net.weights"), 64u + 12u);
  const Network read = read_plist(folder.path());
  const Values x = test::spread(image);
  EXPECT_EQ(test::evaluate(read, {x})[0].data, test::evaluate(network, {x})[0].data);
  EXPECT_EQ(test::evaluate(read, {x})[1].data, x.data);
  EXPECT_EQ(read.outputs[1].name, "x");
}

TEST(RoundTrip, NamesThatCollideAreKeptApart) {
  Network network;
  network.inputs = {network.add_tensor("Units", image)};
  const TensorId a = network.add_unit("Units", Neuron{}, {network.inputs[0]}, "");
  network.outputs = {{"a<&>\"\xc3\xa4", network.add_unit("Units", Neuron{NeuronType::Tanh}, {a}, "")}};
  const Folder folder;
  write_plist(network, folder.path());
  const Network read = read_plist(folder.path());
  EXPECT_EQ(types_of(read), (std::vector<std::string>{"Neuron", "Neuron"}));
  EXPECT_EQ(read.outputs[0].name, "a<&>\"\xc3\xa4");
}

TEST(BadNetwork, UnitsWithoutAFormAreListedAtOnce) {
  Network network;
  network.inputs = {network.add_tensor("x", image)};
  const TensorId erf = network.add_unit("first", Neuron{NeuronType::Erf}, {network.inputs[0]}, "");
  Conv conv = some_conv();
  conv.transposed = true;
  const TensorId up = network.add_unit("second", conv, {erf}, "");
  const TensorId woven = network.add_unit("third", Concat{Axis::Channel, true}, {up, up}, "");
  network.outputs = {{"y", woven}};
  const Folder folder;
  try {
    write_plist(network, folder.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_HAS(std::string(error.what()), "unit 'first' (Neuron): the format has no erf");
    EXPECT_HAS(std::string(error.what()),
               "unit 'second' (Conv): how the format writes a deconvolution is not known");
    EXPECT_HAS(std::string(error.what()), "unit 'third' (Concat): the format joins whole tensors only");
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

// ---- Reading by hand ----

std::string plist_text(const std::string& body) {
  return "<plist version=\"1.0\">" + body + "</plist>";
}

// Dialect A with one input x of four channels, the units given and the output of the last one, "u".
std::string flat(const std::string& units, const std::string& unit_list = "<string>u</string>",
                 const std::string& extra = "") {
  return plist_text(
      "<dict><key>Version</key><string>1.0.9</string><key>Networks</key><array><string>net</string></array>"
      "<key>net</key><dict><key>Inputs</key><array><string>x</string></array><key>Outputs</key><array>"
      "<string>y@output</string></array><key>Units</key><array>" +
      unit_list +
      "</array><key>x</key><dict><key>InputChannels</key><integer>4</integer><key>InputHeight</"
      "key><integer>1</integer>"
      "<key>InputWidth</key><integer>2</integer></dict><key>y@output</key><dict><key>Bottom</key><string>u</"
      "string>"
      "</dict>" +
      units + extra + "</dict></dict>");
}

std::string unit(const std::string& type, const std::string& params, const std::string& extra = "",
                 const std::string& bottom = "<string>x</string>") {
  return "<key>u</key><dict><key>Type</key><string>" + type + "</string><key>Bottom</key>" + bottom +
         "<key>Params</key><dict>" + params + "</dict>" + extra + "</dict>";
}

Network read_text(const std::string& text) {
  const Folder folder;
  folder.put("net.plist", text);
  return read_plist(folder.path());
}

std::string refusal_of_text(const std::string& text) {
  const Folder folder;
  return refusal_of(folder.put("net.plist", text));
}

TEST(Read, HardSigmoidChainOfDialectB) {
  // The published example: ScaleScalar 0x3266 (0.2), BiasScalar 0x4100 (2.5), then a clamp to 0..1.
  const Network network = read_text(plist_text(R"(<dict>
    <key>Version</key><string>1.0.10</string><key>Networks</key><array><string>n</string></array>
    <key>ProcedureList</key><array><dict><key>Name</key><string>p</string>
      <key>InputList</key><array>
        <dict><key>InputName</key><string>x</string><key>Name</key><string>a</string>
          <key>OperationName</key><string>op0</string><key>BatchSize</key><integer>1</integer>
          <key>InputChannels</key><integer>1</integer><key>InputDepth</key><integer>1</integer>
          <key>InputHeight</key><integer>1</integer><key>InputWidth</key><integer>4</integer>
          <key>InputInterleave</key><integer>1</integer><key>InputType</key><string>Float16</string></dict>
        <dict><key>InputName</key><string>x</string><key>Name</key><string>c</string>
          <key>OperationName</key><string>op0</string>
          <key>InputChannels</key><integer>1</integer>
          <key>InputHeight</key><integer>1</integer><key>InputWidth</key><integer>4</integer></dict></array>
      <key>OperationList</key><array><dict><key>NetworkName</key><string>n</string>
        <key>OperationName</key><string>op0</string></dict></array>
      <key>OutputList</key><array><dict><key>Name</key><string>c</string><key>OperationName</key><string>op0</string>
        <key>OutputName</key><string>y</string><key>OutputType</key><string>Float16</string>
        <key>OutputInterleave</key><integer>1</integer></dict></array></dict></array>
    <key>n</key><dict><key>Units</key><array><string>a</string><string>b</string><string>c</string></array>
      <key>a</key><dict><key>Type</key><string>GOC</string><key>Name</key><string>a</string>
        <key>Bottom</key><array><string>x</string></array><key>InputType</key><array><string>Float16</string></array>
        <key>OutputChannels</key><integer>1</integer><key>OutputType</key><string>Float16</string>
        <key>Params</key><dict><key>ScaleScalar</key><integer>12902</integer>
          <key>BiasScalar</key><integer>16640</integer></dict></dict>
      <key>b</key><dict><key>Type</key><string>Neuron</string><key>Bottom</key><array><string>a</string></array>
        <key>Params</key><dict><key>Type</key><string>ClampedReLU</string><key>ReluMin</key><integer>0</integer>
          <key>ReluMax</key><integer>15360</integer></dict></dict>
      <key>c</key><dict><key>Type</key><string>ElementWise</string>
        <key>Bottom</key><array><string>x</string><string>b</string></array>
        <key>Params</key><dict><key>Type</key><string>Mult</string></dict></dict></dict></dict>)"));
  const std::vector<double> x = {-5, -1, 1, 9};
  const Values y = test::evaluate(network, {Values({1, 1, 1, 1, 4}, x)})[0];
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(y.data[i], x[i] * std::min(std::max(0.2 * x[i] + 0.5, 0.0), 1.0), 1e-3);
  }
  EXPECT_EQ(network.inputs.size(), 1u);
  EXPECT_EQ(network.outputs[0].name, "y");
}

TEST(Read, UnaryElementWiseAndFlatten) {
  EXPECT_EQ(
      read_text(flat(unit("ElementWise", "<key>Type</key><string>Abs</string>"))).units[0].as<Neuron>()->type,
      NeuronType::Abs);
  const Network network = read_text(flat(unit("Flatten", "<key>FlattenType</key><string>NHWC</string>")));
  const Values y = test::evaluate(network, {Values({1, 1, 4, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8})})[0];
  EXPECT_EQ(y.data, (std::vector<double>{1, 3, 5, 7, 2, 4, 6, 8}));
}

TEST(Read, BinaryPropertyLists) {
  const std::string text = flat(unit("Neuron", "<key>Type</key><string>Tanh</string>"));
  plist_t node = nullptr;
  plist_from_xml(text.data(), static_cast<uint32_t>(text.size()), &node);
  char* bytes = nullptr;
  uint32_t length = 0;
  plist_to_bin(node, &bytes, &length);
  const std::string binary(bytes, length);
  std::free(bytes);
  plist_free(node);
  EXPECT_EQ(read_text(binary).units[0].as<Neuron>()->type, NeuronType::Tanh);
  // Any damage is refused, or changes nothing that matters; nothing crashes or hangs.
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = binary;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    const auto* begin = reinterpret_cast<const uint8_t*>(damaged.data());
    try {
      parse_property_list({begin, damaged.size()}, "damaged");
    } catch (const Error&) {
    }
  }
  for (size_t cut = 0; cut < binary.size(); cut += 3)
    EXPECT_NE(refusal_of_text(binary.substr(0, cut)), "") << cut;
}

// ---- Damage ----

const std::string relu = unit("Neuron", "<key>Type</key><string>ReLU</string>");

TEST(BadPlist, FilesThatAreNone) {
  const Folder folder;
  EXPECT_HAS(refusal_of(folder.path()), "net.plist");
  EXPECT_HAS(refusal_of_text(""), "is empty");
  EXPECT_HAS(refusal_of_text("garbage"), "is not a property list");
  EXPECT_HAS(refusal_of_text("{\"json\": 1}"), "is not a property list");
  EXPECT_HAS(refusal_of_text(plist_text("<array/>")), "is not a dictionary");
  std::string noise(4096, '\0');
  std::mt19937 random(7);
  for (char& byte : noise) byte = static_cast<char>(random());
  EXPECT_NE(refusal_of_text(noise), "");
  EXPECT_NE(refusal_of_text("bplist00" + noise), "");
}

TEST(BadPlist, Truncated) {
  const std::string text = flat(relu);
  ASSERT_EQ(refusal_of_text(text), "");
  for (size_t cut = 0; cut < text.size() - std::string("</dict></plist>").size(); cut += 5) {
    EXPECT_NE(refusal_of_text(text.substr(0, cut)), "") << cut;
  }
}

TEST(BadPlist, RandomBytesNeverCrash) {
  const std::string text = flat(relu);
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::string damaged = text;
    for (int i = 0; i < 2; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    refusal_of_text(damaged);
  }
}

TEST(BadPlist, NestingAndSelfReference) {
  std::string deep;
  for (int i = 0; i < 200000; ++i) deep += "<array>";
  EXPECT_HAS(refusal_of_text(plist_text(deep)), "nests deeper");
  EXPECT_HAS(refusal_of_text(plist_text("<!-- </array> -->" + deep)), "nests deeper");
  EXPECT_HAS(refusal_of_text("<!DOCTYPE p [ </array> ]>" + plist_text("")), "document type definition");
  EXPECT_HAS(refusal_of_text("</dict><plist/>"), "closes an element that is not open");
  // bplist00, 40 arrays of which each holds the next one twice, offsets, trailer: 2^40 objects if copied out.
  std::string doubling = "bplist00", offsets;
  for (int i = 0; i < 40; ++i) {
    offsets += static_cast<char>(doubling.size());
    doubling += std::string("\xa2") + static_cast<char>(i + 1) + static_cast<char>(i + 1);
  }
  offsets += static_cast<char>(doubling.size());
  doubling += "\x08";  // false
  const auto with_trailer = [&](const std::string& objects) {
    std::string trailer(32, '\0');
    trailer[6] = trailer[7] = 1;
    trailer[15] = 41;
    trailer[31] = static_cast<char>(objects.size());
    return objects + offsets + trailer;
  };
  EXPECT_HAS(refusal_of_text(with_trailer(doubling)), "expands to too many objects");
  std::string cyclic = doubling;
  cyclic[9] = cyclic[10] = 0;
  EXPECT_HAS(refusal_of_text(with_trailer(cyclic)), "contains itself");
  // One long string, a thousand times.
  std::string copied = "bplist00\xaf\x11\x03\xe8" + std::string(1000, '\x01');
  const size_t string_at = copied.size();
  copied += "\x5f\x12";
  for (const int shift : {24, 16, 8, 0}) copied += static_cast<char>(1000000 >> shift);
  copied += std::string(1000000, 'a');
  std::string trailer(32, '\0');
  trailer[6] = 2;
  trailer[7] = 1;
  trailer[15] = 2;
  for (int i = 0; i < 4; ++i)
    trailer[static_cast<size_t>(31 - i)] = static_cast<char>(copied.size() >> (8 * i));
  copied += std::string("\0\x08", 2) + static_cast<char>(string_at >> 8) + static_cast<char>(string_at);
  EXPECT_HAS(refusal_of_text(copied + trailer), "expands to too many objects");
}

std::string repeated(const std::string& text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

TEST(BadPlist, FloodsAreRefusedBeforeTheyCostTime) {
  const auto refusal = [](const std::string& body) { return refusal_of_text(plist_text(body)); };
  EXPECT_HAS(refusal("<string>" + repeated("&amp;", 1000000) + "</string>"), "a text with entities");
  EXPECT_HAS(refusal("<string>&amp;" + repeated("<!-- -->", 1000000) + "&amp;</string>"),
             "a text with entities");
  EXPECT_HAS(refusal("<dict>" + repeated("<key>k</key><true/>", 100000) + "</dict>"), "too many keys");
  EXPECT_HAS(refusal("<array>" + repeated("<string/>", 1000000) + "</array>"),
             "more elements than any network has");
  EXPECT_HAS(refusal(repeated(" ", 17 << 20)), "larger than 16 MiB");
  std::string keys;
  for (int i = 0; i < 50000; ++i) keys += fmt::format("<key>k{}</key><true/>", i);
  EXPECT_EQ(refusal_of_text(flat(relu, "<string>u</string>", keys)), "");
}

TEST(BadPlist, MissingKeysAndWrongTypes) {
  const auto without = [](const std::string& part, const std::string& instead = "") {
    std::string text = flat(relu);
    const size_t at = text.find(part);
    EXPECT_NE(at, std::string::npos) << part;
    return refusal_of_text(text.replace(at, part.size(), instead));
  };
  EXPECT_HAS(without("<key>Version</key><string>1.0.9</string>"), "has no Version");
  EXPECT_HAS(without("1.0.9", "2.0"), "Version 2.0 is not known");
  EXPECT_HAS(without("<key>Networks</key><array><string>net</string></array>"), "has no Networks");
  EXPECT_HAS(without("<array><string>net</string></array>", "<string>net</string>"),
             "Networks is not an array");
  EXPECT_HAS(without("<key>InputChannels</key><integer>4</integer>"), "has no InputChannels");
  EXPECT_HAS(without("<integer>4</integer>", "<string>4</string>"), "InputChannels is not an integer");
  EXPECT_HAS(without("<integer>4</integer>", "<real>4</real>"), "InputChannels is not an integer");
  EXPECT_HAS(without("<integer>4</integer>", "<integer>-4</integer>"),
             "InputChannels = -4, It should be in [1,");
  EXPECT_HAS(without("<integer>4</integer>", "<date>2020-01-01T00:00:00Z</date>"), "holds a value");
  EXPECT_HAS(without("<string>ReLU</string>", "<array/>"), "Type is not text");
  EXPECT_HAS(without("<string>ReLU</string>", "<string>Sin</string>"), "Type Sin is not known");
  EXPECT_HAS(without("<key>Bottom</key><string>x</string>", ""), "has no Bottom");
  EXPECT_HAS(without("<key>Bottom</key><string>x</string>", "<key>Bottom</key><array><true/></array>"),
             "not text");
  EXPECT_HAS(without("<string>u</string></array>", "<string>v</string></array>"), "has no v");
  EXPECT_HAS(without("<key>Type</key><string>ReLU</string>",
                     "<key>Type</key><string>ReLU</string><key>Odd</key><true/>"),
             "net.u.Params: has the unknown key Odd");
}

TEST(BadPlist, HugeShapes) {
  std::string text = flat(relu);
  text.replace(text.find("<integer>4</integer>"), 20, "<integer>2000000000</integer>");
  text.replace(text.find("<integer>1</integer>"), 20, "<integer>1000000000</integer>");
  EXPECT_HAS(refusal_of_text(text), "more than 2^40 elements");
  EXPECT_HAS(refusal_of_text(flat(unit("Broadcast",
                                       "<key>BroadcastInfo</key><array><dict><key>Dimension</key>"
                                       "<string>Height</string><key>Size</key><integer>1000000000"
                                       "</integer></dict><dict><key>Dimension</key><string>Depth"
                                       "</string><key>Size</key><integer>1000000000</integer></dict>"
                                       "</array>"))),
             "more than 2^40 elements");
}

TEST(BadPlist, UnknownUnitTypesAreListedAtOnce) {
  const std::string text = flat("<key>a</key><dict><key>Type</key><string>Sort</string></dict>" + relu +
                                    "<key>b</key><dict><key>Type</key><string>TopK</string></dict>",
                                "<string>a</string><string>u</string><string>b</string>");
  EXPECT_HAS(refusal_of_text(text), "units of types that are not known: a (Sort), b (TopK)");
}

TEST(BadPlist, Graphs) {
  EXPECT_HAS(
      refusal_of_text(flat(unit("Neuron", "<key>Type</key><string>ReLU</string>", "", "<string>u</string>"))),
      "net.u: reads u, which nothing before it produces");
  EXPECT_HAS(refusal_of_text(flat(relu, "<string>u</string><string>u</string>")),
             "the name stands for two things");
  EXPECT_HAS(refusal_of_text(flat(relu, "<string>x</string>")), "has no Type");
  EXPECT_HAS(refusal_of_text(flat(unit("Concat", "", "", "<array/>"))), "at least two");
}

std::string conv(const std::string& params, const std::string& extra = "") {
  return unit("Conv", params, "<key>OutputChannels</key><integer>2</integer>" + extra);
}

TEST(BadPlist, Weights) {
  const std::string weights = "<key>Weights</key><array><string>w.bin</string></array>";
  const auto refusal = [&](const std::string& unit_text, const std::string& list) {
    const Folder folder;
    folder.put("w.bin", std::string(32, '\0'));
    return refusal_of(folder.put("net.plist", flat(unit_text, "<string>u</string>", list)));
  };
  EXPECT_EQ(refusal(conv(""), weights), "");
  EXPECT_EQ(refusal(conv("<key>KernelOffset</key><integer>16</integer>"), weights), "");
  EXPECT_HAS(refusal(conv("<key>KernelOffset</key><integer>17</integer>"), weights), "needs 16 bytes at 17");
  EXPECT_HAS(refusal(conv("<key>KernelOffset</key><integer>9223372036854775807</integer>"), weights),
             "needs 16 bytes");
  EXPECT_HAS(refusal(conv("<key>KernelOffset</key><integer>-1</integer>"), weights), "KernelOffset = -1");
  EXPECT_HAS(refusal(conv("<key>KernelIndex</key><integer>1</integer>"), weights),
             "refers to weight file 1 of 1");
  EXPECT_HAS(refusal(conv(""), ""), "refers to weight file 0 of 0");
  EXPECT_HAS(refusal(conv(""), "<key>Weights</key><array><string>none.bin</string></array>"), "none.bin");
  EXPECT_HAS(refusal(conv(""), "<key>Weights</key><array><string>.</string></array>"),
             "is not a regular file");
  EXPECT_HAS(refusal(conv("<key>KernelWidth</key><integer>1000000000</integer>"), weights),
             "KernelWidth = 1000000000");
  EXPECT_HAS(refusal(conv("<key>KernelWidth</key><integer>65536</integer>"), weights), "bytes at 0");
  EXPECT_HAS(refusal(conv("<key>Step</key><array><integer>0</integer><integer>1</integer></array>"), weights),
             "Step");
  EXPECT_HAS(refusal(conv("<key>KernelType</key><string>Palette4</string>"), weights), "Palette4");
  EXPECT_HAS(refusal(conv("<key>KernelMode</key><string>Sparse</string>"), weights), "KernelMode Sparse");
  EXPECT_HAS(refusal(conv("", "<key>NumGroups</key><integer>3</integer>"), weights),
             "divisible by num group");
  EXPECT_HAS(
      refusal(
          conv("<key>Type</key><string>ChannelWiseDeConv</string><key>KernelMode</key><string>Unity</string>"
               "<key>KernelWidth</key><integer>3</integer>"),
          weights),
      "nearest-neighbour upsampling");
  EXPECT_HAS(
      refusal(
          unit("GOC", "<key>BiasScaleGroupData</key><dict><key>BiasCount</key><integer>3</integer></dict>"),
          weights),
      "offsets hold 3 values where 4 are needed");
  EXPECT_HAS(
      refusal(unit("GOC",
                   "<key>BiasScaleGroupData</key><dict><key>BiasCount</key><integer>1000000000</integer>"
                   "</dict>"),
              weights),
      "needs 2000000000 bytes");
  EXPECT_HAS(refusal(unit("GOC", "<key>ScaleScalar</key><integer>65536</integer>"), weights),
             "ScaleScalar = 65536");
}

}  // namespace
}  // namespace ane::aneir
