#include "driver/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <unordered_map>

#include "anec/from_hwx.h"
#include "aneir/plist.h"
#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "driver/indices.h"
#include "driver/proposal.h"
#include "driver/soundness.h"
#include "driver/version.h"
#include "espresso/files.h"
#include "h13/moments.h"
#include "h13/round_kernels.h"
#include "mil/element.h"
#include "passes/passes.h"
#include "report/report.h"
#include "tools/dump/dump.h"

namespace ane::driver {

namespace fs = std::filesystem;

namespace {

const h13::Compat& find_compat(const std::string& version) {
  const hwx::DialectFacts* facts = hwx::find_dialect(version);
  if (!facts)
    throw Error("", "--compat", fmt::format("{} is no known compiler version", version),
                "use 4.2.1, 5.4.1, 7.6.4 or 9.509");
  return h13::compat(facts->dialect);
}

// Messages from below do not know the file; they name the layer.
template <typename Step>
auto naming(const fs::path& file, Step step) {
  try {
    return step();
  } catch (const Error& error) {
    const std::string text = error.what();
    if (text.starts_with(file.string())) throw;
    throw Error(file.string(), "", text);
  }
}

SidecarImage image_of(const coreml::ImageFeature& feature) {
  SidecarImage image;
  image.color_space = feature.color_space == coreml::ColorSpace::Grayscale ? "grayscale"
                      : feature.color_space == coreml::ColorSpace::Rgb     ? "rgb"
                                                                           : "bgr";
  image.width = feature.width;
  image.height = feature.height;
  image.scale = static_cast<double>(feature.preprocessing.scale);
  image.bias.assign(feature.preprocessing.bias.begin(), feature.preprocessing.bias.end());
  image.mean = feature.preprocessing.mean;
  return image;
}

const char* name_of(coreml::ArrayType type) {
  switch (type) {
    case coreml::ArrayType::Float32:
      return "float32";
    case coreml::ArrayType::Float64:
      return "float64";
    case coreml::ArrayType::Float16:
      return "float16";
    case coreml::ArrayType::Int32:
      return "int32";
    case coreml::ArrayType::Int8:
      return "int8";
  }
  return "float32";
}

int64_t product(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t length : shape) count *= length;
  return count;
}

void describe(SidecarFeature& feature, const std::vector<coreml::Feature>& known) {
  for (const coreml::Feature& candidate : known) {
    if (candidate.name != feature.name) continue;
    if (const coreml::ImageFeature* image = candidate.image()) {
      feature.type = "image";
      feature.shape = {image->channels(), image->height, image->width};
      feature.image = image_of(*image);
    } else {
      const auto& array = std::get<coreml::ArrayFeature>(candidate.type);
      feature.type = name_of(array.type);
      if (!array.shape.empty() && product(array.shape) == product(feature.shape)) feature.shape = array.shape;
    }
  }
}

// The type of a function's input or result.
const mil::Type* type_of(const mil::Function& function, const std::string& name) {
  const auto among = [&](const std::vector<mil::NamedType>& values) -> const mil::Type* {
    for (const mil::NamedType& value : values)
      if (value.name == name) return &value.type;
    return nullptr;
  };
  if (const mil::Type* input = among(function.inputs)) return input;
  for (const mil::Operation& operation : function.block.operations)
    if (const mil::Type* output = among(operation.outputs)) return output;
  return nullptr;
}

// The shape of a value whose type may leave lengths open, from that of its surface, [n, c, h, w].
std::vector<int64_t> shape_of(const mil::Type& type, const std::vector<int64_t>& surface) {
  if (product(type.shape) == product(surface)) return type.shape;
  const size_t rank = type.shape.size();
  if (rank > surface.size()) return surface;
  const std::vector<int64_t> last(surface.end() - static_cast<std::ptrdiff_t>(rank), surface.end());
  return product(last) == product(surface) ? last : surface;
}

void describe(SidecarFeature& feature, const mil::Function& function) {
  const mil::Type* type = type_of(function, feature.name);
  if (!type) return;
  if (type->is_tensor()) feature.shape = shape_of(*type, feature.shape);
  switch (mil::kind_of(type->element)) {
    case mil::ElementKind::Truth:
      feature.type = "uint8";
      break;
    case mil::ElementKind::Signed:
    case mil::ElementKind::Unsigned:
      feature.type = "int32";
      break;
    default:
      feature.type = type->element == mil::DataType::Float32 ? "float32" : "float16";
  }
}

// Of an ML Program: what its description calls an image is one, if the program's tensor is.
void describe_image(SidecarFeature& feature, const std::vector<coreml::Feature>& known) {
  for (const coreml::Feature& candidate : known)
    if (candidate.name == feature.name && candidate.image() && candidate.tensor == feature.shape) {
      feature.type = "image";
      feature.image = image_of(*candidate.image());
    }
}

// An input with an image transform is a picture. (Which of a compiled model's arrays is one, and the names of
// its classes, stand in coremldata.bin, whose layout is not known well enough to rely on.)
void describe(SidecarFeature& feature, const espresso::Net& net) {
  const auto found = net.transforms.find(feature.name);
  const auto shape = net.shapes.find(feature.name);
  if (found == net.transforms.end() || shape == net.shapes.end()) return;
  const espresso::ImageTransform& transform = found->second;
  const espresso::Shape& of = shape->second;
  if (transform.center_mean || of.n * of.seq != 1 || (of.k != 1 && of.k != 3)) return;
  SidecarImage image;
  image.color_space = of.k == 1 ? "grayscale" : transform.network_is_bgr ? "bgr" : "rgb";
  image.width = of.w;
  image.height = of.h;
  image.scale = transform.scale;
  image.bias = {transform.bias_r, transform.bias_g, transform.bias_b};
  if (transform.network_is_bgr) std::swap(image.bias.front(), image.bias.back());
  if (of.k == 1) image.bias.resize(1);
  feature.type = "image";
  feature.shape = {of.k, of.h, of.w};
  feature.image = image;
}

// What the user knows of a surface, from the source model where it says more than the container.
SidecarFeature feature_of(const hwx::Surface& surface, const std::string& name, const Source& source) {
  SidecarFeature feature;
  feature.name = name;
  feature.binding = surface.binding;
  feature.shape = {surface.n, surface.c, surface.h, surface.w};
  feature.type = "float16";
  if (source.coreml)
    describe(feature, surface.role == hwx::Role::Input ? source.coreml->inputs : source.coreml->outputs);
  if (source.mil) {
    describe(feature, source.function());
    describe_image(feature,
                   surface.role == hwx::Role::Input ? source.features.inputs : source.features.outputs);
  }
  if (source.espresso && !source.coreml && surface.role == hwx::Role::Input)
    describe(feature, *source.espresso);
  return feature;
}

std::string user_name(const hwx::Surface& surface) {
  constexpr std::string_view tail = "@output";
  return surface.role == hwx::Role::Output && surface.symbol.ends_with(tail)
             ? surface.symbol.substr(0, surface.symbol.size() - tail.size())
             : surface.symbol;
}

// Layers in their order, each with the tasks that carry its name.
std::vector<SidecarLayer> layer_map(const Source& source, const h13::Program& program) {
  std::vector<SidecarLayer> layers;
  std::unordered_map<std::string, size_t> index;
  const auto add = [&](const std::string& name, const std::string& type) {
    if (index.emplace(name, layers.size()).second) layers.push_back({name, type, {}});
  };
  if (source.espresso) {
    for (const espresso::Layer& layer : source.espresso->layers) add(layer.name, layer.type);
  } else if (source.mil) {
    for (const mil::Operation& operation : source.function().block.operations)
      if (operation.type != "const") add(operation.label(), operation.type);
  } else {
    for (const aneir::Unit& unit : source.network.units) add(unit.layer, aneir::type_name(unit));
  }
  for (size_t i = 0; i < program.infos.size(); ++i) {
    add(program.infos[i].layer, program.infos[i].work);
    layers[index.at(program.infos[i].layer)].tasks.push_back(static_cast<int64_t>(i));
  }
  return layers;
}

// The labels that a classifier's last operation gives with the scores.
void name_classes(Sidecar& sidecar, const mil::Function& function) {
  const auto values_of = [&](const mil::Binding& binding) -> const mil::Value* {
    if (binding.name.empty()) return binding.value.get();
    for (const mil::Operation& operation : function.block.operations)
      if (operation.type == "const" && operation.outputs[0].name == binding.name)
        return operation.attribute("val");
    return nullptr;
  };
  for (const mil::Operation& operation : function.block.operations) {
    const mil::Argument* classes = operation.type == "classify" ? operation.find("classes") : nullptr;
    const mil::Value* values = classes ? values_of(classes->bindings.at(0)) : nullptr;
    if (!values || operation.outputs.size() != 2) continue;
    sidecar.class_scores = operation.outputs[1].name;
    for (const std::string& label : values->strings) sidecar.class_labels.push_back(label);
    for (const mil::Value& label : values->parts) {
      if (!label.type.is_tensor() || label.count() != 1) continue;
      const bool text = label.type.element == mil::DataType::String;
      sidecar.class_labels.push_back(text ? label.string() : fmt::format("{}", label.number()));
    }
  }
}

Sidecar sidecar_of(const CompileOptions& options, const Source& source, const Indices& indices,
                   const h13::Compat& compat, const h13::Program& program) {
  Sidecar sidecar;
  sidecar.model = options.model.filename().string();
  sidecar.compiler = fmt::format("coreml2hwx {}", version);
  sidecar.compat = compat.version;
  for (const hwx::Surface& surface : program.file.surfaces) {
    const bool input = surface.role == hwx::Role::Input;
    (input ? sidecar.inputs : sidecar.outputs).push_back(feature_of(surface, user_name(surface), source));
  }
  if (source.coreml && !source.coreml->class_labels.empty()) {
    sidecar.class_labels = source.coreml->class_labels;
    sidecar.class_scores = source.coreml->class_scores_blob;
  }
  if (source.mil) name_classes(sidecar, source.function());
  for (SidecarFeature& feature : sidecar.inputs)
    if (const auto found = indices.find(feature.name); found != indices.end())
      feature.indices = found->second;
  sidecar.pipeline = source.pipeline;
  sidecar.layers = layer_map(source, program);
  return sidecar;
}

// What libane loads. Throws Error when no Linux driver could run the program.
Bytes anec_of(const CompileOptions& options, const hwx::File& program) {
  const auto log = [&](const std::string& text) {
    if (options.log) options.log(text);
  };
  try {
    const anec::Converted converted = naming(options.model, [&] { return anec::from_hwx(program, {}); });
    for (const std::string& warning : converted.warnings) log("model.anec: " + warning);
    return anec::write(converted.file);
  } catch (const Error& error) {
    if (!options.leave_out_impossible) throw;
    log(fmt::format("model.anec is left out: {}", error.what()));
    return {};
  }
}

void write_plist(const Compiled& compiled, const CompileOptions& options) {
  const fs::path folder = options.output / "espresso_ir_dump";
  try {
    naming(options.model, [&] { aneir::spell_out(compiled.source.network); });
  } catch (const Error& error) {
    if (!options.leave_out_impossible) throw;
    if (options.log) options.log(fmt::format("net.plist is left out: {}", error.what()));
    return;
  }
  fs::create_directories(folder);
  aneir::write_plist(compiled.source.network, folder);
}

// The engine computes in binary16; who wrote fp32 should know.
void note_precision(const Source& source, const CompileOptions& options) {
  if (!options.log || !source.mil) return;
  const auto is_wide = [](const mil::NamedType& value) {
    return value.type.is_tensor() && value.type.element == mil::DataType::Float32;
  };
  size_t wide = 0;
  for (const mil::Operation& operation : source.function().block.operations)
    wide += operation.type != "const" && operation.type != "cast" &&
            std::any_of(operation.outputs.begin(), operation.outputs.end(), is_wide);
  if (wide > 0)
    options.log(fmt::format("{} operation{} in fp32, which the engine computes in fp16", wide,
                            wide == 1 ? " is" : "s are"));
}

// What passes may rely on. Whole units are for ML Programs alone: networks of the older forms were compiled
// to the units that a net.plist has.
aneir::EngineFacts engine_facts(const Source& source, const h13::Compat& compat,
                                const CompileOptions& options) {
  aneir::EngineFacts facts = h13::engine_facts(options.native_pooling, options.coarse_tables);
  facts.composites = source.kind == SourceKind::Mil && compat.composites;
  facts.matrix_products = compat.composites;
  facts.optimise = options.optimise;
  return facts;
}

// What the inputs' values will be like: known of pictures, unless an image of means is taken from them.
std::vector<h13::Moments> input_moments(const aneir::Network& network, const Source& source) {
  std::vector<h13::Moments> moments;
  for (const aneir::TensorId id : network.inputs) {
    const aneir::Tensor& tensor = network.tensor(id);
    hwx::Surface surface;
    surface.role = hwx::Role::Input;
    const auto& [n, d, c, h, w] = tensor.shape;
    surface.n = n, surface.c = c, surface.h = h, surface.w = w;
    const SidecarFeature feature = feature_of(surface, tensor.name, source);
    moments.push_back(feature.image && feature.image->mean.empty()
                          ? h13::picture_moments(c, feature.image->scale, feature.image->bias)
                          : h13::Moments());
  }
  return moments;
}

// Layers' names and types stay, which the sidecar file lists.
void give_up_weights(Source& source) {
  if (source.coreml) source.coreml->layers.clear(), source.coreml->proto.reset();
  if (source.espresso) source.espresso->blobs.clear();
}

// The costs of the network as it is, without the passes that make it faster.
std::optional<h13::Plan> unoptimised_plan(const Compiled& compiled, const h13::Compat& compat,
                                          CompileOptions options) {
  options.optimise = false;
  aneir::Network network = compiled.source.network;
  try {
    passes::run_passes(network, engine_facts(compiled.source, compat, options));
    return h13::plan_network(network, compat, h13::target(), false);
  } catch (const Error&) {
    return std::nullopt;  // some layers are legal only where they are folded
  }
}

}  // namespace

const char* default_compat(const Source& source) {
  const auto multiplies = [](const espresso::Layer& layer) { return layer.type == "batch_matmul"; };
  const bool products = source.espresso && std::any_of(source.espresso->layers.begin(),
                                                       source.espresso->layers.end(), multiplies);
  return source.kind == SourceKind::Mil || products ? "9.509" : "5.4.1";
}

void prepare(aneir::Network& network, const Source& source, const h13::Compat& compat,
             const CompileOptions& options, const passes::Observer& observe) {
  passes::run_passes(network, engine_facts(source, compat, options), observe);
  // What is not rounded here is rounded one by one when tasks are made.
  if (!options.nearest_weights) h13::round_kernels(network, input_moments(network, source));
}

namespace {

// Whether a program can be made of it; throws what compile_model does.
void try_out(const CompileOptions& options) {
  Source source = read_source(options.model, options.choice);
  const h13::Compat& compat = find_compat(options.compat.empty() ? default_compat(source) : options.compat);
  import_network(source);
  passes::run_passes(source.network, engine_facts(source, compat, options));
  h13::plan_network(source.network, compat, h13::target(), options.optimise);
}

// How to compile a part of a model that is refused for `refused`; empty where none is worth it. Layers can be
// refused late that were passed over before, so that what is proposed is tried out.
std::string propose(CompileOptions options, std::vector<RefusedLayer> refused) {
  constexpr int most_rounds = 4;
  Graph graph;
  try {
    read_source(options.model, options.choice, &graph);
  } catch (const Error&) {  // as before; the graph was made first
  }
  const Cut given = options.choice.cut;
  std::vector<bool> steps(graph.steps.size());
  for (int round = 0; round < most_rounds && mark_refused(graph, refused, steps); ++round) {
    for (const Cut& cut : large_parts(graph, steps, given)) {
      options.choice.cut = cut;
      try {
        try_out(options);
        return remedy_text(cut);
      } catch (const RefusedLayers& others) {
        refused.insert(refused.end(), others.layers.begin(), others.layers.end());
      } catch (const Error&) {  // not this one
      }
    }
  }
  return "";
}

Compiled compile_whole(const CompileOptions& options) {
  const auto begun = std::chrono::steady_clock::now();
  const bool graphs = options.emit.contains("dot");
  Compiled compiled;
  constexpr size_t steps = 5;
  const auto begin_step = [&](size_t number) {
    if (options.progress) options.progress(number, steps);
  };

  // The model as its author wrote it; a Core ML model also in compiled (Espresso) form. Refusals of layers
  // that no later stage could handle come from here, all at once.
  begin_step(0);
  compiled.source = read_source(options.model, options.choice);
  const h13::Compat& compat =
      find_compat(options.compat.empty() ? default_compat(compiled.source) : options.compat);
  if (compiled.source.pipeline && options.log) options.log(compiled.source.pipeline->text());
  note_precision(compiled.source, options);
  if (graphs && compiled.source.espresso)
    compiled.reports["model.espresso.dot"] = report::espresso_dot(*compiled.source.espresso);

  // Espresso layers or MIL operations become units over 5-D tensors. After this nothing knows the source.
  begin_step(1);
  naming(options.model, [&] { import_network(compiled.source); });
  if (graphs)
    compiled.reports["net.00_import.dot"] = report::network_dot(compiled.source.network, "after import");

  if (options.emit.contains("text") && compiled.source.mil)
    compiled.reports["layout.txt"] =
        report::layout_table(compiled.source.function(), compiled.source.network);

  const Indices indices = compiled.source.coreml ? index_inputs(*compiled.source.coreml) : Indices{};
  if (options.compare_costs) compiled.unoptimised = unoptimised_plan(compiled, compat, options);
  const bool give_up = options.give_up_source && compiled.source.kind != SourceKind::AnePlist;
  if (give_up) give_up_weights(compiled.source);

  // Units are folded, fused and decomposed until each is something the engine does.
  aneir::Network network = give_up ? std::move(compiled.source.network) : compiled.source.network;
  begin_step(2);
  int step = 0;
  naming(options.model, [&] {
    prepare(network, compiled.source, compat, options,
            [&](const std::string& pass, const aneir::Network& now) {
              if (!graphs) return;
              compiled.reports[fmt::format("net.{:02}_{}.dot", ++step, pass)] =
                  report::network_dot(now, "after " + pass);
            });
  });

  begin_step(3);

  // Units become tasks; the container's contents are complete after this.
  compiled.program = naming(options.model, [&] {
    return h13::compile_network(std::move(network), compat, h13::target(), options.optimise);
  });
  compiled.program.file.banner = fmt::format("ANEC v1\ncoreml2hwx {}\n\t-t {}\n\t--compat {}\n", version,
                                             h13::target().name, compat.version);
  hwx::assign_addresses(compiled.program.file);
  begin_step(4);
  do_together([&] { check_program(compiled.program); },
              [&] {
                if (options.emit.contains("anec")) compiled.anec = anec_of(options, compiled.program.file);
                compiled.sidecar = sidecar_of(options, compiled.source, indices, compat, compiled.program);
              });
  compiled.compile_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return compiled;
}

}  // namespace

Compiled compile_model(const CompileOptions& options) {
  try {
    return compile_whole(options);
  } catch (const RefusedLayers& refused) {
    const std::string remedy = propose(options, refused.layers);
    if (remedy.empty()) throw;
    throw Error("", "", refused.what(), remedy);
  }
}

void write_outputs(const Compiled& compiled, const CompileOptions& options) {
  const auto wants = [&](const char* what) { return options.emit.contains(what); };
  const fs::path& folder = options.output;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(folder.string(), "", "cannot be created: " + error.message());
  if (wants("plist")) write_plist(compiled, options);  // first, since it may be refused
  if (wants("mlmodelc") && compiled.source.espresso) {
    const fs::path compiled_model = folder / (compiled.source.name + ".mlmodelc");
    fs::create_directories(compiled_model);
    espresso::write_folder(*compiled.source.espresso, compiled_model);
  }
  for (const auto& [name, text] : compiled.reports) write_file(folder / name, std::string_view(text));
  if (wants("dot")) write_file(folder / "tasks.dot", std::string_view(report::tasks_dot(compiled.program)));
  if (wants("text")) {
    write_file(folder / "layers.txt",
               std::string_view(report::layer_table(compiled.program, {}, compiled.unoptimised)));
    write_file(folder / "registers.txt",
               std::string_view(dump::text(dump::load(hwx::write(compiled.program.file), "model.hwx"))));
  }
  if (wants("json"))
    write_file(folder / "cost.json",
               std::string_view(report::cost_json(compiled.program, compiled.unoptimised).dump(2) + "\n"));
  if (!compiled.anec.empty()) write_file(folder / "model.anec", ByteSpan(compiled.anec));
  do_together([&] { write_file(folder / "model.json", std::string_view(to_json(compiled.sidecar))); },
              [&] {
                if (wants("hwx"))
                  write_file(folder / "model.hwx", hwx::Image(compiled.program.file).pieces());
              });
}

}  // namespace ane::driver
