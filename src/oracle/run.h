// A captured case on the simulator, against what its source program says.
//
// Every case must run without a hazard (the words are known to be sound, so a hazard would be a rule of ours
// that is wrong) and give the result of its source, as the reference interpreter for MIL evaluates it in
// float32, within what the engine's number formats lose: see Allowance. Inputs are random, and so are
// constants (values.h).
#pragma once

#include <string>
#include <vector>

#include "oracle/section.h"

namespace ane::oracle {

// How far a result may be from the exact one: in units of fp16 (of the element, or of the output's root mean
// square where that is larger, because sums of rounded terms err with the terms and not with their sum), plus
// an absolute part for the functions that a table approximates.
struct Allowance {
  double units = 0, absolute = 0;
  bool of_element = true;  // every operation's result is one rounding of an exact value
  std::string why;         // the operations that ask for more, "conv tanh"
};
Allowance allowance_of(const SourceProgram& program);

enum class Constants { Random, Recorded };

struct Outcome {
  Evidence constants = Evidence::None;
  Allowance allowance;
  double worst = 0;     // the largest error as a share of its allowance
  std::string refusal;  // why the case could not be built, run or evaluated; empty: it was

  bool agrees() const { return refusal.empty() && worst <= 1 && constants != Evidence::OtherHash; }
};

// The words alone, on the inputs of `seed` and the constants that the case's section has.
std::vector<float> simulate(const Case& from, uint32_t seed = 0);

// Fills the section and runs. `of` holds the program that was run afterwards.
Outcome run_case(Case& of, const Tables& tables, uint32_t seed = 0, Constants constants = Constants::Random);

}  // namespace ane::oracle
