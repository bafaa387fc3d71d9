// The programs through the shell, as the README uses them: the demo model, its stages as files, the options,
// and what they print and leave.
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "driver/road.h"
#include "driver/shell.h"
#include "hwx/file.h"
#include "media/array.h"
#include "media/image.h"

namespace ane::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// The demo model and its picture, made by the program itself.
class Programs : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(run("make_demo_model " + quoted(at("demo"))).status, 0); }

  fs::path at(const std::string& name) const { return folder_.path() / name; }
  fs::path model() const { return at("demo/edges.mlmodel"); }
  fs::path picture() const { return at("demo/edges_input.png"); }

  // Compiles quietly into at(folder).
  fs::path compiled(const fs::path& from, const std::string& folder, const std::string& options = "") {
    const Ran ran = run("coreml2hwx " + quoted(from) + " -q -o " + quoted(at(folder)) + " " + options);
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    return at(folder) / "model.hwx";
  }

  // The edges picture that a program gives.
  media::Image edges_of(const fs::path& program) {
    const fs::path out = at("edges_out");
    fs::remove_all(out);
    const Ran ran = run("hwxrun " + quoted(program) + " --input " + quoted(picture()) + " -o " + quoted(out));
    EXPECT_EQ(ran.status, 0) << ran.err;
    return media::read_image(out / "edges.png");
  }

  TemporaryFolder folder_;
};

hwx::File program_at(const fs::path& path) {
  const MappedFile file(path);
  return hwx::read(file.bytes(), file.name());
}

// ---- Options that all programs have ----

TEST_F(Programs, AllAnswerHelpAndVersion) {
  for (const std::string program :
       {"coreml2hwx", "mlmodelc2hwx", "hwxrun", "hwxdump", "hwxoracle", "make_demo_model"}) {
    const Ran help = run(program + " --help");
    EXPECT_EQ(help.status, 0);
    EXPECT_EQ(help.err, "");
    EXPECT_NE(help.out.find("--version"), std::string::npos) << help.out;
    const Ran version = run(program + " --version");
    EXPECT_EQ(version.status, 0);
    EXPECT_EQ(version.out.substr(0, program.size() + 1), program + " ");
    EXPECT_EQ(std::count(version.out.begin(), version.out.end(), '\n'), 1);
  }
}

TEST_F(Programs, BadUsageIsStatusTwo) {
  for (const std::string line :
       {"coreml2hwx", "coreml2hwx --no-such-option x", "coreml2hwx x --compat 1.0", "coreml2hwx x --emit pdf",
        "coreml2hwx x notdebug", "coreml2hwx x --experimental magic", "coreml2hwx x --target h99",
        "coreml2hwx x --seed many", "coreml2hwx x --shape", "hwxrun", "hwxrun x --top many", "hwxdump",
        "hwxdump x --frobnicate", "make_demo_model"}) {
    const Ran ran = run(line);
    EXPECT_EQ(ran.status, 2) << line << "\n" << ran.err;
    EXPECT_EQ(ran.error_lines(), 1u) << line << "\n" << ran.err;
    EXPECT_EQ(ran.err.substr(0, 7), "error: ") << line;
    EXPECT_EQ(ran.out, "") << line;
  }
}

TEST_F(Programs, BadPathIsStatusOne) {
  for (const std::string program : {"coreml2hwx", "hwxrun", "hwxdump"}) {
    expect_refused(run(program + " " + quoted(at("nothing"))), program + " of a missing file");
    expect_refused(run(program + " /dev/null"), program + " of a device");
    expect_refused(run(program + " " + quoted(folder_.path())), program + " of a folder");
  }
  expect_refused(run("coreml2hwx " + quoted(model()) + " -o /dev/null/x"), "output below a file");
}

TEST_F(Programs, FullOutputIsStatusOne) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "needs /dev/full";
  const fs::path program = compiled(model(), "out");
  const std::string command = "/hwxdump " + quoted(program) + " >/dev/full 2>/dev/null";
  const int status = std::system((ANE_BINARY_DIR + command).c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

// ---- The demo ----

double brightness(const media::Image& image, int64_t x, int64_t y) {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) return 0;  // padded with zeros
  const uint8_t* pixel = &image.pixels[static_cast<size_t>((y * image.width + x) * 3)];
  return (0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]) / 255;
}

TEST_F(Programs, DemoGivesTheEdgesOfThePicture) {
  const media::Image in = media::read_image(picture()), out = edges_of(compiled(model(), "out"));
  ASSERT_EQ(out.width, 256);
  ASSERT_EQ(out.height, 256);
  ASSERT_EQ(out.channels, 1);
  // Sobel's operator from its definition: |d/dx| + |d/dy| of the brightness, 6 is white.
  int brightest = 0;
  for (int64_t y = 0; y < 256; ++y)
    for (int64_t x = 0; x < 256; ++x) {
      double across = 0, down = 0;
      for (int step = -1; step <= 1; ++step) {
        const double weight = step == 0 ? 2 : 1;
        across += weight * (brightness(in, x + 1, y + step) - brightness(in, x - 1, y + step));
        down += weight * (brightness(in, x + step, y + 1) - brightness(in, x + step, y - 1));
      }
      const double expected = std::min(255.0, (std::abs(across) + std::abs(down)) * 255 / 6);
      const int got = out.pixels[static_cast<size_t>(y * 256 + x)];
      ASSERT_NEAR(got, expected, 1) << x << ", " << y;  // rounding to whole numbers, after binary16
      brightest = std::max(brightest, got);
    }
  EXPECT_GT(brightest, 100);  // there are edges
}

TEST_F(Programs, EveryCompilerVersionGivesTheSamePicture) {
  const media::Image expected = edges_of(compiled(model(), "default"));
  for (const std::string version : {"4.2.1", "5.4.1", "7.6.4", "9.509"}) {
    const fs::path program = compiled(model(), version, "--compat " + version);
    EXPECT_EQ(edges_of(program).pixels, expected.pixels) << version;
    const Ran dump = run("hwxdump " + quoted(program));
    EXPECT_EQ(dump.status, 0) << dump.err;
  }
}

// ---- debug ----

TEST_F(Programs, DebugWritesEveryStage) {
  const Ran ran = run("coreml2hwx " + quoted(model()) + " debug -o " + quoted(at("out")));
  ASSERT_EQ(ran.status, 0) << ran.err;
  for (const std::string name : {"model.hwx", "model.json", "layers.txt", "registers.txt", "cost.json",
                                 "tasks.dot", "model.espresso.dot", "net.00_import.dot",
                                 "edges.mlmodelc/model.espresso.net", "edges.mlmodelc/model.espresso.shape",
                                 "edges.mlmodelc/model.espresso.weights", "espresso_ir_dump/net.plist"})
    EXPECT_TRUE(fs::is_regular_file(at("out") / name) && fs::file_size(at("out") / name) > 0) << name;
  const json sidecar = json::parse(contents(at("out/model.json")));
  EXPECT_EQ(sidecar.at("inputs").at(0).at("name"), "image");
  EXPECT_EQ(sidecar.at("outputs").at(0).at("name"), "edges");
  EXPECT_EQ(sidecar.at("layers").at(0).at("name"), "gradients");
  EXPECT_EQ(sidecar.at("layers").at(1).at("name"), "edges");
  EXPECT_TRUE(json::parse(contents(at("out/cost.json"))).is_structured());
  const std::string layers = contents(at("out/layers.txt"));
  EXPECT_NE(layers.find("gradients"), std::string::npos) << layers;
  // The register dump is the text that hwxdump prints of the same program.
  const Ran dump = run("hwxdump model.hwx", "cd " + quoted(at("out")) + " &&");
  EXPECT_EQ(dump.out, contents(at("out/registers.txt")));
  // The log has the original tool's lines in its order.
  size_t place = 0;
  for (const std::string line :
       {"original mlmodel file: file://", "espresso model in mlmodelc directory: file://", "options: {",
        "result at ", "other debug information at "}) {
    place = ran.err.find("] " + line, place);
    ASSERT_NE(place, std::string::npos) << line << "\n" << ran.err;
  }
}

TEST_F(Programs, GraphvizAcceptsEveryGraph) {
  if (std::system("command -v dot >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "needs the program dot (Debian package graphviz)";
  compiled(model(), "out", "debug");
  int graphs = 0;
  for (const std::string& name : files_below(at("out"))) {
    if (!name.ends_with(".dot")) continue;
    ++graphs;
    const std::string command = "dot -Tplain " + quoted(at("out") / name) + " 2>&1 >/dev/null | grep .";
    EXPECT_NE(std::system(command.c_str()), 0) << name << " has complaints";
  }
  EXPECT_GE(graphs, 3);
}

// ---- Stages as files ----

void expect_same_program(const hwx::File& a, const hwx::File& b, const std::string& what) {
  EXPECT_EQ(a.text, b.text) << what << ": task words";
  EXPECT_EQ(a.constants, b.constants) << what << ": constants";
}

TEST_F(Programs, WrittenStagesCompileToTheSameTasks) {
  const hwx::File direct = program_at(compiled(model(), "out", "debug"));
  expect_same_program(direct, program_at(compiled(at("out/edges.mlmodelc"), "from_mlmodelc")), ".mlmodelc");
  // Nothing is lost in the property list either: scalars are written with enough digits for the fp16 numbers
  // that become registers and coefficients.
  expect_same_program(direct, program_at(compiled(at("out/espresso_ir_dump"), "from_folder")), "folder");
  expect_same_program(direct, program_at(compiled(at("out/espresso_ir_dump/net.plist"), "from_plist")),
                      "net.plist");
}

TEST_F(Programs, Mlmodelc2hwxIsTheSameCompiler) {
  const hwx::File direct = program_at(compiled(model(), "out", "--emit hwx,mlmodelc"));
  const Ran ran = run("mlmodelc2hwx " + quoted(at("out/edges.mlmodelc")) + " -o " + quoted(at("again")));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.err.find(" mlmodelc2hwx["), std::string::npos) << ran.err;
  expect_same_program(direct, program_at(at("again/model.hwx")), "mlmodelc2hwx");
}

// A compiled model says by itself which input is a picture, and has a reference of its own.
TEST_F(Programs, CompiledModelsAreVerifiedAndTakePictures) {
  compiled(model(), "out", "--emit hwx,mlmodelc");
  const Ran ran = run("coreml2hwx -q --verify --json " + quoted(at("out/edges.mlmodelc")) + " --input " +
                      quoted(picture()) + " -o " + quoted(at("again")));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_GE(json::parse(ran.out).at("verify").at("outputs").at(0).at("snr_db").get<double>(), 40);
  const json from_source = json::parse(contents(at("out/model.json"))),
             from_compiled = json::parse(contents(at("again/model.json")));
  EXPECT_EQ(from_source.at("inputs"), from_compiled.at("inputs"));
}

TEST_F(Programs, BadVerificationOfAPropertyListIsRefused) {
  compiled(model(), "out", "--emit hwx,plist");
  expect_refused(run("coreml2hwx -q --verify " + quoted(at("out/espresso_ir_dump/net.plist")) + " -o " +
                     quoted(at("again"))),
                 "net.plist");
}

TEST_F(Programs, EmitWritesWhatIsAskedFor) {
  compiled(model(), "hwx");
  EXPECT_EQ(files_below(at("hwx")), (std::vector<std::string>{"model.hwx", "model.json"}));
  const Ran ran = run("coreml2hwx " + quoted(model()) + " -q --emit plist -o " + quoted(at("plist")));
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(fs::exists(at("plist/espresso_ir_dump/net.plist")));
  EXPECT_FALSE(fs::exists(at("plist/model.hwx")));
}

// ---- Where results go ----

TEST_F(Programs, DefaultFolderIsPrivate) {
  fs::create_directory(at("tmp"));
  const Ran ran = run("coreml2hwx " + quoted(model()), "TMPDIR=" + quoted(at("tmp")));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(fs::exists(at("tmp/hwx_output/edges/model.hwx")));
  for (const char* name : {"tmp/hwx_output", "tmp/hwx_output/edges"})
    EXPECT_EQ(fs::status(at(name)).permissions(), fs::perms::owner_all) << name;
  // A second run finds them and goes on.
  EXPECT_EQ(run("coreml2hwx " + quoted(model()), "TMPDIR=" + quoted(at("tmp"))).status, 0);
}

TEST_F(Programs, BadDefaultFolderIsRefused) {
  const auto refused = [&](const std::string& what) {
    expect_refused(run("coreml2hwx -q " + quoted(model()), "TMPDIR=" + quoted(at("tmp"))), what);
    fs::remove_all(at("tmp"));
  };
  fs::create_directory(at("elsewhere"));
  fs::create_directory(at("tmp"));
  fs::create_directory_symlink(at("elsewhere"), at("tmp/hwx_output"));
  refused("a link");
  fs::create_directories(at("tmp/hwx_output"));
  fs::create_directory_symlink(at("elsewhere"), at("tmp/hwx_output/edges"));
  refused("a link inside");
  fs::create_directories(at("tmp/hwx_output"));
  fs::permissions(at("tmp/hwx_output"), fs::perms::all);
  refused("a folder that others write to");
  fs::create_directory(at("tmp"));
  std::ofstream(at("tmp/hwx_output")) << "a file";
  refused("a file");
  refused("a missing TMPDIR");
  EXPECT_EQ(files_below(at("elsewhere")), std::vector<std::string>{});
}

TEST_F(Programs, BadDefaultFolderOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  fs::create_directories(at("tmp/hwx_output"));
  ASSERT_EQ(::chown(at("tmp/hwx_output").c_str(), 12345, 12345), 0);
  expect_refused(run("coreml2hwx -q " + quoted(model()), "TMPDIR=" + quoted(at("tmp"))), "a foreign folder");
}

// ---- JSON ----

// Every layer's own result, from a program that has them as outputs; the last is also the model's.
TEST_F(Programs, LayersAreVerifiedOneByOne) {
  const Ran ran = run("coreml2hwx " + quoted(model()) + " --verify-layers --json -o " + quoted(at("out")));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json verify = json::parse(ran.out).at("verify");
  std::vector<std::string> names;
  for (const json& layer : verify.at("layers")) {
    names.push_back(layer.at("name"));
    EXPECT_GE(layer.at("snr_db").get<double>(), 60);
    EXPECT_NE(ran.err.find("verify: layer " + names.back() + ": "), std::string::npos) << ran.err;
  }
  EXPECT_EQ(names.size(), 2u);
  EXPECT_EQ(names.back(), "edges");
  EXPECT_FALSE(verify.contains("first_stray"));

  const Ran plain = run("coreml2hwx " + quoted(model()) + " -q --verify --json -o " + quoted(at("out")));
  EXPECT_FALSE(json::parse(plain.out).at("verify").contains("layers"));
}

TEST_F(Programs, CompilerJsonHasWhatItPromises) {
  const Ran ran = run("coreml2hwx " + quoted(model()) + " -q --verify --json -o " + quoted(at("out")));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  const json result = json::parse(ran.out);
  EXPECT_EQ(result.at("status"), "ok");
  EXPECT_EQ(result.at("error"), "");
  EXPECT_EQ(result.at("model"), model().string());
  EXPECT_GT(result.at("tasks").get<int>(), 0);
  EXPECT_GT(result.at("constant_bytes").get<int>(), 0);
  EXPECT_GT(result.at("compile_seconds").get<double>(), 0);
  const json verify = result.at("verify");
  EXPECT_GE(verify.at("simulate_seconds").get<double>(), 0);
  EXPECT_EQ(verify.at("outputs").at(0).at("name"), "edges");
  EXPECT_GE(verify.at("outputs").at(0).at("snr_db").get<double>(), 40);
  EXPECT_TRUE(verify.at("outputs").at(0).contains("max_abs"));
  EXPECT_TRUE(verify.at("outputs").at(0).contains("max_rel"));

  const Ran refused = run("coreml2hwx --json " + quoted(at("nothing")));
  expect_refused(refused, "a missing file");
  const json refusal = json::parse(refused.out);
  EXPECT_EQ(refusal.at("status"), "refused");
  EXPECT_EQ("error: " + refusal.at("error").get<std::string>() + "\n", refused.err);
}

TEST_F(Programs, RunnerJsonHasWhatItPromises) {
  const fs::path program = compiled(model(), "out");
  const Ran ran = run("hwxrun " + quoted(program) + " --json --top 3 --input image=" + quoted(picture()));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json output = json::parse(ran.out).at("outputs").at(0);
  EXPECT_EQ(output.at("name"), "edges");
  EXPECT_EQ(output.at("shape"), json({1, 256, 256}));
  EXPECT_FALSE(output.contains("data"));  // more than 1024 values
  ASSERT_EQ(output.at("top").size(), 3u);
  EXPECT_TRUE(output.at("top").at(0).contains("index") && output.at("top").at(0).contains("label"));
  EXPECT_GE(output.at("top").at(0).at("value").get<double>(),
            output.at("top").at(1).at("value").get<double>());
  EXPECT_GE(json::parse(ran.out).at("simulate_seconds").get<double>(), 0);
}

// ---- Inputs and outputs of hwxrun ----

// sum = a + 2b, of two arrays [2][3][4]; small whole numbers are exact in binary16.
class TwoInputs : public Programs {
 protected:
  void SetUp() override {
    ModelBuilder model;
    model.array_input("a", {2, 3, 4});
    model.array_input("b", {2, 3, 4});
    model.activation("twice", "b")->mutable_linear()->set_alpha(2);
    model.add("sum", {"a", "twice"});
    model.array_output("sum", {2, 3, 4});
    const Bytes bytes = model.bytes();
    folder_.put("two.mlmodel", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    program_ = compiled(at("two.mlmodel"), "out");
    for (int i = 0; i < 24; ++i) {
      a_.push_back(static_cast<float>(i));
      b_.push_back(static_cast<float>(100 - 3 * i));
    }
    media::write_npy(at("a.npy"), {{2, 3, 4}, a_});
    media::write_raw(at("b.f32"), b_, media::RawType::Float32);
    media::write_raw(at("b.f16"), b_, media::RawType::Float16);
    media::write_npy(at("short.npy"), {{23}, std::vector<float>(23)});
  }

  Ran run_with(const std::string& options) { return run("hwxrun " + quoted(program_) + " " + options); }

  fs::path program_;
  std::vector<float> a_, b_;
};

TEST_F(TwoInputs, AreReadByName) {
  for (const std::string b : {"b.f32", "b.f16"}) {
    const Ran ran = run_with("--json --input b=" + quoted(at(b)) + " --input a=" + quoted(at("a.npy")) +
                             " -o " + quoted(at("values")));
    ASSERT_EQ(ran.status, 0) << ran.err;
    const json output = json::parse(ran.out).at("outputs").at(0);
    EXPECT_EQ(output.at("name"), "sum");
    EXPECT_EQ(output.at("shape"), json({2, 3, 4}));
    const media::Array written = media::read_npy(at("values/sum.npy"));
    EXPECT_EQ(written.shape, (std::vector<int64_t>{2, 3, 4}));
    for (size_t i = 0; i < 24; ++i) {
      EXPECT_EQ(written.data[i], a_[i] + 2 * b_[i]);
      EXPECT_EQ(output.at("data").at(i).get<float>(), a_[i] + 2 * b_[i]);
    }
  }
}

TEST_F(TwoInputs, BadInputsAreRefused) {
  const std::string a = " --input a=" + quoted(at("a.npy")), b = " --input b=" + quoted(at("b.f32"));
  expect_refused(run_with(a), "b missing");
  expect_refused(run_with(a + b + " --input c=" + quoted(at("a.npy"))), "unknown name");
  expect_refused(run_with("--input " + quoted(at("a.npy"))), "no name");
  expect_refused(run_with(a + " --input b=" + quoted(at("short.npy"))), "23 values");
  expect_refused(run_with(a + " --input b=" + quoted(at("nothing.npy"))), "no file");
  expect_refused(run_with(a + " --input b=" + quoted(at("two.mlmodel"))), "no picture");
}

TEST_F(Programs, PicturesOfEveryFormatAreRead) {
  const fs::path program = compiled(model(), "out");
  const media::Image expected = edges_of(program), in = media::read_image(picture());
  std::ofstream(at("in.ppm"), std::ios::binary) << "P6\n256 256\n255\n"
                                                << std::string(in.pixels.begin(), in.pixels.end());
  std::vector<float> planes = media::to_planes(in, media::ChannelOrder::Rgb);
  media::write_npy(at("in.npy"), {{3, 256, 256}, planes});
  for (const std::string name : {"in.ppm", "in.npy"}) {
    const Ran ran =
        run("hwxrun " + quoted(program) + " --input " + quoted(at(name)) + " -o " + quoted(at("o")));
    ASSERT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(media::read_image(at("o/edges.png")).pixels, expected.pixels) << name;
  }
  // A grey picture fills all three planes.
  const media::Image gray = media::to_gray(in);
  std::ofstream(at("in.pgm"), std::ios::binary) << "P5\n256 256\n255\n"
                                                << std::string(gray.pixels.begin(), gray.pixels.end());
  EXPECT_EQ(run("hwxrun " + quoted(program) + " --input " + quoted(at("in.pgm"))).status, 0);
}

}  // namespace
}  // namespace ane::test
