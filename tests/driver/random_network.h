// Random small Core ML networks, each from a seed: chains with branches of the layers that this compiler
// promises to translate, with the odd sizes, strides and paddings that people rarely write by hand.
//
// Weights are scaled by their fan-in and functions with a pole or an overflow get a bounded argument, so that
// values stay near 1: then a low signal-to-noise ratio is a wrong program and not a network that binary16
// cannot hold.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "support/model_builder.h"

namespace ane::test {

class RandomNetwork {
 public:
  explicit RandomNetwork(uint64_t seed) : engine_(seed) {
    const int inputs = one_of({1, 1, 1, 2});
    for (int i = 0; i < inputs; ++i) add_input(fmt::format("x{}", i));
    for (int i = 0; i < inputs; ++i) append_layer(static_cast<size_t>(i));  // so that every input is read
    const int64_t layers = between(0, 5);
    for (int64_t i = 0; i < layers; ++i) append_layer();
    for (const Blob& blob : blobs_)
      if (!blob.read && !blob.input) model.array_output(blob.name);
  }

  ModelBuilder model;
  std::string text;  // the layers, one per line

 private:
  using Pooling = spec::PoolingLayerParams;
  using Unary = spec::UnaryFunctionLayerParams;

  struct Blob {
    std::string name;
    int64_t c = 1, h = 1, w = 1;
    bool read = false, input = false;
    int64_t count() const { return c * h * w; }
  };

  // ---- Chance ----

  int64_t between(int64_t low, int64_t high) {  // both included; the same with every standard library
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  bool chance(int64_t percent) { return between(1, 100) <= percent; }
  int one_of(std::initializer_list<int> values) {
    return *(values.begin() + between(0, static_cast<int64_t>(values.size()) - 1));
  }
  float real(float low, float high) {
    return low + (high - low) * static_cast<float>(engine_() >> 40) * 0x1p-24f;
  }
  std::vector<float> reals(int64_t count, float low, float high) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = real(low, high);
    return values;
  }
  std::vector<float> weights(int64_t count, int64_t fan_in) {
    const float bound = std::sqrt(3.0f / static_cast<float>(fan_in));
    return reals(count, -bound, bound);
  }
  int64_t channels() { return one_of({1, 2, 3, 4, 5, 8, 16, 17, 24, 32, 40, 64, 100}); }

  // ---- Blobs ----

  void add_input(const std::string& name) {
    Blob blob{name, channels(), between(1, 20), between(1, 20)};
    blob.input = true;
    model.array_input(name, {blob.c, blob.h, blob.w});
    note(fmt::format("{}: input", name), blob);
    blobs_.push_back(blob);
  }
  void note(const std::string& what, const Blob& blob) {
    text += fmt::format("{} -> {}x{}x{}\n", what, blob.c, blob.h, blob.w);
  }
  std::string fresh() { return fmt::format("b{}", blobs_.size()); }
  size_t pick() {
    return chance(75) ? blobs_.size() - 1
                      : static_cast<size_t>(between(0, static_cast<int64_t>(blobs_.size()) - 1));
  }
  void read(const std::string& name) {
    for (Blob& blob : blobs_)
      if (blob.name == name) blob.read = true;
  }
  Blob push(const std::string& what, const std::string& name, const std::vector<std::string>& inputs,
            int64_t c, int64_t h, int64_t w) {
    Blob blob{name, c, h, w};
    std::string line = fmt::format("{}: {} of", name, what);
    for (const std::string& input : inputs) {
      line += fmt::format(" {}", input);
      read(input);
    }
    note(line, blob);
    blobs_.push_back(blob);
    return blob;
  }

  // ---- Layers ----

  void append_layer() { append_layer(pick()); }
  void append_layer(size_t index) {
    const Blob in = blobs_[index];
    read(in.name);
    switch (between(0, 13)) {
      case 0:
      case 1:
      case 2:
        convolution(in);
        break;
      case 3:
      case 4:
        pooling(in);
        break;
      case 5:
      case 6:
        activation(in);
        break;
      case 7:
        normalisation(in);
        break;
      case 8:
        unary(in);
        break;
      case 9:
      case 10:
        elementwise(in);
        break;
      case 11:
        concat(in);
        break;
      case 12:
        inner_product(in);
        break;
      default:
        chance(60) || in.count() > 3000 ? softmax(in) : flatten(in);
    }
  }

  struct Window {
    int64_t kernel = 1, stride = 1, dilation = 1, before = 0, after = 0, out = 1;
    std::string text() const {
      return fmt::format(" k{} s{} d{} p{},{}", kernel, stride, dilation, before, after);
    }
  };

  // A window along an axis of `size` elements.
  Window window(int64_t size, bool same, int64_t largest, bool dilated) {
    Window window;
    window.kernel = between(1, largest);
    window.stride = one_of({1, 1, 1, 2, 2, 3});
    if (dilated) window.dilation = one_of({1, 1, 1, 2, 3});
    const auto extent = [&] { return (window.kernel - 1) * window.dilation + 1; };
    if (same) {
      window.out = (size + window.stride - 1) / window.stride;
      return window;
    }
    if (chance(60)) window.before = between(0, window.kernel - 1);
    if (chance(60)) window.after = between(0, window.kernel - 1);
    while (extent() > size + window.before + window.after) {
      if (window.dilation > 1)
        --window.dilation;
      else
        --window.kernel;
      window.before = std::min(window.before, window.kernel - 1);
      window.after = std::min(window.after, window.kernel - 1);
    }
    window.out = (size + window.before + window.after - extent()) / window.stride + 1;
    return window;
  }

  Blob convolution(const Blob& in) {
    const bool same = chance(30), dilated = chance(20);
    const int64_t largest = chance(10) ? 9 : 5;
    const Window y = window(in.h, same, largest, dilated), x = window(in.w, same, largest, dilated);
    ConvolutionOptions options{.out = channels(), .in = in.c};
    if (chance(25)) {  // depthwise
      options.groups = in.c;
      options.out = in.c * one_of({1, 1, 2});
    } else if (chance(25)) {
      std::vector<int64_t> divisors;
      for (int64_t g = 2; g <= in.c; ++g)
        if (in.c % g == 0) divisors.push_back(g);
      if (!divisors.empty()) {
        options.groups = divisors[static_cast<size_t>(between(0, static_cast<int64_t>(divisors.size()) - 1))];
        options.out = options.groups * between(1, 5);
      }
    }
    options.kernel_h = y.kernel, options.kernel_w = x.kernel;
    options.stride_h = y.stride, options.stride_w = x.stride;
    options.dilation_h = y.dilation, options.dilation_w = x.dilation;
    options.same = same;
    options.top = y.before, options.bottom = y.after, options.left = x.before, options.right = x.after;
    options.half_weights = chance(30);
    const int64_t fan_in = in.c / options.groups * y.kernel * x.kernel;
    options.weights = weights(options.out * fan_in, fan_in);
    if (chance(60)) options.bias = reals(options.out, -0.5f, 0.5f);
    const std::string name = fresh();
    model.convolution(name, in.name, options);
    return push(fmt::format("convolution groups {}{}{}{}{}", options.groups, same ? " same" : "", y.text(),
                            x.text(), options.bias.empty() ? "" : " bias"),
                name, {in.name}, options.out, y.out, x.out);
  }

  Blob pooling(const Blob& in) {
    PoolingOptions options;
    options.type = static_cast<Pooling::PoolingType>(one_of({Pooling::MAX, Pooling::AVERAGE, Pooling::L2}));
    options.global = chance(15);
    const bool same = !options.global && chance(30), last = !options.global && !same && chance(30);
    Window y = window(in.h, same, 4, false), x = window(in.w, same, 4, false);
    if (same) options.padding = PoolingOptions::Same;
    if (last) {
      // Without padding a stride beyond the kernel would put a whole window behind the input.
      if (y.before + x.before == 0)
        y.stride = std::min(y.stride, y.kernel), x.stride = std::min(x.stride, x.kernel);
      options.padding = PoolingOptions::IncludeLastPixel;
      include_last_pixel(y, in.h);
      include_last_pixel(x, in.w);
    }
    options.kernel_h = y.kernel, options.kernel_w = x.kernel;
    options.stride_h = y.stride, options.stride_w = x.stride;
    options.top = y.before, options.bottom = y.after, options.left = x.before, options.right = x.after;
    // What a window that reaches over the end of the declared padding divides by is not known.
    options.exclude_padding = last || chance(50);
    const std::string name = fresh();
    model.pooling(name, in.name, options);
    if (options.global) y.out = x.out = 1;
    return push(fmt::format("pooling type {}{}{}{}{}{}", static_cast<int>(options.type),
                            options.global ? " global" : "",
                            same   ? " same"
                            : last ? " includeLastPixel"
                                   : "",
                            options.exclude_padding ? " exclude" : "", y.text(), x.text()),
                name, {in.name}, in.c, y.out, x.out);
  }

  // Caffe's rule: rounded up, but the last window begins inside the input or its leading padding.
  static void include_last_pixel(Window& window, int64_t size) {
    window.after = window.before;
    while (window.kernel > size + 2 * window.before) window.before = ++window.after;
    window.before = window.after = std::min(window.before, window.kernel - 1);
    const int64_t span = size + 2 * window.before - window.kernel;
    window.out = (span + window.stride - 1) / window.stride + 1;
    if ((window.out - 1) * window.stride >= size + window.before) --window.out;
  }

  Blob activation(const Blob& in) {
    const std::string name = fresh();
    auto* params = model.activation(name, in.name);
    const int kind = static_cast<int>(between(0, 12));
    static constexpr const char* names[] = {
        "linear",   "ReLU",       "leakyReLU",         "thresholdedReLU", "PReLU",
        "tanh",     "scaledTanh", "sigmoidHard",       "sigmoid",         "ELU",
        "softsign", "softplus",   "parametricSoftplus"};
    set_activation(params, kind, in.c);
    return push(names[kind], name, {in.name}, in.c, in.h, in.w);
  }

  void set_activation(spec::ActivationParams* params, int kind, int64_t channels) {
    switch (kind) {
      case 0:
        params->mutable_linear()->set_alpha(real(-2, 2));
        params->mutable_linear()->set_beta(real(-1, 1));
        break;
      case 1:
        params->mutable_relu();
        break;
      case 2:
        params->mutable_leakyrelu()->set_alpha(real(0, 0.5f));
        break;
      case 3:
        params->mutable_thresholdedrelu()->set_alpha(0);  // elsewhere it jumps, and rounding moves the jump
        break;
      case 4:
        set_floats(params->mutable_prelu()->mutable_alpha(), reals(chance(30) ? 1 : channels, -0.5f, 0.5f));
        break;
      case 5:
        params->mutable_tanh();
        break;
      case 6:
        params->mutable_scaledtanh()->set_alpha(real(0.5f, 2));
        params->mutable_scaledtanh()->set_beta(real(0.5f, 2));
        break;
      case 7:
        params->mutable_sigmoidhard()->set_alpha(real(0.1f, 0.5f));
        params->mutable_sigmoidhard()->set_beta(real(0, 1));
        break;
      case 8:
        params->mutable_sigmoid();
        break;
      case 9:
        params->mutable_elu()->set_alpha(real(0.2f, 1.5f));
        break;
      case 10:
        params->mutable_softsign();
        break;
      case 11:
        params->mutable_softplus();
        break;
      default:
        set_floats(params->mutable_parametricsoftplus()->mutable_alpha(), reals(channels, 0.5f, 1.5f));
        set_floats(params->mutable_parametricsoftplus()->mutable_beta(), reals(channels, 0.5f, 1.5f));
    }
  }

  Blob normalisation(const Blob& in) {
    const std::string name = fresh();
    const bool per_channel = chance(70);
    const std::vector<int64_t> shape = per_channel ? std::vector<int64_t>{in.c} : std::vector<int64_t>{1};
    const int64_t count = per_channel ? in.c : 1;
    const int64_t kind = between(0, 2);
    if (kind == 0) {
      model.batchnorm(name, in.name, reals(in.c, 0.5f, 1.5f), reals(in.c, -0.5f, 0.5f),
                      reals(in.c, -0.5f, 0.5f), reals(in.c, 0.5f, 2));
    } else if (kind == 1) {
      auto* params = model.scale(name, in.name, shape, reals(count, -1.5f, 1.5f));
      if (chance(50)) {
        params->set_hasbias(true);
        for (const int64_t size : shape) params->add_shapebias(static_cast<uint64_t>(size));
        set_floats(params->mutable_bias(), reals(count, -0.5f, 0.5f));
      }
    } else {
      auto* params = model.layer(name, {in.name})->mutable_bias();
      for (const int64_t size : shape) params->add_shape(static_cast<uint64_t>(size));
      set_floats(params->mutable_bias(), reals(count, -0.5f, 0.5f));
    }
    static constexpr const char* names[] = {"batchnorm", "scale", "bias"};
    return push(names[kind], name, {in.name}, in.c, in.h, in.w);
  }

  Blob unary(const Blob& in) {
    static constexpr const char* names[] = {"sqrt", "rsqrt", "inverse", "power",
                                            "exp",  "log",   "abs",     "threshold"};
    const int kind = static_cast<int>(between(0, 7));
    Blob argument = in;
    if (kind < 6) {  // to 0..1, and by the shift below away from 0
      const std::string bounded = fresh();
      model.activation(bounded, in.name)->mutable_sigmoid();
      argument = push("sigmoid", bounded, {in.name}, in.c, in.h, in.w);
    }
    const std::string name = fresh();
    auto* params = model.unary(name, argument.name, static_cast<Unary::Operation>(kind));
    if (kind < 6) params->set_shift(real(0.5f, 1.5f));
    if (chance(40)) params->set_scale(real(0.5f, 1.5f));
    if (kind == Unary::POWER) params->set_alpha(real(0.5f, 2.5f));
    if (kind == Unary::THRESHOLD) params->set_alpha(real(-0.5f, 0.5f));
    return push(names[kind], name, {argument.name}, in.c, in.h, in.w);
  }

  // A blob of the same shape as `in`, or one that broadcasts to it.
  Blob partner(const Blob& in) {
    for (const Blob& blob : blobs_)
      if (blob.name != in.name && blob.c == in.c && blob.h == in.h && blob.w == in.w && chance(70))
        return blob;
    const std::string name = fresh();
    if (chance(30)) {
      PoolingOptions options{.type = Pooling::AVERAGE, .global = true};
      model.pooling(name, in.name, options);
      return push("pooling average global", name, {in.name}, in.c, 1, 1);
    }
    ConvolutionOptions options{.out = chance(25) ? 1 : in.c, .in = in.c, .kernel_h = 1, .kernel_w = 1};
    if (options.out == in.c && in.c > 200) options.groups = in.c;  // few weights
    options.weights = weights(options.out * in.c / options.groups, in.c / options.groups);
    model.convolution(name, in.name, options);
    return push("convolution 1x1", name, {in.name}, options.out, in.h, in.w);
  }

  Blob elementwise(const Blob& in) {
    const bool add = chance(50);
    if (chance(20)) {  // one input and a number
      const std::string name = fresh();
      auto* layer = model.layer(name, {in.name});
      if (add)
        layer->mutable_add()->set_alpha(real(-1, 1));
      else
        layer->mutable_multiply()->set_alpha(real(-1.5f, 1.5f));
      return push(add ? "add number" : "multiply number", name, {in.name}, in.c, in.h, in.w);
    }
    std::vector<std::string> inputs = {in.name, partner(in).name};
    if (chance(15)) inputs.push_back(partner(in).name);
    if (chance(40)) std::swap(inputs[0], inputs[1]);
    const std::string name = fresh();
    add ? model.add(name, inputs) : model.multiply(name, inputs);
    return push(add ? "add" : "multiply", name, inputs, in.c, in.h, in.w);
  }

  Blob concat(const Blob& in) {
    std::vector<std::string> inputs = {in.name};
    int64_t total = in.c;
    const int64_t others = between(1, 2);
    for (int64_t i = 0; i < others; ++i) {
      const std::string name = fresh();
      ConvolutionOptions options{.out = channels(), .in = in.c, .kernel_h = 1, .kernel_w = 1};
      options.weights = weights(options.out * in.c, in.c);
      model.convolution(name, in.name, options);
      push("convolution 1x1", name, {in.name}, options.out, in.h, in.w);
      inputs.push_back(name);
      total += options.out;
    }
    if (chance(40)) std::swap(inputs.front(), inputs.back());
    const std::string name = fresh();
    model.concat(name, inputs);
    return push("concat", name, inputs, total, in.h, in.w);
  }

  Blob flatten(const Blob& in) {
    const std::string name = fresh();
    model.flatten(name, in.name);
    return push("flatten", name, {in.name}, in.count(), 1, 1);
  }

  Blob inner_product(const Blob& in) {
    Blob vector = in;
    if (in.count() > 2000) {  // keep the weights small
      const std::string name = fresh();
      model.pooling(name, in.name, {.type = Pooling::AVERAGE, .global = true});
      vector = push("pooling average global", name, {in.name}, in.c, 1, 1);
    } else if (in.h * in.w != 1) {
      vector = flatten(in);
    }
    const std::string name = fresh();
    const int64_t out = channels();
    const auto values = weights(out * vector.c, vector.c);
    model.inner_product(name, vector.name, vector.c, out, values,
                        chance(60) ? reals(out, -0.5f, 0.5f) : std::vector<float>{});
    return push("innerProduct", name, {vector.name}, out, 1, 1);
  }

  Blob softmax(const Blob& in) {
    const std::string name = fresh();
    model.softmax(name, in.name);
    return push("softmax", name, {in.name}, in.c, in.h, in.w);
  }

  std::mt19937_64 engine_;
  std::vector<Blob> blobs_;
};

}  // namespace ane::test
