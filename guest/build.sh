#!/usr/bin/env bash
# Builds every guest of this repository from its source.
#
#   guest/build.sh            build them, into the files that are committed
#   guest/build.sh --check    build them elsewhere and compare: are the committed ones what the sources build?
#
# Where rustup has the WebAssembly targets it builds with those
# (`rustup target add wasm32-wasip1 wasm32-wasip2 wasm32-unknown-unknown`). Where it cannot have them, and for --check,
# which wants the very same bytes, it builds with Debian's Rust and a standard library from its sources:
#   apt-get install rustc-web cargo-web rust-web-src lld-19 clang-19 wasi-libc libclang-rt-19-dev-wasm32
set -euo pipefail
cd "$(dirname "$0")/.."

# package, target, where it is committed. Three kinds: wasm32-wasip1 gives a core module, wasm32-wasip2 a component, and
# wasm32-unknown-unknown a pure component: it imports what its own world says and no WASI.
guests=(
  "dedupe wasm32-wasip2 examples/01-dedupe/dedupe.wasm"
  "primes wasm32-wasip1 examples/02-primes/primes.wasm"
  "queue wasm32-wasip2 examples/03-queue/queue.wasm"
  "pipeline wasm32-wasip2 examples/04-pipeline/pipeline.wasm"
  "supervisor wasm32-wasip2 examples/05-supervisor/supervisor.wasm"
  "sweep wasm32-unknown-unknown examples/06-map/sweep.wasm"
  "transform wasm32-unknown-unknown examples/07-embed/transform.wasm"
  "transform-shout wasm32-unknown-unknown examples/07-embed/shout.wasm"
  "transform-hostile wasm32-unknown-unknown examples/07-embed/hostile.wasm"
  "suite wasm32-wasip2 examples/08-tests-in-isolation/suite.wasm"
  "actor wasm32-wasip2 tests/guests/actor.wasm"
  "bare wasm32-wasip2 tests/guests/bare.wasm"
  "intruder wasm32-wasip1 tests/guests/intruder-p1.wasm"
  "intruder wasm32-wasip2 tests/guests/intruder-p2.wasm"
  "plugin wasm32-unknown-unknown tests/guests/plugin.wasm"
  "plugin wasm32-wasip2 tests/guests/plugin-wasi.wasm"
  "probe wasm32-wasip1 tests/guests/probe-p1.wasm"
  "probe wasm32-wasip2 tests/guests/probe-p2.wasm"
  "talker wasm32-wasip2 tests/guests/talker.wasm"
)

# A program in C, with the kit of guest/c, and where it is committed. Always built with Debian's clang.
c_guests=(
  "examples/10-polyglot/filter.c examples/10-polyglot/filter.wasm"
)

mode=${1:-build}
export CARGO_TARGET_DIR=$PWD/target/guests

# It comes with rustup's toolchain. rustc calls it for wasm32-wasip2 by itself; for a pure component it must be told.
component_ld=$(find "$(rustc --print sysroot)" -name wasm-component-ld -path '*/bin/*' -print -quit)
[ -n "$component_ld" ] || { echo "guest/build.sh: rustup's toolchain has no wasm-component-ld" >&2; exit 1; }

rustup_has() {
  local installed
  installed=$(rustup target list --installed 2>/dev/null) || return 1
  for target in wasm32-wasip1 wasm32-wasip2 wasm32-unknown-unknown; do
    grep -qx "$target" <<<"$installed" || return 1
  done
}

objects=$CARGO_TARGET_DIR/objects

use_debian() {
  export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 GUEST_OBJECTS=$objects
  [ -x $RUSTC ] && [ -d /usr/lib/rustlib/src/rust ] || { echo "guest/build.sh: Debian's Rust is missing; see the top of this script" >&2; exit 1; }
  mkdir -p "$objects"
  for object in crt1 threads; do
    clang-19 --target=wasm32-wasi -O2 -c "guest/toolchain/$object.c" -o "$objects/$object.o"
  done
  for target in WASM32_WASIP1 WASM32_WASIP2 WASM32_UNKNOWN_UNKNOWN; do
    export "CARGO_TARGET_${target}_LINKER=$PWD/guest/toolchain/link"
  done
  ld_wasip1=wasm-ld-19
  ld_wasip2="$component_ld --wasm-ld-path $(command -v wasm-ld-19)"
  ld_unknown=$ld_wasip2
  # The same bytes wherever the repository and cargo's folder lie.
  export RUSTFLAGS="-Clink-self-contained=no --remap-path-prefix=$PWD=/guest --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=/usr/lib/rustlib/src/rust=/rust"
  cargo=(/usr/bin/cargo)
  std=(-Zbuild-std=std,panic_abort)
}

cargo=(cargo) std=() ld_wasip1='' ld_wasip2='' ld_unknown=''
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$component_ld
if [ "$mode" = --check ] || ! rustup_has; then
  use_debian
fi

build_c() {
  local source=$1 built=$2 flags=(--target=wasm32-wasi -Os -Wall -Wextra -Werror -Iguest/c)
  mkdir -p "$objects"
  clang-19 "${flags[@]}" -c guest/toolchain/crt1.c -o "$objects/start.o"
  clang-19 "${flags[@]}" -c guest/c/glue/glue.c -o "$objects/glue.o"
  clang-19 "${flags[@]}" -c "$source" -o "$objects/program.o"
  "$component_ld" --wasm-ld-path "$(command -v wasm-ld-19)" -L/usr/lib/wasm32-wasi --gc-sections --strip-all \
    "$objects"/{start,program,glue}.o guest/c/glue/glue_component_type.o -lc "$(clang-19 --target=wasm32-wasi -print-libgcc-file-name)" -o "$built"
}

wrong=0
# What was built, and where it is committed: puts it there, or compares.
settle() {
  local built=$1 committed=$2
  if [ "$mode" != --check ]; then
    cp "$built" "$committed"
    echo "$committed: $(stat -c %s "$committed") bytes"
  elif cmp -s "$built" "$committed"; then
    echo "$committed is what its source builds"
  else
    echo "$committed is not what its source builds: run guest/build.sh and commit it" >&2
    wrong=1
  fi
}

for guest in "${c_guests[@]}"; do
  read -r source committed <<<"$guest"
  if [ "$mode" != --check ] && ! command -v clang-19 >/dev/null; then
    echo "$committed: left as it is, there is no clang-19"
    continue
  fi
  build_c "$source" "$CARGO_TARGET_DIR/program.wasm"
  settle "$CARGO_TARGET_DIR/program.wasm" "$committed"
done

for guest in "${guests[@]}"; do
  read -r package target committed <<<"$guest"
  ld=ld_${target##*-}
  GUEST_LD=${!ld} GUEST_TARGET=$target "${cargo[@]}" build --quiet --locked --profile guest --package "$package" --target "$target" "${std[@]}"
  built=$CARGO_TARGET_DIR/$target/guest/$package.wasm
  # A program is named after its package, a library after its crate.
  [ -f "$built" ] || built=$CARGO_TARGET_DIR/$target/guest/${package//-/_}.wasm
  settle "$built" "$committed"
done
exit $wrong
