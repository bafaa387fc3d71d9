#include "h13/compat.h"

namespace ane::h13 {

namespace {

// clang-format off
constexpr Compat profiles[] = {
    // version dialect            short  pe-k   sizes  fmt    log1   group  13840  time   accdb  2rows  result zero   reread composites
    {"4.2.1", hwx::Dialect::A, false, false, false, false, false, false, false, false, true,  true,  true,  false, false, false},
    {"5.4.1", hwx::Dialect::B, false, false, false, false, false, true,  false, false, false, false, false, true,  false, false},
    {"7.6.4", hwx::Dialect::C, false, true,  true,  true,  true,  true,  true,  true,  false, false, false, true,  false, false},
    {"9.509", hwx::Dialect::D, true,  true,  true,  true,  true,  true,  true,  true,  false, false, false, true,  true,  true},
};
// clang-format on

}  // namespace

const Compat& compat(hwx::Dialect dialect) {
  return profiles[static_cast<int>(dialect)];
}

}  // namespace ane::h13
