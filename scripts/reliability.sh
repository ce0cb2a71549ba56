#!/usr/bin/env bash
# What CI has no time or no rights for: all kills and power cuts of tests/faults, and faults of a real system (a full disk, a
# folder that can't be written, clocks that jump). Needs root for mounts, setpriv and faketime; says what it left out.
#   scripts/reliability.sh [--quick]     (--quick: the real system alone)
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --locked
if [ "${1:-}" != --quick ]; then
    cargo test --release --locked --test faults -- --ignored --nocapture --test-threads 1 --skip program
fi

fsched=$PWD/target/release/fsched
programs=$PWD/tests/faults
place=$(mktemp -d)
disk=$place/disk
mkdir "$disk"
failed=0
trap 'umount "$disk" 2>/dev/null || true; umount "$place/ro" 2>/dev/null || true; rm -rf "$place"' EXIT

say() { printf '%-60s %s\n' "$1" "$2"; }

# Whether two runs are one: weights, ledger, plan, events without times, the state at each named checkpoint.
same() {
    local file
    for file in final.safetensors ledger.jsonl plan.json; do cmp -s "$1/$file" "$2/$file" || return 1; done
    cmp -s <(sed 's/"t":[^,]*,//' "$1/events.jsonl") <(sed 's/"t":[^,]*,//' "$2/events.jsonl") || return 1
    for file in "$1"/checkpoints/[a-r]*; do
        file=$(basename "$file")
        for part in weights.safetensors state.safetensors state.json; do
            cmp -s "$1/checkpoints/$file/$part" "$2/checkpoints/$file/$part" || return 1
        done
    done
}

# verdict NAME EXPECTED-STATUS STATUS FOLDER [WORDS-IN-ERRORS]: status, message, and the same bytes in the end.
verdict() {
    local text="exit $3"
    if [ "$3" != "$2" ] || { [ -n "${5:-}" ] && ! grep -q "$5" "$place/errors"; }; then
        say "$1" "FAILED: $text, expected $2: $(head -3 "$place/errors")"
        failed=1
        return
    fi
    if [ "$2" != 0 ]; then
        "$fsched" resume "$4" --quiet 2>"$place/errors" || { say "$1" "FAILED: not resumed: $(head -3 "$place/errors")"; failed=1; return; }
        text="$text, resumed"
    fi
    if same "$place/whole" "$4"; then say "$1" "$text: the same bytes"; else say "$1" "FAILED: other bytes"; failed=1; fi
}

run() { local status=0; "$@" 2>"$place/errors" || status=$?; echo "$status"; }

"$fsched" run "$programs/triggers.fsched" --out "$place/whole" --quiet
# killed NAME: a run in $place/NAME that was killed half-way.
killed() {
    "$fsched" run "$programs/triggers.fsched" --out "$place/$1" --quiet 2>/dev/null &
    local pid=$!
    until [ -e "$place/$1/checkpoints/good" ]; do sleep 0.005; done
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
}

if mount -t tmpfs -o size=150k none "$disk" 2>/dev/null; then
    status=$(run "$fsched" run "$programs/triggers.fsched" --out "$disk/run" --quiet --wait-for-disk 1)
    mount -o remount,size=64m "$disk"
    verdict "a disk that stays full" 3 "$status" "$disk/run" "No space left"
    umount "$disk"
    mount -t tmpfs -o size=150k none "$disk"
    (sleep 3; mount -o remount,size=64m "$disk") &
    status=$(run "$fsched" run "$programs/triggers.fsched" --out "$disk/run" --quiet)
    wait
    verdict "a full disk that has space again after 3 s" 0 "$status" "$disk/run" "waiting up to"
    umount "$disk"
    killed readonly
    mkdir "$place/ro"
    mount --bind "$place/readonly" "$place/ro"
    mount -o remount,bind,ro "$place/ro"
    status=$(run "$fsched" resume "$place/ro" --quiet)
    umount "$place/ro"
    verdict "a folder that is mounted read-only" 3 "$status" "$place/readonly" "ead-only"
else
    say "full and read-only disks" "left out: no right to mount"
fi

if command -v setpriv >/dev/null && [ "$(id -u)" = 0 ]; then
    killed foreign
    chmod 755 "$place"
    status=$(run setpriv --reuid 65534 --regid 65534 --clear-groups "$fsched" resume "$place/foreign" --quiet)
    verdict "a folder that belongs to another user" 3 "$status" "$place/foreign" "ermission denied"
else
    say "another user's folder" "left out: no setpriv, or not root"
fi

if command -v faketime >/dev/null; then
    for jump in "-10 years" "+3 years"; do
        killed "jump$jump"
        status=$(run faketime -f "$jump" "$fsched" resume "$place/jump$jump" --quiet)
        verdict "the clock $jump between two sessions" 0 "$status" "$place/jump$jump"
    done
    status=$(run faketime -f "+0 x1000" "$fsched" run "$programs/triggers.fsched" --out "$place/fast" --quiet)
    verdict "a clock that goes a thousand times too fast" 0 "$status" "$place/fast"
    status=$(run faketime -f "+0 i-5.0" "$fsched" run "$programs/triggers.fsched" --out "$place/back" --quiet)
    verdict "a clock that goes back 5 s each time it is asked" 0 "$status" "$place/back"
else
    say "clocks that jump" "left out: no faketime (apt-get install faketime)"
fi
exit $failed
