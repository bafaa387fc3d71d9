// Colours and the grey of plain boxes are those of the debug graphs that Apple's compiler writes, so that the
// two can be laid side by side; engines have colours of our own.
#include "report/dot.h"

#include <fmt/format.h>

#include "report/text.h"

namespace ane::report {

namespace {

constexpr int title_width = 60, line_width = 64, axes_width = 120, tooltip_width = 400;

// Graphviz replaces backslash sequences in HTML-like text too.
std::string escape_html(std::string_view printable_text) {
  std::string out;
  for (const char c : printable_text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  return out;
}

// A double-quoted string. Graphviz replaces entities and backslash sequences in it.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : cut_middle(text, tooltip_width)) switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '&':
        out += "&amp;";
        break;
      default:
        out += c;
    }
  return out + '"';
}

const char* style_of(Look look) {
  switch (look) {
    case Look::Input:
    case Look::Output:
      return "fillcolor=\"#66CDFC:#C3EBFF\", fontcolor=\"#055175\"";
    case Look::Plain:
      return "fillcolor=\"#BBBBBB:#EEEEEE\", fontcolor=\"#222222\"";
    case Look::Constant:
      return "fillcolor=\"#F5E6A8:#FCF6DD\", fontcolor=\"#5C4A00\"";
    case Look::Neural:
      return "fillcolor=\"#FFC68A:#FFEBD6\", fontcolor=\"#5A2D00\"";
    case Look::Planar:
      return "fillcolor=\"#A9DCA6:#E3F5E2\", fontcolor=\"#123F10\"";
  }
  return "";
}

// Graphviz knows no empty text between tags.
std::string line_text(std::string_view text, int width) {
  const std::string shown = escape_html(cut_middle(text, width));
  return shown.empty() ? " " : shown;
}

std::string html(std::string_view title, const std::vector<std::string>& lines) {
  std::string out = fmt::format("<b>{}</b>", line_text(title.empty() ? "(no name)" : title, title_width));
  for (const std::string& line : lines)
    if (!line.empty()) out += "<br align=\"left\"/>" + line_text(line, line_width);
  return out + "<br align=\"left\"/>";
}

}  // namespace

Graph::Graph(std::string_view title, std::string_view axes) {
  text_ = fmt::format(
      "digraph G {{\n"
      "  graph [label=<{}>, labelloc=t, fontname=\"Helvetica\"];\n"
      "  node [shape=box, style=\"filled,rounded\", gradientangle=90, fontname=\"Helvetica\", fontsize=11];\n"
      "  edge [fontname=\"Helvetica\", fontsize=9];\n",
      html(title, {}) + line_text("shapes: " + std::string(axes), axes_width) + "<br align=\"left\"/>");
}

void Graph::node(std::string_view id, Look look, std::string_view title,
                 const std::vector<std::string>& lines, bool highlighted) {
  text_ += fmt::format("  {} [label=<{}>, tooltip={}, {}{}];\n", id, html(title, lines), quoted(title),
                       style_of(look), highlighted ? ", color=red, penwidth=2" : "");
}

void Graph::edge(std::string_view from, std::string_view to, const std::vector<std::string>& label) {
  std::string lines;
  for (const std::string& line : label)
    if (!line.empty()) lines += (lines.empty() ? "" : "<br/>") + line_text(line, line_width);
  text_ += fmt::format("  {} -> {} [label=<{}>];\n", from, to, lines.empty() ? " " : lines);
}

std::string dimensions(const std::vector<int64_t>& lengths) {
  return fmt::format("{}", fmt::join(lengths, "×"));
}

}  // namespace ane::report
