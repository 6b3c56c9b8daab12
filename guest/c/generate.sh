#!/usr/bin/env bash
# Makes glue/ anew, after a change of ../../wit. Needs wit-bindgen:
#   cargo install wit-bindgen-cli@0.61.0 --locked --no-default-features --features c
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cp -r wit/. ../../wit/deps "$work"
mkdir "$work/deps/interpreters"
cp ../../wit/*.wit "$work/deps/interpreters"
wit-bindgen c "$work" --world glue --out-dir glue
