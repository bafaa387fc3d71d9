// Graphviz as the judge of our graphs: what it accepts, and what it draws.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ane::test {

inline bool has_graphviz() {
  return std::system("command -v dot >/dev/null 2>&1") == 0;
}

struct Drawing {
  int status = -1;
  std::string output, complaints;
};

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// `format` as in dot -T. The graph goes through a file, since it may hold anything.
inline Drawing draw(const std::string& graph, const std::string& format) {
  std::string folder = (std::filesystem::path(::testing::TempDir()) / "dot.XXXXXX").string();
  if (!mkdtemp(folder.data())) return {};
  std::ofstream(folder + "/graph.dot", std::ios::binary) << graph;
  const std::string command =
      "dot -T" + format + " " + folder + "/graph.dot >" + folder + "/out 2>" + folder + "/complaints";
  const int status = std::system(command.c_str());
  Drawing drawing{WIFEXITED(status) ? WEXITSTATUS(status) : -1, contents(folder + "/out"),
                  contents(folder + "/complaints")};
  std::filesystem::remove_all(folder);
  return drawing;
}

inline std::string unescape(std::string text) {
  const std::pair<const char*, const char*> entities[] = {{"&quot;", "\""}, {"&lt;", "<"},  {"&gt;", ">"},
                                                          {"&#45;", "-"},   {"&#39;", "'"}, {"&#160;", " "},
                                                          {"&amp;", "&"}};
  for (const auto& [entity, character] : entities)
    for (size_t at = 0; (at = text.find(entity, at)) != std::string::npos; at += 1)
      text.replace(at, std::string(entity).size(), character);
  return text;
}

// Every line of text that the picture shows.
inline std::multiset<std::string> drawn_lines(const std::string& svg) {
  std::multiset<std::string> lines;
  for (size_t at = 0; (at = svg.find("<text", at)) != std::string::npos;) {
    const size_t begin = svg.find('>', at) + 1, end = svg.find("</text>", begin);
    lines.insert(unescape(svg.substr(begin, end - begin)));
    at = end;
  }
  return lines;
}

// (tail, head) of every edge, by node identifiers.
inline std::multiset<std::pair<std::string, std::string>> edges_of(const std::string& graph) {
  const Drawing drawing = draw(graph, "json0");
  EXPECT_EQ(drawing.complaints, "");
  const nlohmann::json json = nlohmann::json::parse(drawing.output);
  std::multiset<std::pair<std::string, std::string>> edges;
  if (!json.contains("edges")) return edges;
  for (const auto& edge : json.at("edges"))
    edges.emplace(json.at("objects").at(edge.at("tail").get<size_t>()).at("name").get<std::string>(),
                  json.at("objects").at(edge.at("head").get<size_t>()).at("name").get<std::string>());
  return edges;
}

}  // namespace ane::test

#define ANE_NEED_GRAPHVIZ \
  if (!ane::test::has_graphviz()) GTEST_SKIP() << "needs the program dot (Debian package graphviz)"
