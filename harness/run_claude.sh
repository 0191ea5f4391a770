#!/usr/bin/env bash
# run_claude.sh SCENARIO [HOOK_COMMAND [STATUSLINE_COMMAND]]
# Runs SCENARIO with the real Claude Code against a mock model API on the loopback.  See README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ $# -lt 1 ]; then
  echo "usage: run_claude.sh SCENARIO|--list [HOOK_COMMAND [STATUSLINE_COMMAND]]" >&2
  exit 2
fi
version=${CLAUDE_CODE_TEST_VERSION:-2.1.332}
cache=${HARNESS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/crewboard-harness}
py=${HARNESS_PYTHON:-$(python3 -c 'import sys; print(sys.executable)')}
arch=$(uname -m); case $arch in x86_64) arch=x64 ;; aarch64|arm64) arch=arm64 ;; esac
inst=$cache/claude-code-$version
bin=$inst/node_modules/@anthropic-ai/claude-code-linux-$arch/claude
if [ "$1" != --list ] && [ ! -x "$bin" ]; then
  mkdir -p "$inst"
  (cd "$inst" && [ -f package.json ] || echo '{"private":true}' > package.json; cd "$inst" && npm install --no-fund --no-audit --ignore-scripts "@anthropic-ai/claude-code@$version" >&2)
fi
scenario=$1
rundir=${HARNESS_RUN_DIR:-$cache/r/$scenario}
# The run has its own network namespace with only the loopback, so the client cannot reach another host.
if [ -z "${HARNESS_IN_NS:-}" ] && [ "$scenario" != --list ]; then
  export HARNESS_IN_NS=1
  if unshare -n true 2>/dev/null; then
    exec unshare -n bash -c 'ip link set lo up 2>/dev/null; exec bash "$@"' x "$here/run_claude.sh" "$@"
  elif unshare -r -n true 2>/dev/null; then
    exec unshare -r -n bash -c 'ip link set lo up 2>/dev/null; exec bash "$@"' x "$here/run_claude.sh" "$@"
  fi
  echo "run_claude.sh: cannot create a network namespace; only the base URL and the opt-outs keep the run offline" >&2
fi
cd "$here"
set +e
"$py" -B "$here/drive_claude.py" "$scenario" "${2:-}" "${3:-}" "$rundir" "$bin"
rc=$?
[ "$scenario" = --list ] || echo "run: $rundir (rc $rc)"
exit $rc
