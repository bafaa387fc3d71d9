// Memory that knows what was written: DRAM buffers and the on-chip L2.
//
// A program that reads a byte nobody wrote gets whatever the last program left there, and nothing on the
// machine says so. Here every byte carries whether it was written, so that such reads are found at the task
// that makes them. Which task wrote what, and who must wait for whom, is for ordering.h and dram_order.h.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

namespace ane::sim {

// What a task must not do. The simulator turns it into an Error that names the file and the task.
class Hazard : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Written by the host, not by a task.
inline constexpr int64_t no_task = -1;

class Memory {
 public:
  static constexpr uint64_t granule = 16;

  // What is only checked for order (DramOrder, L2Order) has a size but nothing to read or write.
  enum class Contents { None, Zeros };

  // `name` is for messages: "scratch", "input 'image'".
  Memory(std::string name, uint64_t size, Contents contents = Contents::Zeros);

  const std::string& name() const { return name_; }
  uint64_t size() const { return size_; }

  // Throws Hazard when [address, address + bytes) leaves the memory.
  void check_range(uint64_t address, uint64_t bytes) const;
  // The bytes there; throws Hazard when one of them lies outside or was never written.
  const uint8_t* read(uint64_t address, uint64_t bytes) const;
  // Room for `bytes`, which count as written. Threads may write different granules at the same time.
  uint8_t* write(uint64_t address, uint64_t bytes);
  // The bytes count as never written.
  void forget(uint64_t address, uint64_t bytes);
  void forget_all() { forget(0, size_); }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  template <typename T>
  using Array = std::unique_ptr<T[], Free>;  // from calloc: untouched pages cost nothing

  std::string name_;
  uint64_t size_;
  Array<uint8_t> bytes_;
  Array<uint16_t> written_;  // a bit for each byte, a word for each granule
};

}  // namespace ane::sim
