#include "driver/cut.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace ane::driver {

namespace {

// ---- Names that are like another

constexpr size_t longest_compared = 128;  // hostile files have names of any length
constexpr size_t most_suggested = 3;

// How many letters must be put in, left out or replaced.
size_t distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::vector<std::string> names_like(const std::string& wanted, const std::vector<std::string>& names) {
  if (wanted.empty() || wanted.size() > longest_compared) return {};
  const size_t furthest = std::max<size_t>(2, wanted.size() / 4);
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& name : names) {
    const size_t longer = std::max(name.size(), wanted.size()) - std::min(name.size(), wanted.size());
    const bool part = name.find(wanted) != std::string::npos || wanted.find(name) != std::string::npos;
    if (name.size() > longest_compared || (longer > furthest && !part)) continue;
    const size_t far = part ? longer : distance(wanted, name);
    if (part || far <= furthest) near.emplace_back(far, name);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> best;
  for (size_t i = 0; i < std::min(most_suggested, near.size()); ++i) best.push_back(near[i].second);
  return best;
}

// ---- What the user named

class Parting {
 public:
  Parting(const Graph& graph, const Cut& cut, const std::string& file)
      : graph_(graph), cut_(cut), file_(file), wiring_(graph) {}

  Part run() {
    part_.steps.resize(graph_.steps.size());
    for (const std::string& name : cut_.from) add_given(name);
    for (const std::string& name : cut_.to) add_wanted(name);
    if (cut_.to.empty()) add_own_outputs();
    follow();
    for (const auto& [value, used] : given_)
      if (!used)
        fail("--from", name_of(value), "is needed by no output", "leave it out, or choose outputs with --to");
    rename();
    return std::move(part_);
  }

 private:
  [[noreturn]] void fail(const char* option, const std::string& name, const std::string& why,
                         const std::string& remedy) const {
    throw Error(file_, fmt::format("{} {}", option, name), why, remedy);
  }

  const std::string& name_of(size_t value) const { return wiring_.values[value].name; }

  bool is_input(size_t value) const { return !wiring_.values[value].step && value < graph_.inputs.size(); }

  // The tensor of a name, which must be one that the network computes.
  size_t computed(const char* option, const std::string& name) const {
    const auto found = wiring_.last.find(name);
    if (found != wiring_.last.end() && wiring_.values[found->second].step) return found->second;
    if (found != wiring_.last.end() && is_input(found->second))
      fail(option, name, "is an input of the model and not computed", "leave it out");
    const std::vector<std::string> names = computed_names(), like = names_like(name, names);
    if (!like.empty())
      fail(option, name, "there is no tensor of this name",
           fmt::format("like it are: {}", fmt::join(like, ", ")));
    const auto begin = names.end() - static_cast<ptrdiff_t>(std::min(most_suggested, names.size()));
    fail(option, name, "there is no tensor of this name",
         fmt::format("the last ones are: {}", fmt::join(begin, names.end(), ", ")));
  }

  // Without those that read nothing: nobody means a constant.
  std::vector<std::string> computed_names() const {
    std::vector<std::string> names;
    for (size_t i = 0; i < wiring_.values.size(); ++i) {
      const std::optional<size_t> step = wiring_.values[i].step;
      if (step && !graph_.steps[*step].reads.empty() && wiring_.is_last(i)) names.push_back(name_of(i));
    }
    return names;
  }

  void add_given(const std::string& name) {
    if (!given_.emplace(computed("--from", name), false).second)
      fail("--from", name, "is there twice", "leave one out");
  }

  void add_wanted(const std::string& name) {
    const size_t value = computed("--to", name);
    if (given_.contains(value))
      fail("--to", name, "is given by --from and not computed", "leave one of them out");
    if (!wanted_.insert(value).second) fail("--to", name, "is there twice", "leave one out");
    open_.push_back(value);
  }

  // Those that are no blobs are left to the reader to judge.
  void add_own_outputs() {
    for (const std::string& name : graph_.outputs) {
      const auto found = wiring_.last.find(name);
      if (found == wiring_.last.end()) continue;
      if (given_.contains(found->second))
        fail("--from", name, "is an output of the model, and would not be computed",
             "choose the outputs that are wanted with --to");
      open_.push_back(found->second);
    }
  }

  // From the outputs back to what is given.
  void follow() {
    while (!open_.empty()) {
      const size_t value = open_.back();
      open_.pop_back();
      if (const auto found = given_.find(value); found != given_.end()) {
        found->second = true;
        continue;
      }
      const std::optional<size_t> step = wiring_.values[value].step;
      if (!step && is_input(value)) part_.inputs.insert(name_of(value));
      if (!step || part_.steps[*step]) continue;
      part_.steps[*step] = true;
      open_.insert(open_.end(), wiring_.reads[*step].begin(), wiring_.reads[*step].end());
    }
  }

  void rename() {
    for (const auto& given : given_) {
      const size_t step = *wiring_.values[given.first].step;
      if (!part_.steps[step]) continue;
      const std::vector<size_t>& writes = wiring_.writes[step];
      const auto write = std::find(writes.begin(), writes.end(), given.first) - writes.begin();
      std::string name = name_of(given.first) + "_computed";
      while (wiring_.last.contains(name)) name += "_";
      part_.renamed.push_back({step, static_cast<size_t>(write), std::move(name)});
    }
  }

  const Graph& graph_;
  const Cut& cut_;
  const std::string& file_;
  const Wiring wiring_;
  Part part_;
  std::map<size_t, bool> given_;  // values; whether something needs them
  std::set<size_t> wanted_;
  std::vector<size_t> open_;  // values that are needed
};

}  // namespace

Part part_of(const Graph& graph, const Cut& cut, const std::string& file) {
  return Parting(graph, cut, file).run();
}

}  // namespace ane::driver
