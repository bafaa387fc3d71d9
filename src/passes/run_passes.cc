// The passes in order. Read from the top, this is what happens to a network between import and the engine:
// tidy up, recognise and fold while layers still look as they were written, take layers apart into what the
// engine does, fuse what stands next to each other, and bring the rest into engine form.
#include <string>

#include "passes/passes.h"
#include "passes/steps.h"

namespace ane::passes {

void run_passes(Network& network, const EngineFacts& facts, const Observer& observer) {
  using Pass = bool (*)(Network&, const EngineFacts&);
  const auto observe = [&](const char* name) {
    if (observer) observer(name, network);
  };
  const auto run = [&](const char* name, Pass pass) {
    if (!pass(network, facts)) return;
#ifndef NDEBUG
    aneir::check(network);
#endif
    observe(name);
  };
  // Not needed for the engine form.
  const auto improve = [&](const char* name, Pass pass) {
    if (facts.optimise) run(name, pass);
  };
  observe("import");

  // Importers write Broadcasts, Reshapes and transpositions wherever the source format has them. After this
  // every unit does something, elementwise units broadcast by themselves, and a reshape or transposition
  // stands alone.
  run("remove_identities", remove_identities);

  // Five axes are in the format, four in the engine. No pass behind this line thinks about depth.
  check_depth(network);

  // Chains of reshapes and transpositions through tensors beyond the engine's sizes. Now that no two of a
  // kind stand in a row, and before such tensors are read as others.
  run("recognise_pixel_shuffle", recognise_pixel_shuffle);

  // Tensors beyond the engine's sizes are read as others. Reshapes that are left over meet those before and
  // behind them.
  run("keep_sizes_inside", keep_sizes_inside);
  run("remove_identities", remove_identities);

  // Arithmetic with one number, or one per channel, is gain and offset. It must be seen before the next
  // passes, which fold gain and offset but not tensors of constants.
  run("recognise_goc", recognise_goc);

  // Chains of bounds become one function, which a convolution can take along.
  improve("recognise_clamp", recognise_clamp);

  // A border of zeros is padding of the convolution behind it.
  improve("merge_padding", merge_padding);

  // Inner products over images become convolutions, while the Reshape still stands right before them.
  improve("fold_flatten_into_convolution", fold_flatten_into_convolution);

  // Batch normalisation disappears into weights. Before activations are fused: behind one it could not be
  // folded.
  improve("fold_goc_into_convolution", fold_goc_into_convolution);

  // Batches of vectors become rows, which the engine does in one task. Behind the lines above, which look for
  // a Reshape right before a convolution; before units are taken apart and fused. Between units that were
  // folded nothing may be left, or they could not be fused.
  run("fold_batch_into_rows", fold_batch_into_rows);
  run("remove_identities", remove_identities);

  // From here on units are taken apart. Whole layers first: they become convolutions, reductions, functions
  // and elementwise units, which are not all in engine form either.
  run("decompose_transposed_convolution", decompose_transposed_convolution);
  run("decompose_softmax", decompose_softmax);
  run("decompose_pooling", decompose_pooling);

  // A Broadcast that is left becomes an elementwise unit, and with constants a constant: before elementwise
  // units are looked at.
  run("decompose_broadcast", decompose_broadcast);

  // Units that the back end does whole, one image at a time and no larger than there is room: what is taken
  // apart instead leaves reductions and elementwise units.
  run("divide_batches", divide_batches);
  run("divide_large_units", divide_large_units);

  // Divisions, powers and squared differences leave functions of one variable; so do reductions with an
  // activation.
  run("decompose_elementwise", decompose_elementwise);
  run("decompose_reduction", decompose_reduction);

  // Functions without a table. What they leave is elementwise, tables, and gain or offset.
  run("decompose_neuron", decompose_neuron);

  // Gain and offset that one elementwise pass cannot do become convolutions; after this nothing makes
  // another.
  run("decompose_goc", decompose_goc);

  // A matrix product scales, adds a bias and applies a function by itself. Before activations are fused: the
  // function behind a bias would else go to the addition.
  improve("fuse_into_matmul", fuse_into_matmul);

  // Every convolution and addition there will be now exists whole, so each can take the function behind it.
  // Later a convolution may be in pieces.
  improve("fuse_activation", fuse_activation);

  // Strides, dilation and sizes the engine does not have. Leaves slices, also along Width.
  run("decompose_convolution", decompose_convolution);

  // No window may lie in the padding alone. All convolutions there will be exist by now.
  run("keep_windows_inside", keep_windows_inside);

  // All of them are as the engine gets them, so that it is known which need too much memory at a time.
  run("divide_input_channels", divide_input_channels);

  // Units that treat every element alike take a batch at once. Not before all fusion is done.
  run("fold_batch_into_channels", fold_batch_into_channels);

  // What moves the batch: transpositions of it become others and reshapes.
  run("decompose_transpose", decompose_transpose);

  // What moves data within rows: reshapes that change the width, slices and joins along it. Both become
  // transpositions.
  run("decompose_reshape", decompose_reshape);
  run("decompose_views", decompose_views);

  // Transpositions that were put back to back cancel; regroupings that follow each other become one.
  run("remove_identities", remove_identities);

  // Below this line everything has the form that passes.h promises.
  aneir::check(network);
  check_engine_form(network, facts);
}

}  // namespace ane::passes
