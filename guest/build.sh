#!/usr/bin/env bash
# Builds every guest of this repository from its source.
#
#   guest/build.sh            build them, into the files that are committed
#   guest/build.sh --check    build them elsewhere and compare: are the committed ones what the sources build?
#
# Where rustup has the WebAssembly targets it builds with those (`rustup target add wasm32-wasip1 wasm32-wasip2`). Where
# it cannot have them, and for --check, which wants the very same bytes, it builds with Debian's Rust and a standard
# library from its sources:
#   apt-get install rustc-web cargo-web rust-web-src lld-19 clang-19 wasi-libc libclang-rt-19-dev-wasm32
set -euo pipefail
cd "$(dirname "$0")/.."

# package, target, where it is committed
guests=(
  "dedupe wasm32-wasip2 examples/01-dedupe/dedupe.wasm"
  "primes wasm32-wasip1 examples/02-primes/primes.wasm"
  "queue wasm32-wasip2 examples/03-queue/queue.wasm"
  "pipeline wasm32-wasip2 examples/04-pipeline/pipeline.wasm"
  "supervisor wasm32-wasip2 examples/05-supervisor/supervisor.wasm"
  "bare wasm32-wasip2 tests/guests/bare.wasm"
  "probe wasm32-wasip1 tests/guests/probe-p1.wasm"
  "probe wasm32-wasip2 tests/guests/probe-p2.wasm"
  "talker wasm32-wasip2 tests/guests/talker.wasm"
)

mode=${1:-build}
export CARGO_TARGET_DIR=$PWD/target/guests

rustup_has() {
  local installed
  installed=$(rustup target list --installed 2>/dev/null) || return 1
  for target in wasm32-wasip1 wasm32-wasip2; do
    grep -qx "$target" <<<"$installed" || return 1
  done
}

use_debian() {
  local rustup_sysroot objects=$CARGO_TARGET_DIR/objects
  rustup_sysroot=$(rustc --print sysroot)
  export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 GUEST_OBJECTS=$objects
  [ -x $RUSTC ] && [ -d /usr/lib/rustlib/src/rust ] || { echo "guest/build.sh: Debian's Rust is missing; see the top of this script" >&2; exit 1; }
  mkdir -p "$objects"
  for object in crt1 threads; do
    clang-19 --target=wasm32-wasi -O2 -c "guest/toolchain/$object.c" -o "$objects/$object.o"
  done
  # wasm-component-ld comes with rustup's toolchain.
  local component_ld
  component_ld=$(find "$rustup_sysroot" -name wasm-component-ld -path '*/bin/*' | head -n 1)
  for target in WASM32_WASIP1 WASM32_WASIP2; do
    export "CARGO_TARGET_${target}_LINKER=$PWD/guest/toolchain/link"
  done
  ld_wasip1=wasm-ld-19
  ld_wasip2="$component_ld --wasm-ld-path $(command -v wasm-ld-19)"
  # The same bytes wherever the repository and cargo's folder lie.
  export RUSTFLAGS="-Clink-self-contained=no --remap-path-prefix=$PWD=/guest --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=/usr/lib/rustlib/src/rust=/rust"
  cargo=(/usr/bin/cargo)
  std=(-Zbuild-std=std,panic_abort)
}

cargo=(cargo) std=() ld_wasip1='' ld_wasip2=''
if [ "$mode" = --check ] || ! rustup_has; then
  use_debian
fi

wrong=0
for guest in "${guests[@]}"; do
  read -r package target committed <<<"$guest"
  ld=ld_${target#wasm32-}
  GUEST_LD=${!ld} "${cargo[@]}" build --quiet --locked --profile guest --package "$package" --target "$target" "${std[@]}"
  built=$CARGO_TARGET_DIR/$target/guest/$package.wasm
  if [ "$mode" != --check ]; then
    cp "$built" "$committed"
    echo "$committed: $(stat -c %s "$committed") bytes"
  elif cmp -s "$built" "$committed"; then
    echo "$committed is what its source builds"
  else
    echo "$committed is not what its source builds: run guest/build.sh and commit it" >&2
    wrong=1
  fi
done
exit $wrong
