// Sizes of flexible inputs that the user chooses instead of the default. A model says which it allows, as a
// list or as ranges; the choice is checked against that and written where the default stands, so that nothing
// behind this knows of it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "coreml/network.h"

namespace ane::coreml {

namespace {

bool is_within(int64_t size, const spec::SizeRange& range) {
  return size >= 1 && static_cast<uint64_t>(size) >= range.lowerbound() &&
         (range.upperbound() < 0 || size <= range.upperbound());
}

// Is the declared shape, one of the list, or within the ranges.
bool allows(const spec::ArrayFeatureType& type, const Shape& shape) {
  const auto is = [&](const auto& other) {
    return std::equal(shape.begin(), shape.end(), other.begin(), other.end());
  };
  if (is(type.shape())) return true;
  const auto& listed = type.enumeratedshapes().shapes();
  if (std::any_of(listed.begin(), listed.end(), [&](const auto& other) { return is(other.shape()); }))
    return true;
  const auto& ranges = type.shaperange().sizeranges();
  return !ranges.empty() && std::equal(shape.begin(), shape.end(), ranges.begin(), ranges.end(), is_within);
}

bool allows(const spec::ImageFeatureType& type, int64_t height, int64_t width) {
  if (type.height() == height && type.width() == width) return true;
  for (const auto& size : type.enumeratedsizes().sizes())
    if (size.height() == static_cast<uint64_t>(height) && size.width() == static_cast<uint64_t>(width))
      return true;
  return type.has_imagesizerange() && is_within(height, type.imagesizerange().heightrange()) &&
         is_within(width, type.imagesizerange().widthrange());
}

// An image's shape may have channels and batch in front.
void choose(spec::ImageFeatureType& type, const Shape& shape, const auto& fail) {
  if (shape.size() < 2) fail();
  const int64_t height = shape[shape.size() - 2], width = shape.back();
  if (!allows(type, height, width)) fail();
  type.set_height(height);
  type.set_width(width);
}

void choose(spec::ArrayFeatureType& type, const Shape& shape, const auto& fail) {
  if (!allows(type, shape)) fail();
  type.mutable_shape()->Assign(shape.begin(), shape.end());
}

}  // namespace

void choose_shapes(spec::Model& model, const ChosenShapes& shapes, const std::string& file) {
  for (const auto& [name, shape] : shapes) {
    const auto fail = [&, &chosen_name = name, &chosen = shape] {
      throw Error(file, fmt::format("input '{}'", chosen_name),
                  fmt::format("does not allow the shape {}", fmt::join(chosen, ",")),
                  "choose one that the model declares");
    };
    auto& inputs = *model.mutable_description()->mutable_input();
    const auto found = std::find_if(inputs.begin(), inputs.end(), [&, &wanted = name](const auto& input) {
      return input.name() == wanted;
    });
    if (found == inputs.end())
      throw Error(file, fmt::format("input '{}'", name), "there is no input of this name");
    spec::FeatureType& type = *found->mutable_type();
    if (type.has_imagetype())
      choose(*type.mutable_imagetype(), shape, fail);
    else if (type.has_multiarraytype())
      choose(*type.mutable_multiarraytype(), shape, fail);
    else
      fail();
  }
}

}  // namespace ane::coreml
