// Numbers of the compiled form that several kinds of layers share. docs/espresso.md says which are measured
// in compiled networks and which come from other people's descriptions.
#pragma once

#include <cstdint>

namespace ane::espresso {

// `operation` of elementwise layers.
enum Operation : int64_t {
  kAdd = 0,
  kMultiply = 1,
  kAddAlpha = 2,
  kMultiplyAlpha = 3,
  kSquare = 8,
  kInverse = 10,
  kSquareRoot = 11,
  kInverseSquareRoot = 12,
  kPower = 13,
  kMinimum = 22,
  kMaximum = 23,
  kAbsolute = 24,
  kMaxWithAlpha = 25,
  kLogarithm = 26,
  kExponential = 27,
  kSubtract = 33,
  kExp2 = 35,
  kModulo = 36,
  kRound = 37,
  kSign = 38,
  kEqual = 100,
  kSelect = 101,
  kDivide = 102,
  kLess = 103,
  kLessEqual = 104,
  kGreater = 105,
  kGreaterEqual = 106,
  kNotEqual = 107,
  kIsZero = 112,
  kCosine = 114,
  kSine = 115,
  kFloor = 117,
  kCeiling = 118,
  kClamp = 119,
  kTangent = 121,
  kHyperbolicCosine = 122,
  kHyperbolicSine = 123,
  kHyperbolicTangent = 124,
  kArcCosine = 125,
  kArcSine = 126,
  kArcTangent = 127,
  kAreaCosine = 128,
  kAreaSine = 129,
  kAreaTangent = 130,
  kLessThanAlpha = 131,
  kLessEqualAlpha = 132,
  kGreaterThanAlpha = 133,
  kGreaterEqualAlpha = 134,
  kNotEqualAlpha = 135,
  kEqualAlpha = 136,
  kFloorDivide = 1021,
};

// `mode` of reduce layers.
enum ReduceMode : int64_t {
  kReduceSum = 0,
  kReduceMean = 1,
  kReduceProduct = 2,
  kReduceSumOfSquares = 4,
  kReduceL2 = 5,
  kReduceL1 = 8,
  kReduceMaximum = 9,
  kReduceMinimum = 10,
  kReduceArgmax = 11,
  kReduceArgmin = 12,
};

}  // namespace ane::espresso
