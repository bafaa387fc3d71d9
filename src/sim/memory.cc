// State by granule: one 16-bit word covers 16 bytes, so that rows, which start at multiples of 16, can be
// written by several threads without sharing a word.
#include "sim/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/error.h"

namespace ane::sim {

namespace {

template <typename T>
T* zeroed(uint64_t count) {
  void* memory = std::calloc(static_cast<size_t>(std::max<uint64_t>(count, 1)), sizeof(T));
  if (!memory) throw std::bad_alloc();
  return static_cast<T*>(memory);
}

// Calls body(granule index, mask of its bytes) for all granules of the range.
template <typename Body>
void for_granules(uint64_t address, uint64_t bytes, Body body) {
  const uint64_t end = address + bytes;
  while (address < end) {
    const uint64_t first = address % Memory::granule;
    const uint64_t count = std::min(Memory::granule - first, end - address);
    const auto mask = static_cast<uint16_t>(((1u << count) - 1u) << first);
    body(address / Memory::granule, mask);
    address += count;
  }
}

}  // namespace

Memory::Memory(std::string name, uint64_t size, Contents contents) : name_(std::move(name)), size_(size) {
  if (contents == Contents::None) return;
  bytes_.reset(zeroed<uint8_t>(size));
  written_.reset(zeroed<uint16_t>(size / granule + 1));
}

void Memory::check_range(uint64_t address, uint64_t bytes) const {
  if (address > size_ || bytes > size_ - address)
    throw Hazard(fmt::format("reaches 0x{:x}..0x{:x} of {}, which has 0x{:x} bytes", address, address + bytes,
                             name_, size_));
}

const uint8_t* Memory::read(uint64_t address, uint64_t bytes) const {
  check_range(address, bytes);
  for_granules(address, bytes, [&](uint64_t index, uint16_t mask) {
    const auto missing = static_cast<uint16_t>(mask & ~written_[index]);
    if (missing != 0)
      throw Hazard(fmt::format("reads 0x{:x} of {}, which was never written",
                               index * granule + static_cast<uint64_t>(std::countr_zero(missing)), name_));
  });
  return bytes_.get() + address;
}

uint8_t* Memory::write(uint64_t address, uint64_t bytes) {
  check_range(address, bytes);
  for_granules(address, bytes, [&](uint64_t index, uint16_t mask) {
    written_[index] = static_cast<uint16_t>(written_[index] | mask);
  });
  return bytes_.get() + address;
}

void Memory::forget(uint64_t address, uint64_t bytes) {
  check_range(address, bytes);
  for_granules(address, bytes, [&](uint64_t index, uint16_t mask) {
    written_[index] = static_cast<uint16_t>(written_[index] & ~mask);
  });
}

}  // namespace ane::sim
