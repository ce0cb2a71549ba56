#!/usr/bin/env bash
# The tests of what editors use: words and colours, the extension of Code, the tree-sitter grammar, Neovim. What isn't
# installed is named and left out; with --all that is a failure. CI runs only the part in Rust.
set -uo pipefail
cd "$(dirname "$0")/.."

all=${1:-}
failed=()
missing=()

part() { # NAME COMMAND…
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  "$@" || failed+=("$name")
}

needs() { # NAME PROGRAM HELP: whether the program is there
  command -v "$2" > /dev/null && return 0
  printf '\n== %s: left out, there is no %s (%s)\n' "$1" "$2" "$3"
  missing+=("$1")
  return 1
}

generated() { cargo test --quiet --test authoring editors; }

code() (
  set -e
  cd editors/vscode
  npm ci --no-progress
  npm run --silent check
  npm run --silent build
  npm test
)

package() (
  set -e
  cd editors/vscode
  npx --yes @vscode/vsce@3.9.2 package --no-dependencies --allow-missing-repository
)

nvim=${NVIM:-nvim}
programs=(tests/corpus/*.fsched tests/corpus/*/*.fsched pipelines/*.fsched examples/*.fsched)

neovim() { # RUNTIMEPATH SCRIPT
  "$nvim" --headless -u NONE --cmd "let g:fsched_lsp = v:false" --cmd "set rtp^=$1" -c "runtime plugin/fsched.lua" \
    -c "filetype plugin indent on" -c "syntax on" -c "luafile editors/nvim/test/$2" "${programs[@]}"
}

neovim_treesitter() {
  local folder code=editors/tree-sitter-fsched/src
  folder=$(mktemp -d)
  mkdir "$folder/parser"
  cc -shared -fPIC -O1 -I"$code" -o "$folder/parser/fsched.so" "$code/parser.c" "$code/scanner.c" \
    && neovim "editors/nvim,$folder" treesitter.lua
  local status=$?
  rm -r "$folder"
  return $status
}

neovim_server() { NVIM=$nvim cargo test --quiet --test authoring neovim -- --nocapture; }

part "words come from the language's tables" generated
if needs "Code" npm "Node 20 and later"; then
  part "Code: types, colours, extension" code
  part "Code: the package" package
fi
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
needs "tree-sitter" tree-sitter "cargo install tree-sitter-cli" && part "tree-sitter" editors/tree-sitter-fsched/test.sh
if needs "Neovim" "$nvim" "0.7.2 and later"; then
  part "Neovim: file type, colours, indentation" neovim editors/nvim syntax.lua
  part "Neovim: the language server" neovim_server
  needs "Neovim with tree-sitter" cc "a C compiler" && part "Neovim with tree-sitter" neovim_treesitter
fi

printf '\n'
((${#missing[@]} == 0)) || printf 'left out: %s\n' "${missing[@]}"
((${#failed[@]} == 0)) || { printf 'FAILED: %s\n' "${failed[@]}"; exit 1; }
[[ $all != --all || ${#missing[@]} == 0 ]] || exit 1
echo "passed"
