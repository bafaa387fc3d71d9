// Damaged, random and hostile files of every kind that the programs read, given to them as a user would. Each
// must end in one line and status 1 within a second, and leave no file behind.
#include <random>

#include "base/error.h"
#include "driver/road.h"
#include "driver/shell.h"
#include "media/array.h"
#include "media/image.h"

namespace ane::test {
namespace {

namespace fs = std::filesystem;

std::string random_bytes(size_t count, uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(engine() & 0xff);
  return bytes;
}

class BadFiles : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(run("make_demo_model " + quoted(at("demo"))).status, 0);
    const Ran ran = run("coreml2hwx -q " + quoted(at("demo/edges.mlmodel")) +
                        " --emit hwx,mlmodelc,plist -o " + quoted(at("good")));
    ASSERT_EQ(ran.status, 0) << ran.err;
  }

  fs::path at(const std::string& name) const { return folder_.path() / name; }
  void put(const fs::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  }

  // Compiles `model`, which must fail and leave nothing.
  void expect_no_program(const fs::path& model, const std::string& what) {
    expect_refused(run("coreml2hwx -q " + quoted(model) + " -o " + quoted(at("out"))), what);
    EXPECT_EQ(files_below(at("out")), std::vector<std::string>{}) << what;
    fs::remove_all(at("out"));
  }
  void expect_no_run(const fs::path& program, const std::string& options, const std::string& what) {
    expect_refused(run("hwxrun " + quoted(program) + " -o " + quoted(at("out")) + " " + options), what);
    EXPECT_EQ(files_below(at("out")), std::vector<std::string>{}) << what;
    fs::remove_all(at("out"));
  }

  // The kinds of damage that leave no sound file of any format: `check` sees each, with a name.
  template <typename Check>
  void damage(const fs::path& path, Check check) {
    const std::string good = contents(path);
    const auto with = [&](const std::string& content, const std::string& what) {
      put(path, content);
      check(path.filename().string() + ": " + what);
    };
    with("", "empty");
    with(good.substr(0, 1), "one byte");
    with(good.substr(0, good.size() / 3), "a third");
    with(good.substr(0, good.size() - 1), "without the last byte");
    with(random_bytes(4096, 7), "random bytes");
    with(std::string(4096, '\0'), "zeros");
    with(std::string(4096, '\xff'), "ones");
    put(path, good);
  }

  fs::path copied(const std::string& name) {
    fs::remove_all(at("damaged"));
    fs::copy(at(name), at("damaged"), fs::copy_options::recursive);
    return at("damaged");
  }

  TemporaryFolder folder_;
};

TEST_F(BadFiles, BadMlmodel) {
  const fs::path model = at("demo/edges.mlmodel");
  damage(model, [&](const std::string& what) { expect_no_program(model, what); });
}

TEST_F(BadFiles, BadMlmodelcNet) {
  const fs::path folder = copied("good/edges.mlmodelc"), net = folder / "model.espresso.net";
  // A net without its last byte, a newline, would be whole.
  damage(net, [&](const std::string& what) {
    if (what.find("last byte") == std::string::npos) expect_no_program(folder, what);
  });
  for (const std::string text :
       {"{", "[]", "{}", "null", "{\"layers\": 3}", "{\"layers\": [{}]}", "{\"layers\": [[[[[[[[[[[[[[",
        "{\"storage\": \"/etc/passwd\", \"layers\": []}", "pbze", "pbze\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    put(net, text);
    expect_no_program(folder, text);
  }
  put(net, std::string(1 << 20, '['));
  expect_no_program(folder, "a million brackets");
}

TEST_F(BadFiles, BadMlmodelcShapes) {
  const fs::path folder = copied("good/edges.mlmodelc"), shape = folder / "model.espresso.shape";
  damage(shape, [&](const std::string& what) {
    if (what.find("last byte") == std::string::npos) expect_no_program(folder, what);
  });
  std::string huge = contents(shape);
  const size_t place = huge.find("256");
  ASSERT_NE(place, std::string::npos);
  for (const std::string size :
       {"-1", "0", "1e300", "9223372036854775807", "99999999999999999999", "4294967297"}) {
    put(shape, std::string(huge).replace(place, 3, size));
    expect_no_program(folder, "size " + size);
  }
  fs::remove(shape);
  expect_no_program(folder, "no shapes");
}

TEST_F(BadFiles, BadMlmodelcWeights) {
  const fs::path folder = copied("good/edges.mlmodelc"), weights = folder / "model.espresso.weights";
  damage(weights, [&](const std::string& what) { expect_no_program(folder, what); });
  fs::remove(weights);
  expect_no_program(folder, "no weights");
}

TEST_F(BadFiles, BadNetPlist) {
  const fs::path folder = copied("good/espresso_ir_dump"), plist = folder / "net.plist";
  damage(plist, [&](const std::string& what) {
    if (what.find("last byte") == std::string::npos) expect_no_program(plist, what);
  });
  for (const std::string text :
       {"<?xml version=\"1.0\"?><plist><dict/></plist>", "<plist><array/></plist>", "bplist00",
        "<plist><dict><key>Networks</key><array><string>net</string></array></dict></plist>"}) {
    put(plist, text);
    expect_no_program(plist, text);
  }
}

TEST_F(BadFiles, BadPlistWeights) {
  const fs::path folder = copied("good/espresso_ir_dump");
  for (const std::string& name : files_below(folder)) {
    if (name.ends_with(".plist")) continue;
    damage(folder / name, [&](const std::string& what) {
      if (what.find("bytes") != std::string::npos || what.find("zeros") != std::string::npos ||
          what.find("ones") != std::string::npos)
        return;  // weights may have any values
      expect_no_program(folder, what);
    });
    const std::string good = contents(folder / name);
    fs::remove(folder / name);
    expect_no_program(folder, "without " + name);
    put(folder / name, good);
  }
}

TEST_F(BadFiles, BadHwx) {
  const fs::path program = at("good/model.hwx");
  damage(program, [&](const std::string& what) {
    if (what.find("last byte") != std::string::npos) return;  // may be padding
    expect_no_run(program, "--random", what);
    const Ran dump = run("hwxdump " + quoted(program));
    expect_refused(dump, "hwxdump: " + what);
  });
}

// One byte wrong: run or refused, never a crash, a hang or a bug report.
TEST_F(BadFiles, BadHwxBytes) {
  const fs::path program = at("good/model.hwx");
  const std::string good = contents(program);
  std::mt19937_64 engine(11);
  for (int i = 0; i < 40; ++i) {
    std::string bytes = good;
    // Half of them in the header, half in the tasks.
    const size_t place = i % 2 ? engine() % 0x1000 : 0x4000 + engine() % 0x800;
    bytes[place % bytes.size()] = static_cast<char>(engine() & 0xff);
    put(program, bytes);
    const Ran ran = run("hwxrun " + quoted(program) + " --random");
    EXPECT_TRUE(ran.status == 0 || ran.status == 1) << "byte " << place << ": " << ran.err;
    if (ran.status == 1) expect_refused(ran, "byte " + std::to_string(place));
    const Ran dump = run("hwxdump " + quoted(program));
    EXPECT_TRUE(dump.status == 0 || dump.status == 1) << "byte " << place << ": " << dump.err;
  }
}

TEST_F(BadFiles, BadSidecar) {
  const fs::path sidecar = at("good/model.json");
  const std::string good = contents(sidecar);
  damage(sidecar, [&](const std::string& what) {
    if (what.find("last byte") == std::string::npos) expect_no_run(at("good/model.hwx"), "--random", what);
  });
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t place = text.find(from);
    ASSERT_NE(place, std::string::npos) << from;
    put(sidecar, text.replace(place, from.size(), to));
    expect_no_run(at("good/model.hwx"), "--input " + quoted(at("demo/edges_input.png")), from + " -> " + to);
  };
  for (const std::string size : {"-256", "0", "99999999", "9223372036854775807", "1e300", "\"x\"", "255"}) {
    with("\"width\": 256", "\"width\": " + size);
    with("\"height\": 256", "\"height\": " + size);
  }
  with("\"rgb\"", "\"grayscale\"");
  with("\"rgb\"", "\"cmyk\"");
  with("\"bias\": []", "\"bias\": [1], \"mean\": [1, 2]");
  for (const std::string text : {"[]", "{}", "null", "7", "{\"inputs\": {}, \"outputs\": []}"}) {
    put(sidecar, text);
    expect_no_run(at("good/model.hwx"), "--random", text);
  }
  put(sidecar, std::string(1 << 20, '['));
  expect_no_run(at("good/model.hwx"), "--random", "a million brackets");
}

TEST_F(BadFiles, BadNpy) {
  media::write_npy(at("in.npy"), {{3, 256, 256}, std::vector<float>(3 * 256 * 256)});
  const auto check = [&](const std::string& what) {
    expect_no_run(at("good/model.hwx"), "--input " + quoted(at("in.npy")), what);
  };
  damage(at("in.npy"), check);
  const std::string good = contents(at("in.npy"));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string bytes = good;
    const size_t place = bytes.find(from);
    ASSERT_NE(place, std::string::npos);
    put(at("in.npy"), bytes.replace(place, from.size(), to));
    check(from + " -> " + to);
  };
  with("<f4", "<c8");
  with("<f4", ">f4");
  with("(3, 256", "(9, 256");
  with("(3, 256", "(-, 256");
}

TEST_F(BadFiles, BadPng) {
  const fs::path picture = at("demo/edges_input.png");
  damage(picture, [&](const std::string& what) {
    // The last byte belongs to the check sum of the empty end mark, which readers may forgive.
    if (what.find("last byte") == std::string::npos)
      expect_no_run(at("good/model.hwx"), "--input " + quoted(picture), what);
  });
  std::string bytes = contents(picture);
  bytes.replace(16, 8, "\x7f\xff\xff\xff\x7f\xff\xff\xff", 8);  // width and height
  put(picture, bytes);
  expect_no_run(at("good/model.hwx"), "--input " + quoted(picture), "a huge picture");
}

}  // namespace
}  // namespace ane::test
