// make_fuzz_seeds OUT_DIR: a corpus for each fuzzer, from models written here and what the compiler makes of
// them. Models are tiny, so that a mutation often hits something that matters.
#include <MIL.pb.h>
#include <fmt/format.h>
#include <google/protobuf/text_format.h>

#include <filesystem>

#include "base/file.h"
#include "driver/compile.h"
#include "espresso/files.h"
#include "fuzz.h"
#include "generations/generation.h"
#include "media/array.h"
#include "media/image.h"
#include "oracle/sample.h"
#include "support/blob_builder.h"
#include "support/later_container.h"
#include "support/model_builder.h"

namespace {

using namespace ane;
namespace fs = std::filesystem;
using test::ModelBuilder;

struct Sample {
  const char* name;
  Bytes model;
};

Bytes convolutions() {
  ModelBuilder model;
  model.image_input("picture", 8, 8);
  model.scaler("picture", 1.0f / 255.0f);
  model.convolution("wide", "picture", {.out = 4, .in = 3, .same = true, .bias = {1, 2, 3, 4}});
  model.relu("kept", "wide");
  model.convolution("strided", "kept",
                    {.out = 4, .in = 4, .stride_h = 2, .stride_w = 2, .half_weights = true});
  model.convolution("depthwise", "strided", {.out = 4, .in = 4, .kernel_h = 1, .kernel_w = 1, .groups = 4});
  model.activation("y", "depthwise")->mutable_sigmoid();
  model.array_output("y");
  return model.bytes();
}

Bytes sums() {
  ModelBuilder model;
  model.array_input("a", {4, 6, 6});
  model.array_input("b", {4, 6, 6});
  model.add("sum", {"a", "b"});
  model.multiply("product", {"sum", "b"});
  model.concat("both", {"sum", "product"});
  model.pooling("pooled", "both", {});
  model.softmax("y", "pooled");
  model.array_output("y");
  return model.bytes();
}

Bytes vectors() {
  ModelBuilder model;
  model.array_input("x", {2, 4, 4});
  model.flatten("flat", "x");
  model.inner_product("dense", "flat", 32, 10);
  model.batchnorm("norm", "dense", test::ramp(10), test::ramp(10));
  model.unary("y", "norm", test::spec::UnaryFunctionLayerParams::ABS);
  model.array_output("y");
  return model.bytes();
}

Bytes joined(const fs::path& folder, std::initializer_list<const char*> names) {
  ByteWriter out;
  for (const char* name : names) {
    if (out.size()) out.text(fuzz::separator);
    if (fs::exists(folder / name)) out.bytes(MappedFile(folder / name).bytes());
  }
  return out.take();
}

// A net in a pbze container, its LZFSE stream made of one raw block.
Bytes packed_net(ByteSpan net) {
  ByteWriter out;
  const auto big_endian = [&](uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) out.put(static_cast<uint8_t>(value >> shift));
  };
  out.text("pbze");
  big_endian(0x40000000);
  big_endian(net.size());
  big_endian(net.size() + 12);
  out.text("bvx-");
  out.u32(net.size());
  out.bytes(net);
  out.text("bvx$");
  return out.take();
}

ByteSpan bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

void put(const fs::path& folder, const std::string& name, ByteSpan bytes) {
  fs::create_directories(folder);
  write_file(folder / name, bytes);
}

void seeds_of_model(const fs::path& out, const Sample& sample) {
  put(out / "mlmodel", sample.name, ByteSpan(sample.model));
  const fs::path work = out / "work" / sample.name;
  put(work, "model.mlmodel", ByteSpan(sample.model));
  const driver::CompileOptions options{.model = work / "model.mlmodel",
                                       .emit = {"hwx", "anec", "mlmodelc", "plist"},
                                       .output = work,
                                       .log = {}};
  const driver::Compiled compiled = driver::compile_model(options);
  driver::write_outputs(compiled, options);

  const fs::path espresso = work / "model.mlmodelc";
  put(out / "espresso", sample.name,
      joined(espresso, {"model.espresso.net", "model.espresso.shape", "model.espresso.weights"}));
  put(out / "espresso", std::string(sample.name) + "-packed",
      packed_net(MappedFile(espresso / "model.espresso.net").bytes()));
  put(out / "plist", sample.name, joined(work / "espresso_ir_dump", {"net.plist", "net.weights"}));
  const Bytes program = hwx::write(compiled.program.file);
  put(out / "hwx", sample.name, ByteSpan(program));
  put(out / "simulator", sample.name, ByteSpan(program));
  put(out / "anec", sample.name, ByteSpan(compiled.anec));
  put(out / "sidecar", sample.name, MappedFile(work / "model.json").bytes());
}

// One program with every form of statement, type and value, and the weights that it names.
constexpr std::string_view mil_text = R"mil(program(1.3)
[buildInfo = dict<string, string>({{"coremlc-version", "3520.5.1"}, {"quote", "\"\\"}})]
{
    func main<ios17>(tensor<fp16, [1, 4]> x, tensor<fp32, [?]> flexible, state<tensor<fp16, [1, 4]>> kept) [FlexibleShapeInformation = tuple<tuple<string, dict<string, tensor<int32, [?]>>>, tuple<string, dict<string, list<tensor<int32, [2]>, ?>>>>((("DefaultShapes", {{"flexible", [4]}}), ("RangeDims", {{"flexible", [[1, 4]]}})))] {
            string pt = const()[name = string("pt"), val = string("valid")];
            tensor<bool, []> f = const()[name = tensor<string, []>("f"), val = tensor<bool, []>(false)];
            tensor<fp16, [2, 2]> k = const()[val = tensor<fp16, [2, 2]>([[0x1.8p-3, -1.5e-2], [inf, nan]])];
            tensor<fp16, [1, 4]> w = const()[val = tensor<fp16, [1, 4]>(BLOBFILE(path = string("@model_path/weight.bin"), offset = uint64(64)))];
            tensor<fp32, [5]> q = constexpr_lut_to_dense()[indices = tensor<uint3, [5]>(BLOBFILE(path = string("@model_path/weight.bin"), offset = uint64(192))), lut = tensor<uint6, [3]>([63, 0, 33])];
            tensor<fp16, [1, 2]> a, tensor<fp16, [1, 2]> b = split(axis = int32(-1), x = x);
            tensor<fp16, [1, 4]> c = concat(axis = int32(-1), values = (a, b));
            write_state(data = c, input = kept);
            tensor<fp16, [1, 4]> y = mul(x = c, y = w)[name = string("y")];
        } -> (y, q);
    func second<ios18>(int8 x) {
            fp8e4m3fn y = const()[val = fp8e4m3fn(0x1.cp+8)];
        } -> (x, y);
})mil";

// One operation of each kind that import knows, bound in place where that is allowed.
constexpr std::string_view mil_operations = R"mil(program(1.3)
[buildInfo = dict<string, string>({})]
{
    func main<ios18>(tensor<fp16, [1, 2, 4, 4]> x, tensor<bool, [1, 2, 4, 4]> t) {
            tensor<fp16, [2, 2, 1, 1]> w = const()[val = tensor<fp16, [2, 2, 1, 1]>(BLOBFILE(path = string("@model_path/weight.bin"), offset = uint64(64)))];
            tensor<int32, [4]> s = shape(x = x);
            tensor<int32, [2]> s2 = gather(axis = int32(0), indices = tensor<int32, [2]>([0, 1]), x = s);
            tensor<int32, [3]> s3 = concat(axis = int32(0), values = (s2, tensor<int32, [1]>([16])));
            tensor<fp16, [1, 2, 4, 4]> c = conv(pad = tensor<int32, [4]>([1, 0, 0, 1]), pad_type = string("same"), strides = tensor<int32, [2]>([1, 1]), weight = w, x = x);
            tensor<fp16, [1, 2, 7, 7]> u = conv_transpose(pad_type = string("valid"), strides = tensor<int32, [2]>([2, 2]), weight = w, x = c);
            tensor<fp16, [1, 2, 4, 4]> p = max_pool(ceil_mode = bool(true), kernel_sizes = tensor<int32, [2]>([2, 2]), pad_type = string("valid"), strides = tensor<int32, [2]>([2, 2]), x = u);
            tensor<fp16, [1, 2, 4, 4]> g = gelu(mode = string("SIGMOID_APPROXIMATION"), x = p);
            tensor<fp16, [1, 2, 4, 4]> e = select(a = g, b = fp16(-4), cond = t);
            tensor<bool, [1, 2, 4, 4]> l = less_equal(x = e, y = x);
            tensor<fp16, [1, 2, 4, 4]> f = cast(dtype = string("fp16"), x = l);
            tensor<fp16, [1, 2, 4, 4]> n = layer_norm(axes = tensor<int32, [1]>([-1]), epsilon = fp32(1e-5), gamma = tensor<fp16, [4]>([1, 2, 3, 4]), x = f);
            tensor<fp16, [1, 2, 4, 4]> m = matmul(transpose_y = bool(true), x = n, y = x);
            tensor<fp16, [1, 2, 4, 3]> li = linear(bias = tensor<fp16, [3]>([1, 2, 3]), weight = tensor<fp16, [3, 4]>([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]), x = m);
            tensor<fp16, [1, 2, 1, 3]> r = reduce_mean(axes = tensor<int32, [1]>([2]), keep_dims = bool(true), x = li);
            tensor<fp16, [1, 2, 4, 3]> ti = tile(reps = tensor<int32, [4]>([1, 1, 4, 1]), x = r);
            tensor<fp16, [1, 2, 4, 6]> pd = pad(constant_val = fp16(0), mode = string("reflect"), pad = tensor<int32, [2]>([2, 1]), x = ti);
            tensor<fp16, [1, 2, 4, 2]> sl = slice_by_index(begin = tensor<int32, [4]>([0, 0, 0, 1]), end = tensor<int32, [4]>([1, 2, 4, -1]), stride = tensor<int32, [4]>([1, 1, 1, 2]), x = pd);
            tensor<fp16, [1, 2, 2, 4]> tr = transpose(perm = tensor<int32, [4]>([0, 1, 3, 2]), x = sl);
            tensor<fp16, [1, 2, 16]> re = reshape(shape = s3, x = x);
            tensor<fp16, [1, 2, 16]> so = softmax(axis = int32(1), x = re);
            tensor<fp16, [1, 1, 16]> a, tensor<fp16, [1, 1, 16]> b = split(axis = int32(1), num_splits = int32(2), x = so);
            tensor<fp16, [2, 1, 1, 16]> st = stack(axis = int32(0), values = (a, b));
            tensor<fp16, [1, 2, 2, 4]> bn = batch_norm(mean = tensor<fp16, [2]>([1, 2]), variance = tensor<fp16, [2]>([1, 2]), x = tr);
            tensor<fp16, [2, 2]> q = constexpr_affine_dequantize()[axis = int32(0), quantized_data = tensor<int8, [2, 2]>([[1, 2], [3, 4]]), scale = tensor<fp16, [2]>([1, 2]), zero_point = int8(1)];
            tensor<fp16, [5]> lu = constexpr_lut_to_dense()[indices = tensor<uint8, [2]>([228, 1]), lut = tensor<fp16, [4]>([5, 6, 7, 8]), shape = tensor<uint32, [1]>([5])];
            tensor<fp16, [1, 2, 2, 4]> y = real_div(x = bn, y = fp16(3));
            tensor<fp16, [1, 2, 4, 2]> z = matmul(x = sl, y = q);
        } -> (y, st, z);
})mil";

// The same for the protobuf form, as protobuf's own text.
constexpr const char* mlprogram_text = R"pb(
  version: 1
  attributes {
    key: "buildInfo"
    value {
      type {
        dictionaryType {
          keyType { tensorType { dataType: STRING } }
          valueType { tensorType { dataType: STRING } }
        }
      }
      immediateValue {
        dictionary {
          values {
            key {
              type { tensorType { dataType: STRING } }
              immediateValue { tensor { strings { values: "tool" } } }
            }
            value {
              type { tensorType { dataType: STRING } }
              immediateValue { tensor { strings { values: "1" } } }
            }
          }
        }
      }
    }
  }
  functions {
    key: "main"
    value {
      opset: "CoreML7"
      inputs {
        name: "x"
        type {
          tensorType {
            dataType: FLOAT16
            rank: 2
            dimensions { unknown {} }
            dimensions { constant { size: 4 } }
          }
        }
      }
      inputs {
        name: "s"
        type {
          stateType {
            wrappedType {
              tensorType {
                dataType: FLOAT16
                rank: 1
                dimensions { constant { size: 4 } }
              }
            }
          }
        }
      }
      block_specializations {
        key: "CoreML7"
        value {
          operations {
            type: "const"
            outputs {
              name: "w"
              type {
                tensorType {
                  dataType: FLOAT16
                  rank: 1
                  dimensions { constant { size: 4 } }
                }
              }
            }
            attributes {
              key: "val"
              value {
                type {
                  tensorType {
                    dataType: FLOAT16
                    rank: 1
                    dimensions { constant { size: 4 } }
                  }
                }
                blobFileValue { fileName: "@model_path/weight.bin" offset: 64 }
              }
            }
          }
          operations {
            type: "const"
            outputs {
              name: "q"
              type {
                tensorType {
                  dataType: UINT3
                  rank: 1
                  dimensions { constant { size: 5 } }
                }
              }
            }
            attributes {
              key: "val"
              value {
                type {
                  tensorType {
                    dataType: UINT3
                    rank: 1
                    dimensions { constant { size: 5 } }
                  }
                }
                immediateValue { tensor { bytes { values: "\321X" } } }
              }
            }
          }
          operations {
            type: "make_list"
            outputs {
              name: "l"
              type {
                listType {
                  type { tensorType { dataType: FLOAT32 } }
                  length { unknown {} }
                }
              }
            }
            attributes {
              key: "list"
              value {
                type {
                  listType {
                    type { tensorType { dataType: INT32 } }
                    length { constant { size: 1 } }
                  }
                }
                immediateValue {
                  list {
                    values {
                      type { tensorType { dataType: INT32 } }
                      immediateValue { tensor { ints { values: -3 } } }
                    }
                  }
                }
              }
            }
          }
          operations {
            type: "concat"
            inputs {
              key: "values"
              value {
                arguments { name: "x" }
                arguments { name: "w" }
              }
            }
            inputs {
              key: "axis"
              value {
                arguments {
                  value {
                    type { tensorType { dataType: INT64 } }
                    immediateValue { tensor { longInts { values: -1 } } }
                  }
                }
              }
            }
            inputs {
              key: "interleave"
              value {
                arguments {
                  value {
                    type { tensorType { dataType: BOOL } }
                    immediateValue { tensor { bools { values: false } } }
                  }
                }
              }
            }
            outputs {
              name: "y"
              type {
                tensorType {
                  dataType: FLOAT16
                  rank: 1
                  dimensions { constant { size: 8 } }
                }
              }
            }
          } LOOP
          outputs: "y"
        }
      }
    }
  }
)pb";
constexpr const char* loop_text = R"pb(
  operations {
    type: "cond"
    inputs {
      key: "pred"
      value { arguments { name: "y" } }
    }
    outputs {
      name: "z"
      type { tensorType { dataType: BOOL } }
    }
    blocks {
      inputs {
        name: "v"
        type { tensorType { dataType: FLOAT32 } }
      }
      operations {
        type: "relu"
        inputs {
          key: "x"
          value { arguments { name: "v" } }
        }
        outputs {
          name: "u"
          type { tensorType { dataType: FLOAT32 } }
        }
      }
      outputs: "u"
    }
  }
)pb";

void put_with_weights(const fs::path& file, std::string first, const Bytes& weights) {
  first += fuzz::separator;
  first.append(weights.begin(), weights.end());
  put(file.parent_path(), file.filename(), bytes_of(first));
}

std::string mlprogram_bytes(const std::string& loop) {
  std::string text = mlprogram_text;
  text.replace(text.find("LOOP"), 4, loop);
  CoreML::Specification::MILSpec::Program program;
  ensure(google::protobuf::TextFormat::ParseFromString(text, &program), "a seed is not protobuf text");
  return program.SerializeAsString();
}

void seeds_of_mil(const fs::path& out) {
  test::BlobBuilder blobs;
  blobs.add(1, Bytes{0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c});
  blobs.add(12, Bytes{0xd1, 0x58}, 1);
  put_with_weights(out / "mil" / "forms", std::string(mil_text), blobs.bytes());
  put_with_weights(out / "mil_import" / "operations", std::string(mil_operations), blobs.bytes());
  put_with_weights(out / "mlprogram" / "flat", mlprogram_bytes(""), blobs.bytes());
  put_with_weights(out / "mlprogram" / "nested", mlprogram_bytes(loop_text), blobs.bytes());
}

// Programs of H14 and later, which the compiler does not make: every form of record, an extra header word,
// scratch, coefficients in a segment of their own.
void seeds_of_generations(const fs::path& folder) {
  for (const generations::Generation& generation : generations::all()) {
    if (generation.tasks == generations::TaskList::Linked) continue;
    std::vector<uint32_t> first(generation.header_words), second(generation.header_words + 1);
    first.insert(first.end(), {0x00010001, 1, 2, 3, 0x93618005, 4, 5, 6, 7, 8, 9, 10, 11, 0x22008444, 0, 0});
    second[generation.header_words - 1] = 3;
    second.insert(second.end(), {0x00000549, 0xdead, 0x22808542, 0, 0x40});
    first[0] = static_cast<uint32_t>(first.size()) << 16;
    second[0] = static_cast<uint32_t>(second.size()) << 16 | 1;
    test::LaterProgram program;
    program.subtype = generation.subtype;
    program.text = test::sequential_text({first, second}, 1);
    program.constants = Bytes(0x80, 0x3c);
    program.scratch_bytes = 0x100;
    program.kernel = Bytes(0x100, 0x3c);
    program.kernel_slot = 8;
    program.surfaces = {{.input = true, .name = "x", .slot = 4}, {.input = false, .name = "y", .slot = 5}};
    program.tail = test::later_tail(program.text.size(), 2);
    put(folder, generation.name, ByteSpan(program.build()));
    Bytes stream = program.text;
    stream.insert(stream.begin(), static_cast<uint8_t>(&generation - generations::all().data()));
    put(folder, std::string(generation.name) + "-tasks", ByteSpan(stream));
  }
}

void seeds_of_captures(const fs::path& folder) {
  put(folder, "relu", bytes_of(oracle::test::relu_capture()));
  put(folder, "convolution", bytes_of(oracle::test::convolution_capture()));
}

void seeds_of_media(const fs::path& folder) {
  fs::create_directories(folder);
  const media::Image image{.width = 5, .height = 4, .channels = 3, .pixels = std::vector<uint8_t>(60, 99)};
  media::write_png(folder / "picture.png", image);
  media::write_npy(folder / "array.npy", {.shape = {2, 3}, .data = {1, 2, 3, 4, 5, 6}});
  write_file(folder / "picture.pgm", std::string_view("P5\n# grey\n2 2\n255\nabcd"));
  write_file(folder / "picture.ppm", std::string_view("P6 1 1 65535 abcdef"));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: {} OUT_DIR\n", argv[0]);
    return 2;
  }
  const fs::path out = argv[1];
  for (const Sample& sample :
       {Sample{"convolutions", convolutions()}, {"sums", sums()}, {"vectors", vectors()}})
    seeds_of_model(out, sample);
  seeds_of_mil(out);
  seeds_of_generations(out / "hwx");
  seeds_of_captures(out / "oracle");
  seeds_of_media(out / "media");
  fs::remove_all(out / "work");
}
