// Text in the DOT language that Graphviz accepts whatever the names hold.
//
// Nodes get identifiers of our own; names appear only as labels, which are HTML-like (bold title,
// left-aligned lines) and escaped, and as tooltips. So no character of a name can end a string or
// become markup.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ane::report {

enum class Look { Input, Output, Plain, Constant, Neural, Planar };

class Graph {
 public:
  // `axes` explains the shapes on the edges.
  Graph(std::string_view title, std::string_view axes);

  // `highlighted` boxes get a red border. Lines are cut to a readable width; empty ones are left out.
  void node(std::string_view id, Look look, std::string_view title, const std::vector<std::string>& lines,
            bool highlighted = false);
  void edge(std::string_view from, std::string_view to, const std::vector<std::string>& label);

  std::string text() const { return text_ + "}\n"; }

 private:
  std::string text_;
};

// "1×3×224×224"
std::string dimensions(const std::vector<int64_t>& lengths);

}  // namespace ane::report
