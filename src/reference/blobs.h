// Tensors of a network by name while it is evaluated. All of a large image's network would take many times
// the memory of the computer, so tensors that nobody reads any more can be let go.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "reference/tensor.h"

namespace ane::reference {

// Which results an evaluation is to give, by name; none: every one.
using Wanted = std::optional<std::set<std::string>>;

class Blobs {
 public:
  explicit Blobs(const Wanted& wanted) : wanted_(wanted) {}

  // Once for each time that a layer will read it.
  void expect_reader(const std::string& name) { ++readers_[name]; }

  void put(const std::string& name, Tensor tensor) {
    tensors_.insert_or_assign(name, std::move(tensor));
    drop_unused(name);
  }

  template <typename Names>
  std::vector<const Tensor*> read(const Names& names) const {
    std::vector<const Tensor*> operands;
    for (const std::string& name : names) {
      const auto blob = tensors_.find(name);
      ensure(blob != tensors_.end(), "the reader orders layers so that inputs come before their use");
      operands.push_back(&blob->second);
    }
    return operands;
  }
  template <typename Names>
  void done_reading(const Names& names) {
    for (const std::string& name : names) {
      --readers_.at(name);
      drop_unused(name);
    }
  }

  std::map<std::string, Tensor> take() { return std::move(tensors_); }

 private:
  void drop_unused(const std::string& name) {
    if (wanted_ && !wanted_->contains(name) && readers_[name] == 0) tensors_.erase(name);
  }

  const Wanted& wanted_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, int> readers_;  // to come
};

}  // namespace ane::reference
