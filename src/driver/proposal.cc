// Refused steps divide a network into layers like an onion: how many of them lie at most on a way from the
// inputs to a step is its level. A way never leads to a lower level, and steps of one level have no refused
// one between them, so that those of one level are a part that runs in one go. The same holds for levels
// counted from the outputs, which are other parts where ways meet. The best of each kind is proposed.
#include "driver/proposal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace ane::driver {

namespace {

constexpr size_t most_names = 8;  // that a user is told to type

class Proposer {
 public:
  Proposer(const Graph& graph, const std::vector<bool>& refused, const Cut& cut)
      : graph_(graph), wiring_(graph), refused_(refused), cut_(cut) {
    find_live();
    find_constant();
  }

  std::vector<Cut> run() const {
    Candidate better = candidate(levels_from_inputs()), other = candidate(levels_from_outputs());
    if (other.work > better.work) std::swap(better, other);
    std::vector<Cut> cuts;
    if (better.work > 0) cuts.push_back(std::move(better.cut));
    if (other.work > 0) cuts.push_back(std::move(other.cut));
    return cuts;
  }

 private:
  struct Candidate {
    size_t work = 0;  // steps that are
    Cut cut;
  };
  using Levels = std::vector<size_t>;

  std::optional<size_t> writer(size_t value) const { return wiring_.values[value].step; }

  // What the outputs need.
  void find_live() {
    live_.resize(graph_.steps.size());
    for (const std::string& name : graph_.outputs)
      if (const auto found = wiring_.last.find(name); found != wiring_.last.end())
        outputs_.insert(found->second);
    std::vector<bool> needed(wiring_.values.size());
    for (const size_t value : outputs_) needed[value] = true;
    for (size_t i = graph_.steps.size(); i-- > 0;) {
      const std::vector<size_t>& writes = wiring_.writes[i];
      live_[i] = std::any_of(writes.begin(), writes.end(), [&](size_t value) { return needed[value]; });
      if (!live_[i]) continue;
      for (const size_t value : wiring_.reads[i]) needed[value] = true;
    }
  }

  // What depends on no input can be in any part.
  void find_constant() {
    constant_.resize(graph_.steps.size());
    for (size_t i = 0; i < graph_.steps.size(); ++i) {
      const std::vector<size_t>& reads = wiring_.reads[i];
      constant_[i] = !refused_[i] && std::all_of(reads.begin(), reads.end(),
                                                 [&](size_t value) { return is_constant(value); });
    }
  }
  bool is_constant(size_t value) const { return writer(value) && constant_[*writer(value)]; }

  Levels levels_from_inputs() const {
    Levels levels(graph_.steps.size());
    for (size_t i = 0; i < levels.size(); ++i) {
      for (const size_t value : wiring_.reads[i])
        if (writer(value)) levels[i] = std::max(levels[i], levels[*writer(value)]);
      levels[i] += refused_[i] ? 1 : 0;
    }
    return levels;
  }

  Levels levels_from_outputs() const {
    Levels levels(graph_.steps.size());
    for (size_t i = levels.size(); i-- > 0;) {
      if (!live_[i]) continue;
      levels[i] += refused_[i] ? 1 : 0;
      for (const size_t value : wiring_.reads[i])
        if (writer(value)) levels[*writer(value)] = std::max(levels[*writer(value)], levels[i]);
    }
    return levels;
  }

  // The steps of the level that has most work.
  Candidate candidate(const Levels& levels) const {
    const auto is_part = [&](size_t step) { return live_[step] && !refused_[step] && !constant_[step]; };
    std::map<size_t, size_t> work;
    for (size_t i = 0; i < levels.size(); ++i)
      if (is_part(i) && is_work(graph_.steps[i])) ++work[levels[i]];
    const auto most = std::max_element(work.begin(), work.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == work.end()) return {};
    std::vector<bool> part(levels.size());
    for (size_t i = 0; i < part.size(); ++i) part[i] = is_part(i) && levels[i] == most->first;
    return named(part);
  }

  // What of a part comes of its work, for the steps outside that read it and for the user.
  std::set<size_t> results_of(const std::vector<bool>& part) const {
    std::vector<bool> worked(wiring_.values.size());
    std::set<size_t> results;
    for (size_t i = 0; i < part.size(); ++i) {
      const std::vector<size_t>& reads = wiring_.reads[i];
      if (!part[i]) {
        for (const size_t value : reads)
          if (live_[i] && worked[value]) results.insert(value);
        continue;
      }
      const bool works = is_work(graph_.steps[i]) ||
                         std::any_of(reads.begin(), reads.end(), [&](size_t value) { return worked[value]; });
      for (const size_t value : wiring_.writes[i]) worked[value] = works;
    }
    for (const size_t value : outputs_)
      if (worked[value]) results.insert(value);
    return results;
  }

  bool is_given(size_t value) const {
    const std::string& name = wiring_.values[value].name;
    return writer(value) || std::find(cut_.from.begin(), cut_.from.end(), name) != cut_.from.end();
  }

  // The cut that leaves those steps of `part` that its results need.
  Candidate named(const std::vector<bool>& part) const {
    const std::set<size_t> results = results_of(part);
    std::set<size_t> given;
    std::vector<bool> needed(wiring_.values.size());
    for (const size_t value : results) needed[value] = true;
    Candidate found;
    for (size_t i = part.size(); i-- > 0;) {
      const std::vector<size_t>& writes = wiring_.writes[i];
      if (!part[i] || std::none_of(writes.begin(), writes.end(), [&](size_t value) { return needed[value]; }))
        continue;
      found.work += is_work(graph_.steps[i]) ? 1 : 0;
      for (const size_t value : wiring_.reads[i]) {
        needed[value] = true;
        const bool within = writer(value) && part[*writer(value)];
        if (!within && !is_constant(value) && is_given(value)) given.insert(value);
      }
    }
    const auto add = [&](const std::set<size_t>& values, std::vector<std::string>& names) {
      for (const size_t value : values) {
        names.push_back(wiring_.values[value].name);
        if (!wiring_.is_last(value)) found.work = 0;  // the name means something else
      }
    };
    add(given, found.cut.from);
    // A cut that names nothing would not even leave out what no output needs.
    if (results != outputs_ || !cut_.to.empty() || given.empty()) add(results, found.cut.to);
    if (found.cut.from.size() + found.cut.to.size() > most_names) found.work = 0;
    return found;
  }

  const Graph& graph_;
  const Wiring wiring_;
  const std::vector<bool>& refused_;
  const Cut& cut_;
  std::vector<bool> live_, constant_;
  std::set<size_t> outputs_;
};

// As the shell takes it.
std::string word(const std::vector<std::string>& names) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,-";
  const std::string text = fmt::format("{}", fmt::join(names, ","));
  return text.find_first_not_of(plain) == std::string::npos ? text : "'" + text + "'";
}

}  // namespace

bool mark_refused(const Graph& graph, const std::vector<RefusedLayer>& refused, std::vector<bool>& steps) {
  std::set<std::string> results, names;
  for (const RefusedLayer& layer : refused) {
    results.insert(layer.results.begin(), layer.results.end());
    if (layer.results.empty()) names.insert(layer.name);
  }
  const auto is_result = [&](const std::string& name) { return results.contains(name); };
  const std::set<std::string> inputs(graph.inputs.begin(), graph.inputs.end());
  const auto is_input = [&](const std::string& name) { return is_result(name) && inputs.contains(name); };
  bool added = false;
  for (size_t i = 0; i < graph.steps.size(); ++i) {
    const Graph::Step& step = graph.steps[i];
    if (steps[i] ||
        !(names.contains(step.name) || std::ranges::any_of(step.writes, is_result) ||
          std::ranges::any_of(step.within, is_result) || std::ranges::any_of(step.reads, is_input)))
      continue;
    steps[i] = added = true;
  }
  return added;
}

std::vector<Cut> large_parts(const Graph& graph, const std::vector<bool>& refused, const Cut& cut) {
  return Proposer(graph, refused, cut).run();
}

std::string remedy_text(const Cut& cut) {
  const char* const where = cut.from.empty() ? "before" : cut.to.empty() ? "behind" : "between";
  std::string text = fmt::format("compile the part {}:", where);
  if (!cut.from.empty()) text += " --from " + word(cut.from);
  if (!cut.to.empty()) text += " --to " + word(cut.to);
  return text;
}

}  // namespace ane::driver
