#include "base/half.h"

#include "base/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace ane {

namespace {

#if defined(__x86_64__)
__attribute__((target("f16c,avx"))) size_t to_half_f16c(std::span<const float> from, std::span<Half> to) {
  size_t i = 0;
  for (; i + 8 <= from.size(); i += 8) {
    const __m128i packed = _mm256_cvtps_ph(_mm256_loadu_ps(from.data() + i), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to.data() + i), packed);
  }
  return i;
}

__attribute__((target("f16c,avx"))) size_t to_float_f16c(std::span<const Half> from, std::span<float> to) {
  size_t i = 0;
  for (; i + 8 <= from.size(); i += 8) {
    const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from.data() + i));
    _mm256_storeu_ps(to.data() + i, _mm256_cvtph_ps(packed));
  }
  return i;
}

bool has_f16c() {
  // Not every compiler's __builtin_cpu_supports knows "f16c": that bit is asked for directly.
  static const bool has = [] {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __builtin_cpu_supports("avx") && __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
  }();
  return has;
}
#endif

}  // namespace

void to_half(std::span<const float> from, std::span<Half> to) {
  ensure(from.size() == to.size(), "to_half: sizes differ");
  size_t i = 0;
#if defined(__x86_64__)
  if (has_f16c()) i = to_half_f16c(from, to);
#endif
  for (; i < from.size(); ++i) to[i] = to_half(from[i]);
}

void to_float(std::span<const Half> from, std::span<float> to) {
  ensure(from.size() == to.size(), "to_float: sizes differ");
  size_t i = 0;
#if defined(__x86_64__)
  if (has_f16c()) i = to_float_f16c(from, to);
#endif
  for (; i < from.size(); ++i) to[i] = to_float(from[i]);
}

}  // namespace ane
