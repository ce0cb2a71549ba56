#!/usr/bin/env bash
# Every target in turn for so many seconds each, and a table of executions and times: fuzz/run.sh 1200 [TARGET…]
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:?"usage: fuzz/run.sh SECONDS [TARGET…]"}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(analyze format fix lsp idx gzip cifar picture safetensors gguf text records)

mkdir -p target artifacts
cargo fuzz build -s none
rows=()
failed=0
for target in "${targets[@]}"; do
  # What is found is kept outside of the repository, in corpus/TARGET. The seeds of targets for texts are programs, those of
  # targets for files are small files as they should be.
  mkdir -p "corpus/$target"
  case $target in
    analyze | format | fix | lsp) options=(seeds ../tests/corpus -- -max_len=4096 -rss_limit_mb=4096 -dict=words.dict) ;;
    *) options=("files/$target" -- -max_len=16384 -rss_limit_mb=1024) ;;
  esac
  log="target/$target.log"
  start=$SECONDS
  status=0
  cargo fuzz run -s none "$target" "corpus/$target" "${options[@]}" \
    -max_total_time="$seconds" -timeout=10 -print_final_stats=1 >"$log" 2>&1 || status=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
  found=none
  if [ "$status" -ne 0 ]; then
    failed=1
    found=$(grep -m 1 -o 'artifacts/.*' "$log" || echo "see fuzz/$log")
  fi
  rows+=("| $target | ${runs:-0} | $((SECONDS - start)) s | $found |")
done

echo "| target | executions | time | findings |"
echo "|---|---|---|---|"
printf '%s\n' "${rows[@]}"
exit $failed
