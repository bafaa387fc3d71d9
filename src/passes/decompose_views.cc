// Slices and concatenations along Width. Addresses on this engine are multiples of 64 bytes, 32 columns, so
// columns can not be picked or placed by address as channels and rows can. Exchanged with channels, they can.
#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

TensorId columns_to_channels(TensorId x, Replacement& here) {
  return here.swap("turned", x, Axis::Channel, Axis::Width);
}
TensorId channels_to_columns(TensorId x, Replacement& here) {
  return here.swap("back", x, Axis::Channel, Axis::Width);
}

}  // namespace

bool decompose_views(Network& network, const EngineFacts&) {
  return rewrite_units(network, [](Unit& unit, Replacement& here) -> TensorId {
    if (const auto* view = unit.as<aneir::InputView>();
        view && view->axis == Axis::Width && (view->offset != 0 || view->step != 1)) {
      const aneir::InputView channels{Axis::Channel, view->offset, view->size, view->step};
      return channels_to_columns(here.add("view", channels, {columns_to_channels(unit.bottoms[0], here)}),
                                 here);
    }
    if (const auto* concat = unit.as<aneir::Concat>(); concat && concat->axis == Axis::Width) {
      std::vector<TensorId> turned;
      for (const TensorId bottom : unit.bottoms) turned.push_back(columns_to_channels(bottom, here));
      return channels_to_columns(here.add("concat", aneir::Concat{Axis::Channel, concat->interleave}, turned),
                                 here);
    }
    return no_tensor;
  });
}

}  // namespace ane::passes
