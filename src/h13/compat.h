// Which of Apple's compilers to agree with. They emit the same work in slightly different words; each
// difference is one value here, and no other code asks for a version.
//
// Evidence: 4.2.1 fifteen public programs, 5.4.1 one, 7.6.4 two, 9.509 hundreds of captured task lists.
#pragma once

#include <cstdint>
#include <string>

#include "hwx/file.h"

namespace ane::h13 {

struct Compat {
  const char* version;
  hwx::Dialect dialect;
  bool short_tasks;  // tasks without coefficients leave out the coefficient registers (126 words)
  bool kernel_words_in_pe_tasks;   // 0x80 / 0x40 fill words of the kernel DMA block, and NE block 80/100000
  bool stream_sizes;               // 0x40 in the sizes of the four unused special streams
  bool bypass_has_kernel_format;   // NE tasks without weights: KernelCfg 0x82 and BinaryPoint 0x1c, else 0x80
                                   // and 0
  bool log_first_task;             // bit 3 of header word 2 in the first task
  bool group_strides;              // group strides of DMA equal the depth stride, else 0
  bool unknown_13840_in_pe;        // 0x100 in register 0x13840 of PE tasks too
  bool time_estimate;              // header word 1
  bool accumulator_double_buffer;  // Cfg bit 26 where two sets of accumulators fit
  bool two_row_patches;            // passes without weights prefer patches of two rows
  bool small_result_strides;       // small-image convolutions write their result through a strided ring
  bool planar_zero_pad;            // PE tasks fill the padding of the rows they write
  bool reread_hints;               // DMA cache hints of data that several tasks stream
  bool composites;                 // tensors stay on chip between tasks: Apple's sequences for whole units
};

const Compat& compat(hwx::Dialect dialect);

}  // namespace ane::h13
