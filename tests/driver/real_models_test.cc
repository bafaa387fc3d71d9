// Models that people trained: the whole road from their .mlmodel against the reference interpreter, and the
// models that no network compiler can take, which are refused with a reason.
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "driver/shell.h"
#include "espresso/files.h"
#include "support/evidence.h"

namespace ane::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path find_model(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".mlmodel" || entry.path().extension() == ".mlmodelc")
      return entry.path();
  return {};
}

void expect_verified(const fs::path& model) {
  const TemporaryFolder folder;
  const Ran ran = run("coreml2hwx -q --verify --json " + quoted(model) + " -o " + quoted(folder.path()));
  ASSERT_EQ(ran.status, 0) << ran.err;
  for (const json& output : json::parse(ran.out).at("verify").at("outputs"))
    EXPECT_GE(output.at("snr_db").get<double>(), 40) << output;
}

TEST(RealModels, AreVerified) {
  ANE_NEED_EVIDENCE("models/neuralnetwork");
  int models = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(evidence_folder)) {
    const std::string name = entry.path().filename().string();
    const auto wanted = [&](const char* prefix) { return name.starts_with(prefix); };
    if (!wanted("mnist-") && !wanted("digits") && !wanted("add-one") && !wanted("waifu2x-anime")) continue;
    SCOPED_TRACE(name);
    ++models;
    expect_verified(find_model(entry.path()));
  }
  EXPECT_GE(models, 8);
}

TEST(RealModels, CompiledOnesAreVerified) {
  ANE_NEED_EVIDENCE("models/espresso");
  for (const char* name : {"cardscan-four-recognize-f16", "cardscan-ux-model", "chiron-flat-bundle",
                           "dense-updatable-retrained"})
    expect_verified(find_model(evidence_folder / name));
}

std::vector<float> random_floats(int64_t count, double scale, std::mt19937& engine) {
  std::uniform_real_distribution<float> uniform(-static_cast<float>(scale), static_cast<float>(scale));
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = uniform(engine);
  return values;
}

// Arrays of the right sizes for the layers that a net without its weights file has, with rows of length 1 or
// so.
void fill_with_random_weights(espresso::Net& net) {
  std::mt19937 engine(1);
  const auto put = [&](const espresso::Layer& layer, const char* key, std::vector<float> values) {
    if (layer.attributes.contains(key))
      net.blobs[layer.integer(key, net.file)] = espresso::Blob::of_floats(std::move(values));
  };
  for (const espresso::Layer& layer : net.layers) {
    const auto integer = [&](const char* key) { return layer.integer_or(key, 1, net.file); };
    const bool convolution = layer.type == "convolution";
    const int64_t outputs = integer(convolution ? "C" : "nC");
    const int64_t inputs =
        convolution ? integer("K") / integer("n_groups") * integer("Nx") * integer("Ny") : integer("nB");
    put(layer, "blob_weights",
        random_floats(outputs * inputs, std::sqrt(3.0 / static_cast<double>(inputs)), engine));
    put(layer, "blob_biases", random_floats(4 * outputs, 0.1, engine));
    std::vector<float> statistics = random_floats(4 * integer("C"), 0.5, engine);
    for (size_t i = 3; i < statistics.size(); i += 4) statistics[i - 3] += 1, statistics[i] = 1;
    put(layer, "blob_batchnorm_params", std::move(statistics));
  }
}

// 225 layers of NeuralHash (instance normalisation, hard swish, global pools), out of a pbze container.
TEST(RealModels, NetWithoutWeightsIsVerifiedWithRandomOnes) {
  ANE_NEED_EVIDENCE("models/espresso/no-weights-neuralhash-pbze");
  espresso::Net net = espresso::read_structure(evidence_folder / "NeuralHashv3b-current-pbze");
  fill_with_random_weights(net);
  const TemporaryFolder folder;
  espresso::write_folder(net, folder.path());
  expect_verified(folder.path());
}

// The structure alone: layers are read (also from a pbze container), then the missing file is named.
TEST(RealModels, BadCompiledOnesWithoutWeightsNameTheFile) {
  ANE_NEED_EVIDENCE("models/espresso");
  const std::pair<const char*, const char*> cases[] = {
      {"no-weights-neuralhash-pbze/model.mlmodelc", "NeuralHashv3b-current.espresso.weights does not exist"},
      {"no-weights-neuralhash-pbze/NeuralHashv3b-current-pbze",
       "NeuralHashv3b-current.espresso.weights does not exist"},
      {"no-weights-quickdraw-lstm/quickdraw.mlmodelc", "model.espresso.weights does not exist"}};
  for (const auto& [name, part] : cases) {
    const TemporaryFolder folder;
    const Ran ran = run("coreml2hwx -q --verify " + quoted(evidence_folder / name) + " -o " +
                        quoted(folder.path() / "out"));
    expect_refused(ran, name);
    EXPECT_NE(ran.err.find(part), std::string::npos) << ran.err;
  }
}

TEST(RealModels, UnsupportedOnesAreRefusedAtOnce) {
  ANE_NEED_EVIDENCE("models/unsupported");
  for (const fs::directory_entry& entry : fs::directory_iterator(evidence_folder)) {
    if (!entry.is_directory()) continue;
    const TemporaryFolder folder;
    const fs::path model = find_model(entry.path());
    if (model.empty()) continue;
    expect_refused(run("coreml2hwx -q " + quoted(model) + " -o " + quoted(folder.path() / "out")),
                   model.string());
    EXPECT_FALSE(fs::exists(folder.path() / "out"));
  }
}

}  // namespace
}  // namespace ane::test
