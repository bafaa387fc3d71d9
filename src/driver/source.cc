#include "driver/source.h"

#include <cstring>

#include "aneir/plist.h"
#include "base/error.h"
#include "base/file.h"
#include "espresso/files.h"
#include "espresso/from_coreml.h"
#include "import/from_espresso.h"
#include "import/from_mil.h"
#include "mil/text.h"

namespace ane::driver {

namespace fs = std::filesystem;

namespace {

bool has_espresso_net(const fs::path& folder) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.size() >= 12 && name.ends_with("espresso.net")) return true;
  }
  return false;
}

SourceKind identify_folder(const fs::path& path) {
  const std::string file = path.string();
  if (has_espresso_net(path)) return SourceKind::Espresso;
  if (fs::exists(path / "net.plist")) return SourceKind::AnePlist;
  if (fs::exists(path / "Manifest.json"))
    throw Error(file, "", "is an .mlpackage, which this version does not read",
                "save it as a .mlmodel neural network");
  if (fs::exists(path / "model.mil")) return SourceKind::Mil;
  if (fs::exists(path / "model0"))
    throw Error(file, "", "is a compiled pipeline, which holds models and no network of its own",
                "give one of the models inside, such as model0");
  if (fs::exists(path / "coremldata.bin"))
    throw Error(file, "", "is a compiled model without a neural network (no model.espresso.net inside)",
                "only neural networks run on the engine");
  throw Error(file, "", "is a folder without a compiled model (model.espresso.net or net.plist)");
}

SourceKind identify_file(const fs::path& path) {
  const MappedFile file(path);
  const std::string_view text = file.text();
  if (text.empty()) throw Error(file.name(), "", "is empty");
  if (text.starts_with("bplist00")) return SourceKind::AnePlist;
  if (text.starts_with("<?xml") || text.starts_with("<!DOCTYPE plist") || text.starts_with("<plist"))
    return SourceKind::AnePlist;
  if (text.starts_with("pbze") || text.starts_with("{")) return SourceKind::Espresso;
  if (text.starts_with("program(")) return SourceKind::Mil;
  return SourceKind::CoreMl;
}

}  // namespace

SourceKind identify(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) throw Error(path.string(), "", "does not exist");
  return fs::is_directory(status) ? identify_folder(path) : identify_file(path);
}

Source read_source(const fs::path& path, const coreml::ChosenShapes& shapes) {
  Source source;
  source.kind = identify(path);
  if (!shapes.empty() && source.kind != SourceKind::CoreMl)
    throw Error(path.string(), "--shape", "only a .mlmodel has inputs whose shape can be chosen");
  fs::path named = path;
  if (!named.has_filename()) named = named.parent_path();
  source.name = named.stem().string();
  switch (source.kind) {
    case SourceKind::CoreMl:
      source.coreml = coreml::read_model(MappedFile(path), shapes);
      source.espresso = espresso::from_coreml(*source.coreml);
      break;
    case SourceKind::Espresso:
      source.espresso = espresso::read_folder(path);
      break;
    case SourceKind::AnePlist:
      source.network = aneir::read_plist(path);
      break;
    case SourceKind::Mil:
      source.mil = mil::read_text(fs::is_directory(path) ? path / "model.mil" : path);
      source.function();
      break;
  }
  return source;
}

const mil::Function& Source::function() const {
  if (const mil::Function* main = mil->find("main")) return *main;
  if (mil->functions.size() == 1) return mil->functions[0];
  throw Error(mil->file, "", "holds several functions, none of which is called main");
}

void import_network(Source& source) {
  if (source.mil) source.network = import::from_mil(*source.mil, source.function());
  if (source.espresso) source.network = import::from_espresso(*source.espresso);
}

}  // namespace ane::driver
