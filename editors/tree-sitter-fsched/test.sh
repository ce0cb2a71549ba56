#!/usr/bin/env bash
# What the grammar for editors must do: be the one that grammar.js gives, take every valid program of the repository
# without an ERROR or MISSING node, refuse broken ones, and have queries that fit. Needs tree-sitter (cargo install
# tree-sitter-cli) and a C compiler.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A configuration that knows of no other grammars.
export TREE_SITTER_DIR=$work/config
mkdir "$work/config"
echo "{ \"parser-directories\": [\"$work\"] }" > "$work/config/config.json"

echo "== the generated parser is that of grammar.js"
mkdir "$work/fresh"
cp grammar.js tree-sitter.json "$work/fresh"
(cd "$work/fresh" && tree-sitter generate --abi 14)
for file in parser.c grammar.json node-types.json; do
  cmp "src/$file" "$work/fresh/src/$file" || { echo "src/$file is stale: run tree-sitter generate --abi 14"; exit 1; }
done

echo "== trees and colours of chosen texts"
tree-sitter test

echo "== every valid program"
# Blocks of pages: all of them, but of the pages of errors only those that are good.
mkdir "$work/blocks"
for page in "$root"/README.md "$root"/docs/*.md "$root"/docs/*/*.md; do
  name=${page#"$root"/}
  awk -v out="$work/blocks/${name//\//-}" -v errors="$([[ $name == docs/errors/* ]] && echo 1)" '
    /^## /        { good = ($0 ~ /^## Good/) }
    /^```fsched/  { if (!errors || good) { file = out "-" NR ".fsched"; printf "" > file; inside = 1 }; next }
    /^```/        { inside = 0 }
    inside        { print > file }' "$page"
done
# Programs of tests/ui are wrong on purpose, apart from those whose name says so.
programs=("$root"/tests/corpus/*.fsched "$root"/tests/corpus/*/*.fsched "$root"/tests/ui/good*.fsched "$root"/pipelines/*.fsched
  "$root"/examples/*.fsched "$root"/src/cli/*.fsched "$root"/src/syntax/testdata/*.fsched "$work"/blocks/*.fsched)
tree-sitter parse --quiet "${programs[@]}" || { echo "these are not taken without ERROR or MISSING"; exit 1; }
echo "${#programs[@]} programs without an ERROR or MISSING node"

echo "== broken programs"
broken=0
while IFS= read -r line; do
  printf '%s\n' "$line" > "$work/broken.fsched"
  if tree-sitter parse --quiet "$work/broken.fsched" > "$work/out"; then
    echo "taken, though it is broken: $line"
    exit 1
  fi
  broken=$((broken + 1))
done <<'BROKEN'
train (3
let = 5
forget layers[-2.. 30%
repeat 5 { train 1
lr = 0.1
checkpoint "open
for in 0..5 { train 1 }
optimizer sgd(lr 0.1)
BROKEN
echo "$broken broken programs have one"

echo "== queries"
for query in queries/*.scm ../nvim/queries/fsched/*.scm ../helix/queries/fsched/*.scm; do
  tree-sitter query --quiet "$query" "$root"/examples/*.fsched > "$work/out" || { echo "$query doesn't fit"; exit 1; }
  echo "$query"
done
