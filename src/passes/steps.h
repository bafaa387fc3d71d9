// The single passes that run_passes puts in order. Each returns whether it changed the network, leaves a
// network that aneir::check accepts and that has the same results, and leaves alone what it has no rule for:
// check_engine_form names that in the end. What each does, and why so, stands at the head of its file.
#pragma once

#include "aneir/engine_facts.h"
#include "aneir/network.h"

namespace ane::passes {

using aneir::EngineFacts;
using aneir::Network;

bool remove_identities(Network& network, const EngineFacts& facts);
bool recognise_goc(Network& network, const EngineFacts& facts);
bool recognise_pixel_shuffle(Network& network, const EngineFacts& facts);
bool recognise_clamp(Network& network, const EngineFacts& facts);
bool fold_flatten_into_convolution(Network& network, const EngineFacts& facts);
bool fold_goc_into_convolution(Network& network, const EngineFacts& facts);
bool fold_batch_into_rows(Network& network, const EngineFacts& facts);
bool fold_batch_into_channels(Network& network, const EngineFacts& facts);
bool merge_padding(Network& network, const EngineFacts& facts);
bool keep_sizes_inside(Network& network, const EngineFacts& facts);
bool keep_windows_inside(Network& network, const EngineFacts& facts);
bool fuse_into_matmul(Network& network, const EngineFacts& facts);
bool fuse_activation(Network& network, const EngineFacts& facts);
bool decompose_transposed_convolution(Network& network, const EngineFacts& facts);
bool decompose_softmax(Network& network, const EngineFacts& facts);
bool decompose_pooling(Network& network, const EngineFacts& facts);
bool decompose_broadcast(Network& network, const EngineFacts& facts);
bool divide_batches(Network& network, const EngineFacts& facts);
bool divide_large_units(Network& network, const EngineFacts& facts);
bool decompose_elementwise(Network& network, const EngineFacts& facts);
bool decompose_reduction(Network& network, const EngineFacts& facts);
bool decompose_neuron(Network& network, const EngineFacts& facts);
bool decompose_goc(Network& network, const EngineFacts& facts);
bool decompose_convolution(Network& network, const EngineFacts& facts);
bool divide_input_channels(Network& network, const EngineFacts& facts);
bool decompose_transpose(Network& network, const EngineFacts& facts);
bool decompose_reshape(Network& network, const EngineFacts& facts);
bool decompose_views(Network& network, const EngineFacts& facts);

// Throws one Error that lists every unit outside the engine form of passes.h, or larger than the facts allow.
void check_engine_form(const Network& network, const EngineFacts& facts);
// The part of it that every decomposition relies on: no tensor has depth.
void check_depth(const Network& network);

}  // namespace ane::passes
