#!/usr/bin/env bash
# run_all_claude.sh [SCENARIO...]   runs all scenarios, or the named ones, with the recorder, and saves recordings/.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=${CLAUDE_CODE_TEST_VERSION:-2.1.332}
cache=${HARNESS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/crewboard-harness}
export HARNESS_OBSERVE=${HARNESS_OBSERVE:-1}
mkdir -p "$cache"
# open-again runs Crewboard itself, so it has no recording.
[ $# -gt 0 ] || set -- $("$here/run_claude.sh" --list | grep -v '^open-again$')
for s in "$@"; do
  "$here/run_claude.sh" "$s" > "$cache/last-$s.log" 2>&1 || { echo "$s: FAILED"; grep -m1 FAILED "$cache/last-$s.log"; }
  python3 -B "$here/export.py" "$cache/r/$s" "$here/recordings/claude-code-$version" "$s"
done
