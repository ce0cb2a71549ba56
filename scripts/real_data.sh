#!/bin/sh
# Reads two complete data sets and prints their counts and means beside the published ones:
#   scripts/real_data.sh [FOLDER]      (default: data-cache; scripts/fetch_data.sh says what it downloads)
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
"$repository/scripts/fetch_data.sh" "${1:-data-cache}"
folder=$(cd "${1:-data-cache}" && pwd)

cd "$repository"
FSCHED_REAL_DATA=$folder cargo test --release --lib data::real_data -- --ignored --nocapture --test-threads 1
