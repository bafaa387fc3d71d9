// Each thing a program must not do is found, at the task that does it. Every case is a sound program with one
// change.
#include <gtest/gtest.h>

#include "base/error.h"
#include "sim/task_builder.h"

namespace ane::sim {
namespace {

using namespace test;    // NOLINT
using namespace oracle;  // NOLINT

// Runs with zeros as inputs; the error's text, or "" when nothing is wrong.
std::string error_of(Program& program) {
  try {
    Simulator simulator = program.simulator();
    for (const hwx::Surface& surface : program.file.surfaces)
      if (surface.role == hwx::Role::Input)
        simulator.set_input(surface.binding, std::vector<float>(static_cast<size_t>(surface.n * surface.c *
                                                                                    surface.h * surface.w)));
    simulator.run();
    for (const hwx::Surface& surface : program.file.surfaces)
      if (surface.role == hwx::Role::Output) simulator.output(surface.binding);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void expect_error(Program& program, const std::string& part) {
  const std::string error = error_of(program);
  EXPECT_NE(error.find(part), std::string::npos) << "got '" << error << "' where '" << part << "' belongs";
  EXPECT_TRUE(error.starts_with("made.hwx: ")) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

const Size size{4, 3, 10};

Program one_copy() {
  Program program;
  Task task = copy_task(size);
  read_dram(task, program.add_input("x", size), size), write_dram(task, program.add_output("y", size), size);
  program.tasks = {task};
  return program;
}

// x -> place in L2 -> y, by `engine` and then a copy.
Program through_l2(bool planar) {
  Program program;
  Task first = planar ? planar_task(size, 2) : copy_task(size);
  read_dram(first, program.add_input("x", size), size);
  first[Reg::SourceBase] = 0x80000;
  write_l2(first, {0x100, size});
  Task second = copy_task(size);
  read_l2(second, {0x100, size}, planar ? 0x400000 : 0x20),
      write_dram(second, program.add_output("y", size), size);
  program.tasks = {first, second};
  return program;
}

Program through_scratch() {
  Program program = one_copy();
  program.file.scratch_bytes = 0x4000;
  Task first = program.tasks[0], second = program.tasks[0];
  write_dram(first, scratch, size), read_dram(second, scratch, size);
  program.tasks = {first, second};
  return program;
}

// Three output channels; the stream of each has four weights, which suits `size`.
Program convolution(const Size& in = size) {
  Program program;
  const Size out{3, 3, 10};
  Task task = neural_task(in, out, 2);
  read_dram(task, program.add_input("x", in), in), write_dram(task, program.add_output("y", out), out);
  const Weights weights{[](int64_t o, int64_t i, int64_t, int64_t) { return scrambled(o, i); }, nullptr};
  add_blocks(task, program.file.constants, pack_dense({4, 1, 1, 1, false}, weights, 3, 16));
  program.tasks = {task};
  return program;
}

TEST(Hazard, SoundProgramsRun) {
  Program a = one_copy(), b = through_l2(false), c = through_l2(true), d = through_scratch(),
          e = convolution();
  for (Program* program : {&a, &b, &c, &d, &e}) EXPECT_EQ(error_of(*program), "");
}

// ---- Memory ----

TEST(Hazard, BadReadOfUnwrittenScratch) {
  Program program = through_scratch();
  program.tasks.erase(program.tasks.begin());
  expect_error(program, "task 0: reads 0x0 of scratch, which was never written");
}

TEST(Hazard, BadReadOfPartlyWrittenScratch) {
  Program program = through_scratch();
  program.tasks[0].set(Field::InDim_Hin, 2), program.tasks[0].set(Field::OutDim_Hout, 2);
  expect_error(program, "task 1: reads 0x80 of scratch, which was never written");
}

TEST(Hazard, BadInputNobodySet) {
  Program program = one_copy();
  Simulator simulator = program.simulator();
  try {
    simulator.run();
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "made.hwx: task 0: reads 0x0 of input 'x', which was never written");
  }
}

TEST(Hazard, BadOutputNobodyWrote) {
  Program program = one_copy();
  program.tasks[0].set(Field::Cin_Cin, 3), program.tasks[0].set(Field::Cout_Cout, 3);
  expect_error(program, "output y: reads 0x240 of output 'y', which was never written");
}

TEST(Hazard, BadAddressesOutsideOfBuffers) {
  Program program = one_copy();
  program.tasks[0][Reg::Src1BaseAddr] = 64;
  expect_error(program, "of input 'x', which has 0x300 bytes");
  program = one_copy();
  program.tasks[0][Reg::DstPlaneStride] = 0x400;
  expect_error(program, "of output 'y', which has 0x300 bytes");
  program = through_l2(false);
  program.tasks[1][Reg::SourceBase] = 0x1ffff0;
  expect_error(program, "of L2, which has 0x200000 bytes");
  program = one_copy();
  program.tasks[0][Reg::SourceCfg] = 0x171, program.tasks[0][Reg::SourceBase] = 0x1ffff0;  // kept there
  expect_error(program, "of L2, which has 0x200000 bytes");
}

TEST(Hazard, BadRepeatedAddressesThatClaimHugeTensors) {
  Program program = one_copy();
  Task& task = program.tasks[0];
  task[Reg::Src1RowStride] = task[Reg::Src1PlaneStride] = 0,
  task[Reg::DstRowStride] = task[Reg::DstPlaneStride] = 0;
  task[Reg::InDim] = task[Reg::OutDim] = 0x7fff000a, task[Reg::Cin] = task[Reg::Cout] = 0x1ffff;
  task[Reg::SourceRowStride] = 0;
  expect_error(program, "elements does not fit into");
}

TEST(Hazard, BadAlignment) {
  Program program = one_copy();
  program.tasks[0][Reg::Src1RowStride] = 0x50;
  expect_error(program, "Src1RowStride is 0x50, not a multiple of 64");
  program = one_copy();
  program.tasks[0][Reg::DstBaseAddr] = 32;
  expect_error(program, "not a multiple of 64");
  program = through_l2(false);
  program.tasks[1][Reg::SourceChannelStride] = 0x18;
  expect_error(program, "SourceChannelStride is 0x18, not a multiple of 16");
  program = convolution();
  program.tasks[0][Reg::CoeffBaseAddr0 + 1] = 0x48;
  expect_error(program, "units of 64 bytes");
}

TEST(Hazard, BadBuffers) {
  Program program = one_copy();
  program.tasks[0].set(HeaderField::RBase0, 9);
  expect_error(program, "source 1 names buffer 9");
  program = one_copy();
  program.tasks[0].set(HeaderField::WBE, 0);
  expect_error(program, "not enabled");
  program = one_copy();
  program.file.surfaces[1].slot = 4;
  expect_error(program, "cannot have buffer 4");
}

TEST(Hazard, BadTileBeyondL2) {
  Program program = one_copy();
  program.tasks[0][Reg::SourceRowStride] = 0xffff0;
  expect_error(program, "leaves L2");
}

TEST(Hazard, BadStreamingOverLiveData) {
  // The second task's source streams through the place of the first one's result, which the third wants to
  // read.
  Program program = through_l2(false);
  Task between = copy_task(size);
  read_dram(between, 4, size), write_dram(between, 5, size);
  between[Reg::SourceBase] = 0x100;
  program.tasks.insert(program.tasks.begin() + 1, between);
  expect_error(program, "task 2: reads 0x100 of L2, which was never written");
}

TEST(Hazard, BadResultOverItsOwnSource) {
  Program program = through_l2(false);
  write_l2(program.tasks[1], {0x110, size});
  program.tasks[1][Reg::DstDMAConfig] = 0xc0;
  program.tasks[1].set(HeaderField::DstLoc, 0), program.tasks[1].set(HeaderField::WBE, 0);
  expect_error(program, "task 1: the result overlaps a source");
}

// ---- The check without numbers ----

std::string found_by_check(Program program) {
  try {
    program.check();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Check, SoundProgramsPass) {
  for (const Program& program :
       {one_copy(), through_l2(false), through_l2(true), through_scratch(), convolution()})
    EXPECT_EQ(found_by_check(program), "");
}

TEST(Check, BadLimits) {
  Program program = one_copy();
  program.tasks[0][Reg::Src1RowStride] = 0x50;
  EXPECT_EQ(found_by_check(program), "made.hwx: task 0: Src1RowStride is 0x50, not a multiple of 64");
  program = one_copy();
  program.tasks[0][Reg::SourceRowStride] = 0xffff0;
  EXPECT_NE(found_by_check(program).find("leaves L2"), std::string::npos);
  program = one_copy();
  program.tasks[0][Reg::DstPlaneStride] = 0x400;
  EXPECT_NE(found_by_check(program).find("of output 'y', which has 0x300 bytes"), std::string::npos);
}

TEST(Check, BadWaits) {
  for (const bool planar : {false, true}) {
    Program program = through_l2(planar);
    program.tasks[1][Reg::SourceCfg] = 0x100;
    EXPECT_NE(found_by_check(program).find("task 1: reads 0x100 of L2, which task 0 wrote, without waiting"),
              std::string::npos);
  }
}

// A stream through live data, and one of the other engine through what a reader may still need.
TEST(Check, BadStreamsThroughData) {
  Program program = through_l2(false);
  Task between = copy_task(size);
  read_dram(between, 4, size), write_dram(between, 5, size);
  between[Reg::SourceBase] = 0x100;
  program.tasks.insert(program.tasks.begin() + 1, between);
  EXPECT_NE(found_by_check(program), "");
}

TEST(Check, BadDram) {
  Program program = through_scratch();
  program.tasks.erase(program.tasks.begin());
  EXPECT_EQ(found_by_check(program), "made.hwx: task 0: reads 0x0 of scratch, which was never written");
  program = through_scratch();
  program.tasks[1].set(Field::Src1DMAConfig_DependencyMode, 0);
  EXPECT_NE(found_by_check(program).find("task 1: reads 0x0 of scratch, which task 0 wrote, without"),
            std::string::npos);
  program = one_copy();
  program.tasks[0].set(Field::Cin_Cin, 3), program.tasks[0].set(Field::Cout_Cout, 3);
  EXPECT_EQ(found_by_check(program),
            "made.hwx: output y: reads 0x240 of output 'y', which was never written");
}

// The PE reads scratch; the NE puts something else there without having waited for it.
TEST(Check, BadScratchOverWhatTheOtherEngineReads) {
  Program program = through_scratch();
  Task reader = planar_task(size, 2);
  read_dram(reader, scratch, size), write_dram(reader, program.add_output("z", size), size);
  reader[Reg::SourceBase] = 0x80000, reader[Reg::ResultBase] = 0x90000;
  program.tasks.insert(program.tasks.begin() + 1, reader);
  Task writer = program.tasks[0];
  writer[Reg::SourceBase] = 0xa0000, writer[Reg::ResultBase] = 0xb0000;
  program.tasks.insert(program.tasks.begin() + 2, writer);
  EXPECT_NE(
      found_by_check(program).find("task 2: overwrites 0x0 of scratch, which task 1 may still be reading"),
      std::string::npos)
      << found_by_check(program);
  program.tasks[2].set(Field::SourceCfg_AliasPlanarSrc, 1);
  EXPECT_EQ(found_by_check(program), "");
}

// The same where the PE writes it, and nobody reads what it wrote.
TEST(Check, BadScratchOverWhatTheOtherEngineWrites) {
  Program program = through_scratch();
  Task first = planar_task(size, 2);
  read_dram(first, program.add_input("w", size), size), write_dram(first, scratch, size);
  first[Reg::SourceBase] = 0x80000, first[Reg::ResultBase] = 0x90000;
  program.tasks.insert(program.tasks.begin(), first);
  EXPECT_NE(
      found_by_check(program).find("task 1: overwrites 0x0 of scratch, which task 0 may still be writing"),
      std::string::npos)
      << found_by_check(program);
  program.tasks[1].set(Field::SourceCfg_AliasPlanarSrc, 1);  // it has read: not enough
  EXPECT_NE(found_by_check(program), "");
  program.tasks[1].set(Field::SourceCfg_AliasPlanarRslt, 1);
  EXPECT_EQ(found_by_check(program), "");
}

// ---- Order ----

TEST(Hazard, BadMissingWaits) {
  Program program = through_l2(false);
  program.tasks[1][Reg::SourceCfg] = 0x100;
  expect_error(program, "task 1: reads 0x100 of L2, which task 0 wrote, without waiting for the NE");
  program.tasks[1][Reg::SourceCfg] = 0x400100;
  expect_error(program, "without waiting for the NE");
  program.tasks[1][Reg::SourceCfg] = 0x104;
  EXPECT_EQ(error_of(program), "");
  program = through_l2(true);
  program.tasks[1][Reg::SourceCfg] = 0x120;
  expect_error(program, "without waiting for the PE");
  program.tasks[1][Reg::SourceCfg] = 0x108;
  EXPECT_EQ(error_of(program), "");
}

// x -> PE -> y, and a copy x -> z whose source comes through the same place in L2.
Program two_engines_one_place() {
  Program program;
  Task first = planar_task(size, 2), second = copy_task(size);
  const uint32_t x = program.add_input("x", size);
  read_dram(first, x, size), write_dram(first, program.add_output("y", size), size);
  read_dram(second, x, size), write_dram(second, program.add_output("z", size), size);
  second[Reg::ResultBase] = 0x180000;
  program.tasks = {first, second};
  return program;
}

TEST(Hazard, BadSourceOverWhatTheOtherEngineReads) {
  const std::string message =
      "task 1: overwrites 0x0 of L2, which task 0 may still be using, without waiting for the PE";
  Program program = two_engines_one_place();
  expect_error(program, message);
  program.tasks[1][Reg::SourceCfg] = 0x100172;
  EXPECT_EQ(error_of(program), "");
  program = two_engines_one_place();
  program.tasks[1][Reg::SourceBase] = 0x8000;  // elsewhere
  EXPECT_EQ(error_of(program), "");
  program = two_engines_one_place();
  program.tasks[0].set(HeaderField::TSE, 1);  // ends only when its result is in DRAM
  EXPECT_EQ(error_of(program), "");
  program.tasks[0].set(HeaderField::DstLoc, 0), program.tasks[0].set(HeaderField::WBE, 0);
  program.tasks[0][Reg::DstDMAConfig] = 0xc0, write_l2(program.tasks[0], {0x4000, size});
  program.file.surfaces.erase(program.file.surfaces.begin() + 1);
  expect_error(program, message);  // a result left in L2 does not drain
}

TEST(Hazard, BadSourceOverWhatTheOtherEngineWrote) {
  Program program = two_engines_one_place();
  program.tasks[0].set(HeaderField::DstLoc, 0), program.tasks[0].set(HeaderField::WBE, 0);
  program.tasks[0][Reg::DstDMAConfig] = 0xc0, write_l2(program.tasks[0], {0x4000, size});
  program.file.surfaces.erase(program.file.surfaces.begin() + 1);
  program.tasks[1][Reg::SourceBase] = 0x4000;
  program.tasks[1][Reg::SourceCfg] = 0x100172;  // its reading done is not its writing done
  expect_error(program, "task 1: overwrites 0x4000 of L2, which task 0 may still be writing");
  program.tasks[1][Reg::SourceCfg] = 0x400172;
  EXPECT_EQ(error_of(program), "");
}

// A source that is loaded ahead of the task's turn meets the tasks of its own engine; one in its turn does
// not.
TEST(Hazard, BadSourceLoadedAheadOverWhatItsOwnEngineReads) {
  Program program = through_l2(false);
  Task third = program.tasks[0];
  third[Reg::SourceBase] = 0x100, third[Reg::SourceCfg] = 0x142;
  write_dram(third, program.add_output("z", size), size);
  program.tasks.push_back(third);
  EXPECT_EQ(error_of(program), "");
  program.tasks[2].set(HeaderField::SPL, 1);
  expect_error(
      program,
      "task 2: overwrites 0x100 of L2, which task 1 may still be reading, without waiting for the NE");
  program.tasks[2][Reg::SourceCfg] = 0x152;
  EXPECT_EQ(error_of(program), "");
}

// The result's own wait bits count for the result.
TEST(Hazard, BadResultOverWhatTheOtherEngineReads) {
  const L2Place kept{0x4000, size}, result{0x4000, size}, elsewhere{0x100, size};
  Program program;
  Task keep = planar_task(size, 2), add = planar_task(size, 2), copy = copy_task(size), out = copy_task(size);
  const uint32_t x = program.add_input("x", size);
  read_dram(keep, x, size), write_l2(keep, kept);
  read_l2(add, kept, 0x400000), write_l2(add, elsewhere);
  read_dram(copy, x, size), write_l2(copy, result), copy[Reg::SourceBase] = 0x8000;
  copy[Reg::SourceCfg] = 0x172;
  read_l2(out, result, 0x20), write_dram(out, program.add_output("y", size), size);
  program.tasks = {keep, add, copy, out};
  expect_error(program, "task 2: overwrites 0x4000 of L2, which task 1 may still be reading");
  program.tasks[2][Reg::ResultCfg] = 0x100140;
  EXPECT_EQ(error_of(program), "");
}

// A chained task runs beside the one before: it may replace its source, and nothing else that that one uses.
TEST(Hazard, BadChainedResultOverTheProducersSource) {
  const L2Place first{0x100, size}, second{0x4000, size};
  Program program;
  Task load = planar_task(size, 2), work = planar_task(size, 2), chained = copy_task(size),
       out = copy_task(size);
  read_dram(load, program.add_input("x", size), size), write_l2(load, first), load[Reg::SourceBase] = 0x8000;
  read_l2(work, first, 0x400000), write_l2(work, second);
  read_l2(chained, second, 8), write_l2(chained, first);
  read_l2(out, first, 0x20), write_dram(out, program.add_output("y", size), size);
  program.tasks = {load, work, chained, out};
  expect_error(program, "task 2: overwrites 0x100 of L2, which task 1 may still be reading");
  write_l2(program.tasks[2], second), read_l2(program.tasks[3], second, 0x20);  // in place
  EXPECT_EQ(error_of(program), "");
}

TEST(Hazard, BadResultThatBeginsInsideItsSource) {
  Program program = one_copy();
  program.tasks[0][Reg::ResultBase] = 0x70;
  expect_error(program, "task 0: ResultBase 0x70 lies inside of the task's source in L2");
  program = through_l2(false);
  program.tasks[1][Reg::ResultBase] = 0x100;
  expect_error(program, "task 1: ResultBase 0x100 lies inside of the task's source in L2");
}

TEST(Hazard, BadStagingOverLiveData) {
  // The second task's result streams to DRAM through the place of the first one's, which the third wants.
  Program program = through_l2(false);
  Task between = copy_task(size);
  read_dram(between, 4, size), write_dram(between, 5, size);
  between[Reg::SourceBase] = 0x8000, between[Reg::ResultBase] = 0x100;
  program.tasks.insert(program.tasks.begin() + 1, between);
  expect_error(program, "task 2: reads 0x100 of L2, which was never written");
}

// A tile and what its windows reach beyond it, without the rows that padding supplies: 5 + 2 in the middle, 5
// + 1 at both ends.
TEST(Hazard, BadRingThatReachesIntoLiveData) {
  for (const auto& [tile, rows] : {std::pair{5, 7}, std::pair{9, 10}, std::pair{15, 15}}) {
    Program program;
    const Size image{1, 15, 8};
    const uint32_t row = 0x10, live = 0x10 * static_cast<uint32_t>(rows);
    Task load = copy_task({1, 1, 8}), task = neural_task(image, image, 0), out = copy_task({1, 1, 8});
    const uint32_t x = program.add_input("x", image);
    read_dram(load, x, {1, 1, 8}), load[Reg::SourceBase] = 0x8000;
    read_dram(task, x, image), write_dram(task, program.add_output("y", image), image);
    set_window(task, 3, 3, 1, 1, 1), task[Reg::TileCfg] = static_cast<uint32_t>(tile);
    task[Reg::SourceRowStride] = row;
    const Weights ones{[](int64_t, int64_t, int64_t, int64_t) { return half(1); }, nullptr};
    add_blocks(task, program.file.constants, pack_dense({1, 3, 3, 1, false}, ones, 1, 16));
    write_dram(out, program.add_output("z", {1, 1, 8}), {1, 1, 8});
    for (const bool beside : {true, false}) {
      const L2Place place{beside ? live : live - row, {1, 1, 8}};
      write_l2(load, place), read_l2(out, place, 0x20);
      program.tasks = {load, task, out};
      if (beside)
        EXPECT_EQ(error_of(program), "") << tile;
      else
        expect_error(program, "task 2: reads 0x");
    }
  }
}

TEST(Hazard, BadChainToATaskOfTheOtherEngine) {
  Program program = through_l2(false);
  program.tasks[1][Reg::SourceCfg] = 0x108;
  expect_error(program, "task 1: follows the task before (SourceCfg.Dependent), which is no PE task");
  program.tasks[0][Reg::SourceCfg] |= 4;
  expect_error(program, "task 0: follows the task before (SourceCfg.Dependent), which is no NE task");
}

TEST(Hazard, BadMissingDramDependency) {
  Program program = through_scratch();
  program.tasks[1][Reg::Src1DMAConfig] = 0x33881;
  expect_error(program, "task 1: reads 0x0 of scratch, which task 0 wrote, without DependencyMode 1");
}

TEST(Hazard, BadRuntimeKernelWithoutItsProducer) {
  Program program = convolution();
  program.file.scratch_bytes = 0x4000;
  Task fill = copy_task({1, 3, 32});
  program.add_input("w", {1, 3, 32});
  read_dram(fill, 6, {1, 3, 32}), write_dram(fill, scratch, {1, 3, 32});
  program.tasks.insert(program.tasks.begin(), fill);
  Task& task = program.tasks[1];
  task.set(HeaderField::KBase0, scratch), task[Reg::KernelCfg] = 0x10082;
  expect_error(program, "task 1: coefficients from scratch without the extra header word");
  task.set(HeaderField::TDE, 1), task.set(HeaderField::DTID, 7);
  expect_error(program, "written by task 0, but the header waits for task 7");
  task.set(HeaderField::DTID, 0);
  EXPECT_EQ(error_of(program), "");
}

// ---- Limits ----

TEST(Hazard, BadZeroes) {
  for (const Reg reg : {Reg::InDepth, Reg::OutDepth, Reg::ConvCfg, Reg::GroupConvCfg, Reg::TileCfg,
                        Reg::Src1Fmt, Reg::DstFmt, Reg::ResultCfg, Reg::Cin, Reg::InDim, Reg::OutDim}) {
    Program program = one_copy();
    program.tasks[0][reg] = 0;
    expect_error(program, " is 0");
  }
}

TEST(Hazard, BadAgreementOfFields) {
  Program program = one_copy();
  program.tasks[0].set(Field::DstDMAConfig_L2BfrMode, 0);
  expect_error(program, "L2BfrMode differs");
  program = one_copy();
  program.tasks[0].set(HeaderField::ENE, 3);
  expect_error(program, "header ENE is 3 where 1 belongs");
  program = one_copy();
  program.tasks[0].set(Field::DstDMAConfig_En, 0);
  expect_error(program, "destination DMA is off");
  program = one_copy();
  program.tasks[0].set(HeaderField::SrcLoc, 0);
  expect_error(program, "SrcLoc");
  program = one_copy();
  program.tasks[0][Reg::ChCfg] = 0x20;
  expect_error(program, "format in memory");
}

TEST(Hazard, BadDescriptionsOfWhatTheDmaMoves) {
  Program program = one_copy();
  program.tasks[0].set(Field::SourceCfg_DMAInterleave, 8);
  expect_error(program, "SourceCfg.DMAInterleave is 8, but the DMA interleaves 1 channels");
  program = one_copy();
  program.tasks[0].set(Field::DstFmt_Interleave, 4);
  expect_error(program, "ResultCfg.DMAInterleave is 1, but the DMA interleaves 4 channels");
  program = one_copy();
  program.tasks[0].set(Field::ResultCfg_DMAFmt, 0);
  expect_error(program, "ResultCfg.DMAFmt 0 does not suit elements of 2 bytes");
}

TEST(Hazard, BadCopies) {
  Program program = one_copy();
  program.tasks[0][Reg::Cout] = 3;
  expect_error(program, "but Cin is 4");
  program = one_copy();
  program.tasks[0].set(Field::OutDim_Wout, 9);
  expect_error(program, "hangs the engine");
}

TEST(Hazard, BadWindowBesideTheImage) {
  Program program = convolution();
  program.tasks[0].set(Field::ConvCfg_Px, 1);
  expect_error(program, "outside of the image");
}

TEST(Hazard, BadUnknownBits) {
  Program program = one_copy();
  program.tasks[0][Reg::MACCfg] |= 1u << 31;
  expect_error(program, "MACCfg has bits 0x80000000 set, whose effect is not known");
  program = one_copy();
  program.tasks[0].set(Field::Cfg_TaskType, 9);
  expect_error(program, "TaskType 9");
  program = one_copy();
  program.tasks[0].set(Field::Src1Fmt_OffsetCh, 1);
  expect_error(program, "Src1Fmt.OffsetCh is set");
  program = through_l2(true);
  program.tasks[0].set(Field::PECfg_OpMode, 1);
  expect_error(program, "OpMode 1 with one source");
}

// ---- Coefficients ----

TEST(Hazard, BadNumberOfStreams) {
  Program program = convolution();
  program.tasks[0][Reg::CoeffDMAConfig0 + 2] = 0x80;
  expect_error(program, "2 coefficient streams are on where 3 engines have coefficients");
  program = one_copy();
  program.tasks[0][Reg::CoeffDMAConfig0] = 0x81;
  expect_error(program, "1 coefficient streams are on where 0 engines");
  program = convolution();
  program.tasks[0][Reg::MasterConfig] = 0;
  expect_error(program, "MasterEnable");
}

TEST(Hazard, BadStreamsOutsideOfTheConstants) {
  Program program = convolution();
  program.tasks[0][Reg::CoeffBaseAddr0 + 1] = 0x10000;
  expect_error(program, "of constants, which has 0xc0 bytes");
}

TEST(Hazard, BadStreamThatEndsBeforeItsWeights) {
  Program program = convolution({40, 3, 10});
  expect_error(program, "end after 0x40 bytes, before their weights do");
  program = convolution({4000, 3, 10});
  expect_error(program, "3 channels of 4000 weights do not fit into 0xc0 bytes");
}

TEST(Hazard, BadSparseCount) {
  Program program = convolution();
  program.tasks[0][Reg::KernelCfg] = 0x182;
  program.tasks[0][Reg::MasterConfig] = 0x60;
  expect_error(program, "a sparse plane");
}

TEST(Hazard, BadInt8Kernels) {
  Program program = convolution();
  Task& task = program.tasks[0];
  task[Reg::KernelCfg] = 0x80;
  expect_error(program, "coefficients of format 0 are not modelled");
  task[Reg::KernelCfg] = 0x81;
  expect_error(program, "an int8 kernel with more than plain weights");  // its binary point is 28
  task.set(Field::MACCfg_BinaryPoint, 0);
  EXPECT_EQ(error_of(program), "");
  task.set(Field::MACCfg_BiasMode, 1);
  expect_error(program, "an int8 kernel with more than plain weights");
}

TEST(Hazard, BadTable) {
  Program program = convolution();
  program.tasks[0][Reg::MACCfg] = 0x121c0c, program.tasks[0][Reg::GroupConvCfg] = 0x14001;
  program.tasks[0][Reg::Cin] = 3;
  expect_error(program, "before their weights do");
}

// ---- The outside ----

TEST(Simulator, BadNamesAndCounts) {
  Program program = one_copy();
  Simulator simulator = program.simulator();
  EXPECT_THROW(simulator.set_input("y", std::vector<float>(120)), Error);
  EXPECT_THROW(simulator.set_input("x", std::vector<float>(119)), Error);
  EXPECT_THROW(simulator.output("x"), Error);
}

TEST(Simulator, BadSizes) {
  Program program = one_copy();
  program.file.scratch_bytes = 1ull << 40;
  expect_error(program, "4 GiB");
  program = one_copy();
  program.file.surfaces[0].c = int64_t{1} << 60;
  expect_error(program, "an extent does not fit its bytes");
  program = one_copy();
  program.file.surfaces[0].h = 12, program.file.surfaces[0].c = 30;
  expect_error(program, "its extents do not fit its bytes");
  program = one_copy();
  program.file.surfaces[0].plane_stride = 0x1000;
  expect_error(program, "of input 'x', which has 0x300 bytes");
  program = one_copy();
  program.file.surfaces[0].element_code = 6;
  expect_error(program, "element type 6");
}

TEST(Simulator, RunsAgainFromAFreshState) {
  Program program = through_scratch();
  Simulator simulator = program.simulator();
  for (const float v : {1.0f, 2.0f}) {
    simulator.set_input("x", std::vector<float>(120, v));
    simulator.run();
    EXPECT_EQ(simulator.output("y").data, std::vector<float>(120, v));
  }
}

}  // namespace
}  // namespace ane::sim
