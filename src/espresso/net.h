// An Espresso network: the compiled form of a Core ML neural network (.mlmodelc), in memory.
//
// On disk it is three files: model.espresso.net (JSON: layers, their connections and attributes), .shape
// (JSON: the shape of every blob) and .weights (numbered binary blobs). The JSON's attribute names and
// numbers are the format, and new ones appear with every release, so a layer keeps its attributes as JSON and
// typed access is by name; this loses nothing when a file is read and written back. docs/espresso.md lists
// the attributes used here.
//
// Tensors have five axes, slowest first: seq, n, k (channels), h, w.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"

namespace ane::espresso {

struct Shape {
  int64_t w = 1, h = 1, k = 1, n = 1, seq = 1;
  std::optional<int> rank;  // exact rank (newer files); absent = rank-5 semantics

  int64_t count() const { return w * h * k * n * seq; }
  friend bool operator==(const Shape&, const Shape&) = default;
};

// One numbered array of model.espresso.weights. `owner` keeps the bytes alive (a mapping or a vector).
struct Blob {
  std::shared_ptr<const void> owner;
  ByteSpan bytes;

  static Blob copy_of(ByteSpan bytes);
  static Blob of_floats(std::vector<float> values);
};

struct Layer {
  std::string name, type;
  std::vector<std::string> bottoms, tops;
  nlohmann::json attributes;  // every key but name, type, bottom, top

  // Typed access. A missing key gives `fallback` (or throws Error without one); a wrong type throws Error.
  // `file` names the net file in the message.
  int64_t integer(const std::string& key, const std::string& file) const;
  int64_t integer_or(const std::string& key, int64_t fallback, const std::string& file) const;
  double number_or(const std::string& key, double fallback, const std::string& file) const;

  // The weights this layer refers to: attributes named blob_* or *_blob, and the roles in `weights`.
  std::vector<int64_t> blob_ids(const std::string& file) const;
  // attributes.is_output is set: the tops are results of the network.
  bool is_output() const;
};

// transform_params of an image input: y_c = scale * x_c + bias_c before the network.
struct ImageTransform {
  double scale = 1, bias_r = 0, bias_g = 0, bias_b = 0, bias_a = 0;
  bool network_is_bgr = false, center_mean = false;
};

struct Net {
  std::string file;  // for messages
  int64_t format_version = 200;
  std::vector<Layer> layers;  // topologically ordered
  std::map<std::string, ImageTransform> transforms;
  std::unordered_map<std::string, Shape> shapes;  // of every blob
  std::map<int64_t, Blob> blobs;                  // by id; layers refer to them
  nlohmann::json extra;                           // top-level keys not understood, kept for writing back

  std::vector<std::string> inputs() const;   // bottoms that no layer produces, in order of first use
  std::vector<std::string> outputs() const;  // tops marked is_output, else tops that no layer consumes
  // Throws Error when absent.
  const Shape& shape(const std::string& blob) const;
  const Blob& blob(int64_t id, const std::string& layer) const;
};

}  // namespace ane::espresso
