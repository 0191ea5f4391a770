# Controls two agents with `crewboard wait`: while the first waits for a permission, the second works.
# Each line has the exit code of a wait; pipeline.rs has the expected output.
first=
print_result() { printf '%s: %s\n' "$1" "$2"; }

"$CREWBOARD" wait missing --until done >/dev/null 2>&1
print_result "no such session" $?
"$CREWBOARD" wait --any --until finished >/dev/null 2>&1
print_result "no such status" $?
"$CREWBOARD" wait --any --new --until permission --timeout 90s >/dev/null 2>&1
print_result "the first asks" $?
first=$("$CREWBOARD" list --json | jq -r '.[] | select(.status == "permission").key')
"$CREWBOARD" wait "$first" --until done --timeout 90s >/dev/null 2>&1
print_result "the first, done" $?
"$CREWBOARD" wait --any --until done --timeout 1s >/dev/null 2>&1
print_result "any, done within a second" $?

# The second agent uses the same mock of the API as the first.
pid=$("$CREWBOARD" list --json | jq -r ".[] | select(.key == \"$first\").pid")
export $(tr '\0' '\n' <"/proc/$pid/environ" | grep -E '^(ANTHROPIC|DISABLE|DO_NOT|CLAUDE_CODE_(DISABLE|TMPDIR)|TMPDIR)')
claude -p "scn:plain go" >/dev/null 2>&1 &
"$CREWBOARD" wait --any --new --until working --timeout 90s >/dev/null 2>&1
print_result "the second works" $?
second=$("$CREWBOARD" list --json | jq -r '.[] | select(.headless).key')
"$CREWBOARD" wait "$second" --until idle --timeout 90s >/dev/null 2>&1
print_result "the second, idle" $?
# Closed, not done: a second agent that takes a second to exit would be mistaken for the first below.
"$CREWBOARD" wait "$second" --until closed --timeout 90s >/dev/null 2>&1
print_result "the second is over" $?

"$CREWBOARD" wait --any --until done --timeout 90s >/dev/null 2>&1
print_result "the first is done" $?
"$CREWBOARD" wait --all --until working --timeout 90s >/dev/null 2>&1
print_result "all, working again" $?
