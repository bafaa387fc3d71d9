// Scratch: buffers share bytes as soon as that is safe, and no sooner.
#include "h13/memory_plan.h"

#include <gtest/gtest.h>

namespace ane::h13 {
namespace {

constexpr int input = 0, first = 1, second = 2, output = 3;

EngineOp move(Work work, int from, int to) {
  EngineOp op;
  op.work = std::move(work);
  op.source.buffer = from;
  op.destination.buffer = to;
  return op;
}

// Two buffers, one after the other, which the NE writes; `reader` reads the first and writes the output.
EngineProgram two_in_a_row(const Work& reader) {
  EngineProgram program;
  program.buffers.resize(4);
  program.buffers[input].kind = program.buffers[output].kind = BufferKind::Surface;
  for (const int scratch : {first, second}) program.buffers[scratch].bytes = 4096;
  program.ops = {move(Bypass{}, input, first), move(reader, first, output), move(Bypass{}, input, second),
                 move(Bypass{}, second, output)};
  return program;
}

void expect_shared(EngineProgram program, bool shared) {
  plan_scratch(program, target());
  EXPECT_EQ(program.buffers[first].base == program.buffers[second].base, shared);
  if (!shared) {
    EXPECT_GE(std::abs(program.buffers[first].base - program.buffers[second].base), 4096);
    program.buffers[second].base = program.buffers[first].base;
    EXPECT_ANY_THROW(check_scratch(program));
  } else {
    EXPECT_NO_THROW(check_scratch(program));
  }
}

TEST(MemoryPlan, AnEngineDoesItsTasksInTurn) {
  expect_shared(two_in_a_row(Bypass{}), true);
}

TEST(MemoryPlan, TheOtherEngineMayStillBeReading) {
  EngineProgram program = two_in_a_row(Scalar{});
  expect_shared(program, false);
  program.ops[2].place.have_read = {1, 0};  // of the PE only what came before
  expect_shared(program, false);
  program.ops[2].place.have_read = {1, 1};
  expect_shared(program, true);
}

TEST(MemoryPlan, BuffersInUseTogetherDoNotShare) {
  EngineProgram program = two_in_a_row(Bypass{});
  program.ops[3].source2 = View{};
  program.ops[3].source2->buffer = first;
  expect_shared(program, false);
}

}  // namespace
}  // namespace ane::h13
