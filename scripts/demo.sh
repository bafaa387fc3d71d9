#!/bin/bash
# Installs what is needed, builds the programs, and takes a model made by the project itself all the way: a Core ML edge
# detector becomes a program for the Neural Engine, which the simulator runs on a picture. Ends by saying where the
# result is.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-packages.sh
cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release
cmake --build build --target coreml2hwx hwxrun hwxdump make_demo_model

build/make_demo_model build/demo
build/coreml2hwx build/demo/edges.mlmodel -o build/demo --verify --input build/demo/edges_input.png
build/hwxrun build/demo/model.hwx --input build/demo/edges_input.png -o build/demo

echo "The picture: $PWD/build/demo/edges_input.png"
echo "Its edges:   $PWD/build/demo/edges.png"
