"""The user's actions in each scenario (the model's answers are in scenarios.json)."""
import os, re, shlex, signal, subprocess, sys, time, json

HERE = os.path.dirname(os.path.abspath(__file__))
S = {}


def scen(f):
    S[f.__name__.replace("_", "-")] = f
    return f


def manual(r, **kw):
    """Sets the permission mode that was the default before auto mode."""
    perms = {"allow": ["Bash(echo:*)", "Bash(sleep:*)", "Bash(./wait.sh:*)", "Read"], "defaultMode": "default"}
    perms.update(kw)
    r.settings(permissions=perms)


def say_done(r, name, turn=0, rx=None, t="main:0.0", timeout=40, settle=1.5):
    r.say("scn:%s go" % name, t)
    r.mock_wait("done", name, turn, timeout=timeout)
    if rx:
        r.wait(rx, 20, t)
    time.sleep(settle)


# -- headless -----------------------------------------------------------------------
@scen
def headless_plain(r):
    r.headless("scn:plain say hello")


@scen
def headless_tools(r):
    manual(r)
    r.headless("scn:tools go", "--permission-mode", "acceptEdits")


@scen
def headless_permission_denied(r):
    manual(r)
    r.headless("scn:perm go")


@scen
def headless_error_401(r):
    os.environ["CLAUDE_CODE_MAX_RETRIES"] = "3"
    os.environ["HARNESS_PASS_ENV"] = os.environ.get("HARNESS_PASS_ENV", "") + " CLAUDE_CODE_MAX_RETRIES"
    r.headless("scn:auth401 go")


@scen
def headless_continue_resume_fork(r):
    rc, out = r.headless("scn:plain go", "--output-format", "json")
    sid = re.search(r'"session_id":"([0-9a-f-]+)"', out).group(1)
    r.headless("scn:second go", "--continue")
    r.headless("scn:third go", "--resume", sid)
    r.headless("scn:lines go", "--resume", sid, "--fork-session")


# -- plain work ------------------------------------------------------------------------
@scen
def plain(r):
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer", settle=2)
    r.exit()


@scen
def initial_prompt(r):
    """claude 'prompt' on the command line"""
    manual(r)
    r.claude("'scn:plain go'", ready=False)
    r.mock_wait("done", "plain", 0)
    time.sleep(2)
    r.exit()


@scen
def tools(r):
    manual(r)
    r.claude("--permission-mode", "acceptEdits")
    say_done(r, "tools", 6, "All tools are done")
    r.exit()


@scen
def parallel_tools(r):
    manual(r)
    r.claude("--permission-mode", "acceptEdits")
    say_done(r, "parallel", 1, "Parallel tools are done")
    r.exit()


@scen
def queued_prompt(r):
    """a second prompt typed during the turn of the first"""
    manual(r)
    r.claude()
    r.say("scn:slow go")
    time.sleep(3)
    r.say("scn:second go")
    r.mock_wait("done", "second", 0, timeout=60)
    time.sleep(2)
    r.exit()


@scen
def idle(r):
    """no key for 70 s after the answer"""
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    time.sleep(72)
    r.exit()


# -- permission --------------------------------------------------------------------------
PROMPT = r"Do you want|Would you like"


@scen
def permission_approve(r):
    manual(r)
    r.claude()
    r.say("scn:perm go")
    r.wait(PROMPT)
    r.mark("prompt is on screen")
    time.sleep(12)
    r.snap("prompt")
    r.keys("1", why="approve")
    r.mock_wait("done", "perm", 1)
    time.sleep(2)
    r.exit()


@scen
def permission_long(r):
    """an approved tool that runs for a while: no hook reports the approval, only the tool's end"""
    manual(r, allow=["Read"])
    r.claude()
    r.say("scn:longperm go")
    r.wait(PROMPT)
    r.mark("prompt is on screen")
    time.sleep(2)
    r.snap("prompt")
    r.keys("1", why="approve")
    r.mock_wait("done", "longperm", 1)
    time.sleep(2)
    r.exit()


@scen
def permission_deny(r):
    manual(r)
    r.claude()
    r.say("scn:perm go")
    r.wait(PROMPT)
    r.mark("prompt is on screen")
    time.sleep(8)
    r.snap("prompt")
    r.keys("Escape", why="deny")
    time.sleep(4)
    r.snap("denied")
    say_done(r, "plain", 0)
    r.exit()


@scen
def permission_two(r):
    """two tool calls in one message, both need permission"""
    manual(r)
    r.claude()
    r.say("scn:perm2 go")
    r.wait(PROMPT)
    time.sleep(2)
    r.snap("first")
    r.keys("1", why="approve first")
    time.sleep(1)
    r.wait(PROMPT)
    time.sleep(2)
    r.snap("second")
    r.keys("1", why="approve second")
    r.mock_wait("done", "perm2", 1)
    time.sleep(2)
    r.exit()


@scen
def permission_rule_deny(r):
    """denied by a settings rule, no prompt"""
    manual(r, deny=["Bash(touch:*)"])
    r.claude()
    say_done(r, "perm", 1, "permission scenario is over")
    r.exit()


@scen
def permission_dont_ask(r):
    manual(r)
    r.claude("--permission-mode", "dontAsk")
    say_done(r, "perm", 1, "permission scenario is over")
    r.exit()


@scen
def auto_mode(r):
    """the default mode of this version: a classifier decides"""
    r.settings()
    r.claude()
    r.say("scn:perm go")
    time.sleep(12)
    r.snap("auto")
    r.exit()


@scen
def auto_dialog(r):
    """auto mode cannot reach its classifier for a subagent, and asks the user how to continue"""
    r.settings()
    r.claude()
    r.say("scn:longsub go")
    time.sleep(10)
    r.snap("dialog")
    r.keys("Escape", why="the dialog")
    time.sleep(6)
    r.snap("after")
    r.exit()


@scen
def ask_question(r):
    manual(r)
    r.claude()
    r.say("scn:ask go")
    r.wait("Which colour")
    r.mark("question is on screen")
    time.sleep(10)
    r.snap("question")
    r.keys("Down")
    time.sleep(0.3)
    r.keys("Enter", why="second answer")
    r.mock_wait("done", "ask", 1)
    time.sleep(2)
    r.exit()


@scen
def plan_approve(r):
    manual(r)
    r.claude("--permission-mode", "plan")
    r.say("scn:plan go")
    r.wait("Would you like to proceed|ready to (execute|code)|Ready to code|Exit plan mode")
    r.mark("plan is on screen")
    time.sleep(9)
    r.snap("plan")
    s = r.screen()
    m = re.search(r"(\d)\. Yes, (and )?manually|(\d)\. Yes, manually", s)
    r.keys(m.group(1) if m and m.group(1) else "1", why="approve the plan")
    r.mock_wait("done", "plan", 4)
    time.sleep(2)
    r.exit()


@scen
def enter_plan(r):
    """the model enters plan mode"""
    manual(r)
    r.claude()
    r.say("scn:enterplan go")
    if r.wait("Enter plan mode|enter plan mode", 8, soft=True):
        time.sleep(1)
        r.snap("enter")
        r.keys("1", why="enter plan mode")
    r.wait("Would you like to proceed|ready to (execute|code)|Ready to code|Exit plan mode")
    time.sleep(2)
    r.snap("plan")
    r.keys("Enter", why="approve the plan")
    r.mock_wait("done", "enterplan", 4)
    time.sleep(2)
    r.exit()


# -- subagents, background ---------------------------------------------------------------
@scen
def subagent_one(r):
    manual(r)
    r.claude()
    say_done(r, "sub1", 2, timeout=60, settle=3)  # turn 2 starts at the end of the subagent
    r.exit()


@scen
def subagents_parallel(r):
    manual(r)
    r.claude()
    say_done(r, "sub2", 2, timeout=60, settle=8)  # one or two turns start when the subagents end
    r.exit()


@scen
def subagent_permission(r):
    manual(r)
    r.claude()
    r.say("scn:subperm go")
    r.wait(PROMPT)
    r.mark("prompt is on screen")
    time.sleep(9)
    r.snap("prompt")
    r.keys("1", why="approve")
    r.mock_wait("done", "subperm", 1)
    time.sleep(2)
    r.exit()


@scen
def background_bash(r):
    manual(r)
    r.claude()
    r.say("scn:bgbash go")
    r.mock_wait("done", "bgbash", 2, timeout=60)
    time.sleep(3)
    r.exit()


# -- API errors -----------------------------------------------------------------------------
@scen
def error_529_then_ok(r):
    manual(r)
    r.claude()
    say_done(r, "overload2", 0, "Answer after two", timeout=60)
    r.exit()


def error_scen(name, kw, wait_s):
    def f(r):
        manual(r)
        os.environ["CLAUDE_CODE_MAX_RETRIES"] = "3"
        os.environ["HARNESS_PASS_ENV"] = os.environ.get("HARNESS_PASS_ENV", "") + " CLAUDE_CODE_MAX_RETRIES"
        r.claude()
        r.say("scn:%s go" % kw)
        time.sleep(wait_s)
        r.snap("error")
        say_done(r, "plain", 0)
        r.exit()
    f.__doc__ = "API error %s, at most 3 retries" % kw
    S[name] = f


error_scen("error-529", "overload", 18)
error_scen("error-401", "auth401", 12)
error_scen("error-400", "bad400", 8)


# -- interrupts --------------------------------------------------------------------------------
@scen
def interrupt_stream(r):
    manual(r)
    r.claude()
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(4)
    r.keys("Escape", why="interrupt")
    time.sleep(5)
    r.snap("interrupted")
    say_done(r, "plain", 0)
    r.exit()


@scen
def interrupt_before_first_byte(r):
    manual(r)
    r.claude()
    r.say("scn:stall go")
    time.sleep(4)
    r.keys("Escape", why="interrupt")
    time.sleep(5)
    r.snap("interrupted")
    r.keys("C-u")
    r.exit()


@scen
def interrupt_tool(r):
    manual(r)
    r.claude()
    r.say("scn:longtool go")
    r.mock_wait("done", "longtool", 0)
    time.sleep(3)
    r.keys("Escape", why="interrupt")
    time.sleep(5)
    r.snap("interrupted")
    say_done(r, "plain", 0)
    r.exit()


# -- session life -----------------------------------------------------------------------------
@scen
def clear(r):
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    r.say("/clear")
    time.sleep(4)
    r.snap("cleared")
    say_done(r, "second", 0, "Second scripted")
    r.exit()


@scen
def compact(r):
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    say_done(r, "second", 0, "Second scripted")
    r.say("/compact")
    time.sleep(10)
    r.snap("compacted")
    say_done(r, "third", 0)
    r.exit()


@scen
def continue_(r):
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    r.exit()
    r.tmux("send-keys", "-t", "main:0.0", "clear", "Enter")
    time.sleep(0.5)
    r.claude("--continue")
    say_done(r, "second", 0, "Second scripted")
    r.exit()


S["continue"] = S.pop("continue-")


@scen
def resume_id(r):
    manual(r)
    sid = "11111111-2222-4333-8444-555555555555"
    r.claude("--session-id", sid)
    say_done(r, "plain", 0, "scripted answer")
    r.exit()
    r.tmux("send-keys", "-t", "main:0.0", "clear", "Enter")
    time.sleep(0.5)
    r.claude("--resume", sid)
    say_done(r, "second", 0, "Second scripted")
    r.exit()
    r.tmux("send-keys", "-t", "main:0.0", "clear", "Enter")
    time.sleep(0.5)
    r.claude("--resume", sid, "--fork-session")
    say_done(r, "third", 0, "Third scripted")
    r.exit()


@scen
def open_again(r):
    """HARNESS_CREWBOARD resumes a session of another profile, and the session continues: after /exit in a new window, after
    kill -9 with `o` on the board, after /exit on a terminal without a multiplexer"""
    program, profile = os.environ["HARNESS_CREWBOARD"], os.path.join(r.home, ".claude at work")
    manual(r)
    os.rename(os.path.join(r.home, ".claude"), profile)
    os.rename(os.path.join(r.home, ".claude.json"), os.path.join(profile, ".claude.json"))
    os.mkdir(os.path.join(r.proj, "sub"))

    def goes_on(name, turn, answer, t):
        r.wait(r.READY, 40, t)
        time.sleep(0.5)
        say_done(r, name, turn, answer, t, settle=0.5)
    r.shell()
    r.wait(r"\$ *$", 10)
    r.command("export CLAUDE_CONFIG_DIR=%s" % shlex.quote(profile))
    r.claude()
    say_done(r, "cd", 2, "The folder changed", settle=0.5)
    r.exit()
    r.command("unset CLAUDE_CONFIG_DIR; cd /; clear; '%s' open project" % program)
    goes_on("second", 0, "Second scripted", "main:1.0")
    r.snap("opened", "main:1.0")
    os.kill(r.pid("main:1.0"), signal.SIGKILL)
    r.command("clear; '%s'" % program)
    r.wait("killed: Second", 10)
    r.keys("o", why="open again on the board")
    goes_on("third", 0, "Third scripted", "main:1.0")
    r.snap("board")
    r.say("/exit", "main:1.0")
    r.wait("exited", 10)
    r.keys("q")
    # A key that comes before the shell reads again would be lost.
    r.wait(r"\$ *$", 10)
    r.command("clear; env -u TMUX -u TMUX_PANE -u TERM_PROGRAM '%s' open project" % program)
    goes_on("plain", 0, "Hello", "main:0.0")
    r.snap("here")
    r.exit()


@scen
def exit_ctrl_d(r):
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    r.keys("C-d")
    time.sleep(0.5)
    r.keys("C-d")
    time.sleep(3)
    r.snap("after")


@scen
def kill_9(r):
    manual(r)
    r.claude()
    r.say("scn:longtool go")
    r.mock_wait("done", "longtool", 0)
    time.sleep(2)
    pid = r.pid()
    r.mark("kill -9", pid=pid)
    os.kill(pid, signal.SIGKILL)
    time.sleep(4)
    r.snap("after")


@scen
def pane_killed(r):
    manual(r)
    r.claude()
    b = r.split()
    r.claude(t=b)
    say_done(r, "plain", 0, t=b)
    r.say("scn:longtool go", t=b)
    r.mock_wait("done", "longtool", 0)
    time.sleep(2)
    r.mark("kill-pane", pid=r.pid(b))
    r.tmux("kill-pane", "-t", b)
    time.sleep(5)
    r.exit()


@scen
def suspend(r):
    """Ctrl-Z and fg"""
    manual(r)
    r.claude()
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(2)
    r.keys("C-z")
    time.sleep(3)
    r.snap("suspended")
    r.tmux("send-keys", "-t", "main:0.0", "fg", "Enter")
    r.mark("fg")
    r.mock_wait("done", "slow", 0, timeout=60)
    time.sleep(3)
    r.snap("resumed")
    r.exit()


@scen
def model_switch(r):
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    r.say("/model claude-sonnet-4-5")
    time.sleep(3)
    r.snap("model")
    r.keys("Enter")
    time.sleep(2)
    say_done(r, "second", 0)
    r.exit()


@scen
def cd(r):
    manual(r, allow=["Bash"])
    os.makedirs(os.path.join(r.proj, "sub"), exist_ok=True)
    r.claude()
    say_done(r, "cd", 2, "The folder changed")
    r.exit()


@scen
def file_changed(r):
    manual(r)
    r.claude()
    say_done(r, "plain", 0)
    with open(os.path.join(r.proj, "a.txt"), "a") as f:
        f.write("more\n")
    r.mark("a.txt changed")
    time.sleep(4)
    with open(os.path.join(r.home, ".claude", "settings.json"), "a") as f:
        f.write("\n")
    r.mark("settings.json changed")
    time.sleep(4)
    r.exit()


@scen
def worktree(r):
    manual(r)
    env = {**r.env(), "GIT_AUTHOR_NAME": "dev", "GIT_AUTHOR_EMAIL": "dev@example.org", "GIT_COMMITTER_NAME": "dev", "GIT_COMMITTER_EMAIL": "dev@example.org"}
    for c in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *c], cwd=r.proj, env=env, check=True)
    r.claude("--worktree", "feature-x")
    say_done(r, "plain", 0)
    r.say("/exit")
    time.sleep(3)
    r.snap("exit")
    r.keys("Down")
    r.keys("Enter", why="remove the worktree")
    time.sleep(4)
    r.snap("after")


@scen
def slash_custom(r):
    """a custom slash command (UserPromptExpansion)"""
    manual(r)
    d = os.path.join(r.home, ".claude", "commands")
    os.makedirs(d, exist_ok=True)
    with open(os.path.join(d, "hello.md"), "w") as f:
        f.write("scn:plain say hello to $ARGUMENTS\n")
    r.claude()
    r.say("/hello world")
    r.mock_wait("done", "plain", 0)
    time.sleep(2)
    r.say("!echo from bash mode")
    time.sleep(4)
    r.snap("bash-mode")
    r.exit()


# -- background sessions ------------------------------------------------------------------------
def stop_service(r):
    r.mark("daemon stop")
    subprocess.run([os.path.join(r.dir, "bin", "claude"), "daemon", "stop", "--any"], env=r.env(), cwd=r.proj, capture_output=True, timeout=20)


@scen
def bg(r):
    manual(r)
    r.shell()
    r.wait(r"\$ *$", 10)
    r.mark("start", cmd="claude --bg 'scn:plain go'")
    r.tmux("send-keys", "-t", "main:0.0", "-l", "claude --bg 'scn:plain go'")
    r.tmux("send-keys", "-t", "main:0.0", "Enter")
    time.sleep(10)
    r.snap("bg")
    r.tmux("send-keys", "-t", "main:0.0", "-l", "claude agents --json")
    r.tmux("send-keys", "-t", "main:0.0", "Enter")
    time.sleep(4)
    r.snap("agents")
    m = re.search(r"\b([0-9a-f]{8})\b", r.screen())
    if m:
        for c in ("logs", "stop", "rm"):
            r.mark("claude %s" % c, id=m.group(1))
            r.tmux("send-keys", "-t", "main:0.0", "-l", "claude %s %s" % (c, m.group(1)))
            r.tmux("send-keys", "-t", "main:0.0", "Enter")
            time.sleep(4)
            r.snap(c)
    stop_service(r)



@scen
def bg_attach(r):
    """HARNESS_CREWBOARD (if set) attaches to a background session with an open permission, which the user approves; the
    list of sessions starts a spare client, and a prompt there goes to the spare client"""
    manual(r)
    r.shell()
    r.wait(r"\$ *$", 10)
    r.command("claude --bg 'scn:perm go'", "claude --bg")
    r.wait("claude attach", 20)
    first = re.search(r"claude attach (\S+)", r.screen()).group(1)
    r.mock_wait("done", "perm", 0)
    time.sleep(4)
    program = os.environ.get("HARNESS_CREWBOARD")
    r.command("clear; " + ("'%s' open project" % program if program else "tmux -L h new-window claude attach " + first))
    r.wait(PROMPT, 20, "main:1.0")
    time.sleep(1)
    r.snap("attached", "main:1.0")
    r.keys("1", t="main:1.0", why="approve")
    r.mock_wait("done", "perm", 1)
    time.sleep(2)
    r.keys("Left", t="main:1.0", why="the list of sessions")
    r.wait("describe a task", 10, "main:1.0")
    time.sleep(3)
    r.snap("sessions", "main:1.0")
    r.say("scn:second go", "main:1.0")
    r.mock_wait("done", "second", 0)
    time.sleep(4)
    r.snap("second", "main:1.0")
    for session in os.listdir(os.path.join(r.home, ".claude", "jobs")):
        if re.fullmatch("[0-9a-f]{8}", session):
            r.command("claude stop " + session, "claude stop")
            time.sleep(2)
    stop_service(r)


# -- more: hooks of the user, several prompts at once, dialogs ---------------------------
def user_hook(r, event, script, matcher=None):
    """Registers a hook of the user in addition to the recorder: `script` is a Python program, its stdin read into `d`."""
    n = sum(1 for f in os.listdir(r.dir) if f.startswith("user_hook"))
    p = os.path.join(r.dir, "user_hook%d.py" % n)
    with open(p, "w") as f:
        f.write("import json, os, sys, time\nd = json.load(sys.stdin)\n" + script + "\n")
    s = os.path.join(r.home, ".claude", "settings.json")
    with open(s) as f:
        j = json.load(f)
    ent = {"hooks": [{"type": "command", "command": "%s -I -S %s" % (sys.executable, p)}]}
    if matcher:
        ent["matcher"] = matcher
    j["hooks"].setdefault(event, []).append(ent)
    with open(s, "w") as f:
        json.dump(j, f, indent=1)
    r.after_settings()


ALLOW = 'print(json.dumps({"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": {"behavior": "allow"}}}))'
DENY = 'print(json.dumps({"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": {"behavior": "deny", "message": "not this one"}}}))'


def two_agents(r, second):
    manual(r)
    r.claude()
    r.say("scn:subperm2 go")
    r.wait(PROMPT)
    r.mark("prompt is on screen")
    time.sleep(4)
    r.snap("first")
    r.keys("1", why="approve the first")
    time.sleep(3)
    r.snap("second")
    r.keys(second, why="approve the second" if second == "1" else "deny the second")
    time.sleep(8)
    r.snap("after")
    r.exit()


@scen
def two_agents_permission(r):
    """two background agents with open permissions, approved one after the other"""
    two_agents(r, "1")


@scen
def two_agents_permission_deny(r):
    """two background agents with open permissions: the first approved, the second denied with Esc"""
    two_agents(r, "Escape")


@scen
def parallel_permission(r):
    """two calls in one message, both need permission; the first one runs for 4 s after its approval"""
    manual(r, allow=["Read"])
    r.claude()
    r.say("scn:parperm go")
    r.wait(PROMPT)
    r.mark("prompt is on screen")
    time.sleep(3)
    r.snap("first")
    r.keys("1", why="approve first")
    time.sleep(2)
    r.snap("during")
    r.wait(PROMPT)
    r.mark("a prompt is on screen")
    time.sleep(6)
    r.snap("second")
    r.keys("1", why="approve second")
    r.mock_wait("done", "parperm", 1)
    time.sleep(2)
    r.exit()


@scen
def user_stop_hook_blocks(r):
    """a Stop hook of the user that continues the turn once"""
    manual(r)
    user_hook(r, "Stop", 'if not d.get("stop_hook_active"):\n    sys.stderr.write("go on")\n    sys.exit(2)')
    r.claude()
    say_done(r, "stophook", 1, timeout=30, settle=3)
    r.snap("after")
    r.exit()


@scen
def user_prompt_hook_blocks(r):
    """a UserPromptSubmit hook of the user that blocks some prompts"""
    manual(r)
    user_hook(r, "UserPromptSubmit", 'if "secret" in d.get("prompt", ""):\n    sys.stderr.write("no secrets here")\n    sys.exit(2)')
    r.claude()
    r.say("scn:plain secret")
    time.sleep(4)
    r.snap("blocked")
    r.keys("C-u")
    say_done(r, "plain", 0, "scripted answer")
    r.say("scn:second secret")
    time.sleep(4)
    r.snap("blocked2")
    r.keys("C-u")
    r.exit()


@scen
def hook_auto_approves(r):
    """a PermissionRequest hook of the user approves at once; the tool runs for 5 s"""
    manual(r, allow=["Read"])
    user_hook(r, "PermissionRequest", ALLOW)
    r.claude()
    say_done(r, "autoperm", 1, timeout=30)
    r.exit()


@scen
def hook_auto_denies(r):
    """a PermissionRequest hook of the user denies at once; the model continues for 4 s"""
    manual(r, allow=["Read"])
    user_hook(r, "PermissionRequest", DENY)
    r.claude()
    say_done(r, "autodeny", 1, timeout=30)
    r.exit()


@scen
def interrupt_ctrl_c(r):
    """a tool interrupted with Ctrl-C"""
    manual(r)
    r.claude()
    r.say("scn:longtool go")
    r.mock_wait("done", "longtool", 0)
    time.sleep(3)
    r.keys("C-c", why="interrupt")
    time.sleep(5)
    r.snap("interrupted")
    say_done(r, "plain", 0)
    r.exit()


@scen
def interrupt_queued(r):
    """a prompt typed during an answer, then Esc"""
    manual(r)
    r.claude()
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(2)
    r.say("scn:second go")
    time.sleep(2)
    r.snap("queued")
    r.keys("Escape", why="Esc with a queued prompt")
    time.sleep(5)
    r.snap("after")
    if "esc to interrupt" in r.screen() or not os.path.exists(r.mocklog) or '"scenario": "second"' not in open(r.mocklog).read():
        r.keys("Escape", why="Esc again")
        time.sleep(4)
        r.snap("after2")
    r.keys("C-u")
    time.sleep(0.3)
    r.exit()


@scen
def interrupt_queued_tool(r):
    """a prompt typed while a tool runs, then Esc"""
    manual(r)
    r.claude()
    r.say("scn:longtool go")
    r.mock_wait("done", "longtool", 0)
    time.sleep(2)
    r.say("scn:second go")
    time.sleep(2)
    r.snap("queued")
    r.keys("Escape", why="Esc with a queued prompt")
    time.sleep(6)
    r.snap("after")
    r.keys("C-u")
    time.sleep(0.3)
    r.exit()


@scen
def dialog_config(r):
    """/config at the prompt"""
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    r.say("/config")
    time.sleep(6)
    r.snap("config")
    r.keys("Escape", why="close /config: leaves the search")
    time.sleep(2)
    r.snap("first-esc")
    r.keys("Escape", why="close /config")
    time.sleep(2)
    r.snap("closed")
    say_done(r, "second", 0)
    r.exit()


@scen
def dialog_model_running(r):
    """/model opened during an answer"""
    manual(r)
    r.claude()
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(2)
    r.say("/model")
    time.sleep(4)
    r.snap("model")
    r.keys("Escape", why="close /model")
    time.sleep(1)
    r.snap("closed")
    r.mock_wait("done", "slow", 0, timeout=40)
    time.sleep(2)
    r.exit()


@scen
def dialog_resume(r):
    """/resume opened in a session and closed with Esc, then another session picked"""
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    r.exit()
    r.tmux("send-keys", "-t", "main:0.0", "clear", "Enter")
    time.sleep(0.5)
    r.claude()
    say_done(r, "second", 0, "Second scripted")
    r.say("/resume")
    time.sleep(5)
    r.snap("picker")
    r.keys("Escape", why="close the picker")
    time.sleep(3)
    r.snap("closed")
    r.say("/resume")
    time.sleep(4)
    r.keys("Enter", why="pick the first")
    time.sleep(4)
    r.snap("picked")
    say_done(r, "third", 0)
    r.exit()


# -- trust, no hooks, nested, bash mode, compaction -----------------------------------------------
@scen
def trust(r):
    """a first start in a folder that is not trusted yet"""
    manual(r)
    p = os.path.join(r.home, ".claude.json")
    with open(p) as f:
        j = json.load(f)
    j["projects"] = {}
    with open(p, "w") as f:
        json.dump(j, f, indent=1)
    r.claude(ready=False)
    r.wait("trust", 20)
    r.mark("trust dialog is on screen")
    time.sleep(7)
    r.snap("trust")
    r.keys("Down")
    time.sleep(0.3)
    r.keys("Enter", why="trust the folder")
    time.sleep(3)
    r.snap("after")
    say_done(r, "plain", 0, "scripted answer")
    r.exit()


def edit_settings(r, **over):
    """Changes the run's settings file as an editor does."""
    p = os.path.join(r.home, ".claude", "settings.json")
    with open(p) as f:
        j = json.load(f)
    j.update(over)
    with open(p, "w") as f:
        json.dump(j, f, indent=1)


@scen
def settings_error(r):
    """a settings file that the client skips as a whole: it reports that before the session, and runs no hook"""
    manual(r)
    edit_settings(r, statusLine={"command": "date"})
    r.claude(ready=False)
    r.wait("Settings Error", 20)
    r.mark("settings dialog is on screen")
    time.sleep(7)
    r.snap("dialog")
    r.keys("Down", "Down")
    time.sleep(0.3)
    r.keys("Enter", why="continue without these settings")
    time.sleep(3)
    r.snap("after")
    say_done(r, "plain", 0, "scripted answer")
    r.exit()


@scen
def no_hooks(r):
    """disableAllHooks: only the files have evidence"""
    r.settings(permissions={"allow": ["Read"], "defaultMode": "default"}, disableAllHooks=True)
    r.claude()
    r.say("scn:longperm go")
    r.wait(PROMPT)
    r.mark("prompt is on screen")
    time.sleep(3)
    r.keys("1", why="approve")
    r.mock_wait("done", "longperm", 1)
    time.sleep(3)
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(3)
    r.keys("Escape", why="interrupt")
    time.sleep(3)
    r.keys("C-u")
    r.say("scn:perm go")
    r.wait(PROMPT)
    time.sleep(2)
    r.keys("Escape", why="deny")
    time.sleep(3)
    r.keys("C-u")
    say_done(r, "sub1", 2, timeout=60, settle=3)
    r.exit()


@scen
def nested(r):
    """a Bash tool that runs claude -p"""
    manual(r, allow=["Bash"])
    r.claude()
    say_done(r, "nested", 1, timeout=60, settle=2)
    r.exit()


@scen
def bash_mode(r):
    """!sleep 3 at the prompt, and !sleep 3 during an answer"""
    manual(r)
    r.claude()
    r.say("!sleep 3")
    time.sleep(7)
    r.snap("bash")
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(2)
    r.say("!sleep 3")
    time.sleep(2)
    r.snap("during")
    r.mock_wait("done", "slow", 0, timeout=60)
    time.sleep(7)
    r.snap("after")
    r.exit()


@scen
def bash_mode_interrupt(r):
    """!sleep 30 at the prompt, then Esc"""
    manual(r)
    r.claude()
    r.say("!sleep 30")
    time.sleep(3)
    r.keys("Escape", why="interrupt bash mode")
    time.sleep(4)
    r.snap("after")
    r.keys("C-u", "BSpace", why="the command is back in the input line: empty it, leave bash mode")
    time.sleep(0.4)
    say_done(r, "plain", 0)
    r.exit()


@scen
def compact_interrupt(r):
    """/compact, then Esc during the summary"""
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    say_done(r, "slowcompact", 0, "slow to sum up")
    r.say("/compact")
    time.sleep(3)
    r.snap("compacting")
    r.keys("Escape", why="interrupt /compact")
    time.sleep(4)
    r.snap("after")
    r.keys("C-u")
    say_done(r, "third", 0)
    r.exit()


@scen
def auto_compact(r):
    """the context is full: the client compacts by itself before the next turn"""
    manual(r)
    r.claude()
    say_done(r, "full", 0, "nearly full")
    r.say("scn:second go")
    time.sleep(8)
    r.snap("after")
    r.exit()


# -- background work -------------------------------------------------------------------------------
@scen
def background_agent_stopped(r):
    """the user stops the background agent"""
    manual(r)
    r.claude()
    r.say("scn:longsubbg go")
    r.mock_wait("done", "longsubbg", 1)
    time.sleep(3)
    r.snap("running")
    r.say("/tasks")
    time.sleep(2)
    r.snap("tasks")
    r.keys("x", why="stop the agent")
    time.sleep(2)
    r.snap("stopped")
    r.keys("Escape", why="close the list")
    time.sleep(4)
    r.snap("after")
    r.exit()


@scen
def background_shell_idle(r):
    """a background shell command that ends while the session is idle, then one that ends during a turn"""
    manual(r)
    r.claude()
    r.say("scn:bgbash go")
    r.mock_wait("done", "bgbash", 2, timeout=60)
    time.sleep(3)
    r.say("scn:bgbash2 go")
    r.mock_wait("done", "bgbash2", 1, timeout=60)
    time.sleep(0.6)
    r.say("scn:slow go")
    r.mock_wait("done", "slow", 0, timeout=60)
    time.sleep(6)
    r.snap("after")
    r.exit()


@scen
def background_both(r):
    """a background shell command and a background agent both run after the turn"""
    manual(r)
    r.claude()
    say_done(r, "bgboth", 1)
    time.sleep(14)
    r.snap("after")
    r.exit()


@scen
def foreground_agent_interrupt(r):
    """background tasks disabled: the agent runs inside the turn; Esc"""
    manual(r)
    os.environ["CLAUDE_CODE_DISABLE_BACKGROUND_TASKS"] = "1"
    os.environ["HARNESS_PASS_ENV"] = os.environ.get("HARNESS_PASS_ENV", "") + " CLAUDE_CODE_DISABLE_BACKGROUND_TASKS"
    r.claude()
    r.say("scn:longsub go")
    r.mock_wait("done", "worker_long", 0)
    time.sleep(3)
    r.snap("running")
    r.keys("Escape", why="interrupt")
    time.sleep(4)
    r.snap("interrupted")
    r.keys("C-u")
    say_done(r, "plain", 0)
    r.exit()


# -- answers -----------------------------------------------------------------------------------------
def plan_until_dialog(r):
    manual(r)
    r.claude("--permission-mode", "plan")
    r.say("scn:plan go")
    r.wait("Would you like to proceed|ready to (execute|code)|Ready to code|Exit plan mode")
    r.mark("plan is on screen")
    time.sleep(4)
    r.snap("plan")


@scen
def plan_reject(r):
    """the plan's dialog closed with Esc"""
    plan_until_dialog(r)
    r.keys("Escape", why="reject the plan")
    time.sleep(4)
    r.snap("after")
    r.keys("C-u")
    r.exit()


@scen
def plan_keep(r):
    """the plan's dialog answered with its last option and a text: the changes"""
    plan_until_dialog(r)
    m = re.findall(r"(\d)\. ", r.screen())
    r.keys(m[-1] if m else "4", why="the last option")
    time.sleep(1)
    r.snap("last")
    r.tmux("send-keys", "-t", "main:0.0", "-l", "change it please")
    time.sleep(0.4)
    r.keys("Enter", why="send the feedback")
    time.sleep(5)
    r.snap("after")
    if r.wait("Would you like to proceed|Ready to code", 1, soft=True):
        r.keys("Escape", why="reject the plan")
        time.sleep(3)
    r.keys("C-u")
    r.exit()


@scen
def question_cancel(r):
    manual(r)
    r.claude()
    r.say("scn:ask go")
    r.wait("Which colour")
    r.mark("question is on screen")
    time.sleep(4)
    r.keys("Escape", why="cancel the question")
    time.sleep(4)
    r.snap("after")
    r.keys("C-u")
    r.exit()


@scen
def question_answer_fast(r):
    manual(r)
    r.claude()
    r.say("scn:ask go")
    r.wait("Which colour")
    r.mark("question is on screen")
    time.sleep(0.6)  # Enter 5 ms after the dialog appeared had no effect (one run)
    r.keys("Enter", why="first answer")
    r.mock_wait("done", "ask", 1)
    time.sleep(2)
    r.exit()


@scen
def deny_no(r):
    """a permission prompt answered with its last option, No"""
    manual(r)
    r.claude()
    r.say("scn:perm go")
    r.wait(PROMPT)
    r.mark("prompt is on screen")
    time.sleep(4)
    r.snap("prompt")
    m = re.findall(r"(\d)\. No", r.screen())
    r.keys(m[-1] if m else "3", why="No")
    time.sleep(4)
    r.snap("denied")
    r.keys("C-u")
    say_done(r, "plain", 0)
    r.exit()


@scen
def queued_tools(r):
    """a prompt typed while a tool runs: it joins the same turn"""
    manual(r)
    r.claude()
    r.say("scn:queuedtools go")
    r.mock_wait("done", "queuedtools", 0)
    time.sleep(2)
    r.say("one more thing, please")
    time.sleep(1)
    r.snap("queued")
    r.mock_wait("done", "queuedtools", 2, timeout=40)
    time.sleep(3)
    r.snap("after")
    r.exit()


@scen
def pretool_hook_slow(r):
    """a PreToolUse hook of the user that takes 2 s, then a permission prompt"""
    manual(r)
    user_hook(r, "PreToolUse", "time.sleep(2)")
    r.claude()
    r.say("scn:perm go")
    r.wait(PROMPT)
    r.mark("prompt is on screen")
    time.sleep(3)
    r.keys("1", why="approve")
    r.mock_wait("done", "perm", 1)
    time.sleep(2)
    r.exit()


# -- ends, errors, two clients ------------------------------------------------------------------------
@scen
def wakeup_scheduled(r):
    """the model schedules a wake-up (CronCreate) and stops; then a turn starts without a prompt"""
    manual(r, allow=["Bash", "CronCreate", "ScheduleWakeup", "ToolSearch"])
    r.claude()
    r.say("scn:cron go")
    r.mock_wait("done", "cron", 2, timeout=40)
    r.snap("stopped")
    r.mock_wait("done", "plain", 0, timeout=150)
    time.sleep(4)
    r.snap("woken")
    r.exit()


@scen
def sigterm_turn(r):
    """SIGTERM during an answer"""
    manual(r)
    r.claude()
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(3)
    pid = r.pid()
    r.mark("SIGTERM", pid=pid)
    os.kill(pid, signal.SIGTERM)
    time.sleep(5)
    r.snap("after")


def with_permission_open(r, t="main:0.0"):
    r.say("scn:perm go", t)
    r.wait(PROMPT, 30, t)
    r.mark("prompt is on screen")
    time.sleep(3)


@scen
def kill_9_permission(r):
    """kill -9 while a permission prompt is open"""
    manual(r)
    r.claude()
    with_permission_open(r)
    pid = r.pid()
    r.mark("kill -9", pid=pid)
    os.kill(pid, signal.SIGKILL)
    time.sleep(4)
    r.snap("after")


@scen
def pane_killed_permission(r):
    """the pane is killed while a permission prompt is open"""
    manual(r)
    r.claude()
    b = r.split()
    r.claude(t=b)
    with_permission_open(r, b)
    r.mark("kill-pane", pid=r.pid(b))
    r.tmux("kill-pane", "-t", b)
    time.sleep(5)
    r.exit()


@scen
def rapid(r):
    """a prompt, Esc within 0.3 s, another prompt"""
    manual(r)
    r.claude()
    r.say("scn:stall go")
    time.sleep(0.2)
    r.keys("Escape", why="Esc at once")
    time.sleep(0.5)
    r.keys("C-u")
    r.say("scn:plain go")
    r.mock_wait("done", "plain", 0)
    time.sleep(2)
    r.snap("after")
    r.say("scn:slow go")
    time.sleep(0.25)
    r.keys("Escape", why="Esc at once")
    time.sleep(0.15)  # within 50 ms the client reads Esc and the next key as one key, and continues (one run in three)
    r.keys("C-u")
    r.say("scn:second go")
    r.mock_wait("done", "second", 0)
    time.sleep(2)
    r.snap("after2")
    r.exit()


@scen
def two_clients(r):
    """two clients resume one conversation"""
    manual(r)
    sid = "11111111-2222-4333-8444-555555555555"
    r.claude("--session-id", sid)
    say_done(r, "plain", 0, "scripted answer")
    b = r.split()
    r.claude("--resume", sid, t=b, ready=False)
    r.wait(r"^\s*❯", 20, b, soft=True)
    time.sleep(2)
    r.snap("second", b)
    r.say("scn:slow go", b)
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(2)
    say_done(r, "second", 0)
    r.mock_wait("done", "slow", 0, timeout=40)
    time.sleep(2)
    r.snap("both", b)
    r.exit(b)
    r.exit()


@scen
def continue_killed(r):
    """claude --continue of a session that kill -9 ended in a tool"""
    manual(r)
    r.claude()
    r.say("scn:longtool go")
    r.mock_wait("done", "longtool", 0)
    time.sleep(2)
    pid = r.pid()
    r.mark("kill -9", pid=pid)
    os.kill(pid, signal.SIGKILL)
    time.sleep(2)
    r.tmux("send-keys", "-t", "main:0.0", "reset", "Enter")
    time.sleep(1.5)
    r.tmux("send-keys", "-t", "main:0.0", "clear", "Enter")
    time.sleep(0.5)
    r.claude("--continue")
    time.sleep(3)
    r.snap("continued")
    say_done(r, "plain", 0)
    r.exit()


error_scen("error-429", "rate429", 12)


@scen
def error_background(r):
    """a turn fails while a background agent works"""
    manual(r)
    os.environ["CLAUDE_CODE_MAX_RETRIES"] = "2"
    os.environ["HARNESS_PASS_ENV"] = os.environ.get("HARNESS_PASS_ENV", "") + " CLAUDE_CODE_MAX_RETRIES"
    r.claude()
    r.say("scn:bgthen go")
    r.mock_wait("done", "bgthen", 1)
    time.sleep(1)
    r.say("scn:bad400 go")
    time.sleep(10)
    r.snap("after")
    r.exit()


@scen
def error_in_tools(r):
    """a turn fails with 500 after its first tool"""
    manual(r)
    os.environ["CLAUDE_CODE_MAX_RETRIES"] = "2"
    os.environ["HARNESS_PASS_ENV"] = os.environ.get("HARNESS_PASS_ENV", "") + " CLAUDE_CODE_MAX_RETRIES"
    r.claude()
    r.say("scn:toolerr go")
    time.sleep(10)
    r.snap("after")
    r.exit()


@scen
def stream_cut(r):
    manual(r)
    r.claude()
    r.say("scn:cut go")
    time.sleep(14)
    r.snap("after")
    r.exit()


@scen
def permission_idle_deny(r):
    """a permission prompt open for 65 s, then denied"""
    manual(r)
    r.claude()
    r.say("scn:perm go")
    r.wait(PROMPT)
    r.mark("prompt is on screen")
    time.sleep(65)
    r.keys("Escape", why="deny")
    time.sleep(4)
    r.snap("denied")
    r.keys("C-u")
    r.exit()


@scen
def deny_amend(r):
    """a permission prompt answered with No and a message (Tab): the turn continues"""
    manual(r)
    r.claude()
    r.say("scn:permgoon go")
    r.wait(PROMPT)
    r.mark("prompt is on screen")
    time.sleep(3)
    for _ in range(3):
        r.tmux("send-keys", "-t", "main:0.0", "Down")
        time.sleep(0.2)
    r.keys("Tab", why="amend the No")
    time.sleep(0.5)
    r.tmux("send-keys", "-t", "main:0.0", "-l", "use another name")
    time.sleep(0.5)
    r.snap("amend")
    r.keys("Enter", why="No, with a word")
    time.sleep(8)
    r.snap("after")
    r.exit()


@scen
def no_turn_duration(r):
    """showTurnDuration disabled: shows if the transcript has turn_duration lines"""
    r.settings(permissions={"allow": ["Read"], "defaultMode": "default"}, disableAllHooks=True, showTurnDuration=False)
    r.claude()
    say_done(r, "plain", 0, "scripted answer", settle=3)
    say_done(r, "sub1", 2, timeout=60, settle=3)
    r.exit()


@scen
def send_now(r):
    """a queued prompt sent at once with ctrl+x ctrl+s during an answer"""
    manual(r)
    r.claude()
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(2)
    r.say("scn:second go")
    time.sleep(2)
    r.keys("C-x", "C-s", why="send now")
    time.sleep(6)
    r.snap("after")
    r.exit()


@scen
def status_line(r):
    """the status line's input and output: at the start, after an answer with rate limits in its headers, during a pause"""
    manual(r)
    r.claude()
    say_done(r, "limits", 0, "answer with limits", settle=2)
    r.snap("answered")
    say_done(r, "plain", 0, "scripted answer", settle=2)
    r.snap("again")
    r.exit()


@scen
def interrupt_twice(r):
    """Esc during an answer, Esc several times at the prompt (a menu of earlier prompts opens and closes), then a prompt"""
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(3)
    r.keys("Escape", why="interrupt")
    time.sleep(3)
    r.keys("C-u", why="clear the input line")
    time.sleep(1)
    r.keys("Escape", why="Esc at the prompt")
    time.sleep(0.2)
    r.keys("Escape", why="Esc at the prompt again")
    time.sleep(3)
    r.snap("menu")
    r.keys("Escape", why="close whatever opened")
    time.sleep(2)
    r.snap("closed")
    say_done(r, "second", 0, settle=2)
    r.exit()


@scen
def quit_ctrl_c(r):
    """Ctrl-C during an answer, then twice more: the client exits"""
    manual(r)
    r.claude()
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(3)
    r.keys("C-c", why="interrupt")
    time.sleep(2)
    r.keys("C-u", why="clear the input line")
    time.sleep(1.5)
    r.keys("C-c", why="once")
    time.sleep(0.3)
    r.keys("C-c", why="twice: leave")
    r.wait(r"^\$ *$", 20, soft=True)
    r.mark("left")
    time.sleep(1)


@scen
def permission_ctrl_c(r):
    """Ctrl-C at a permission prompt, which stays, then Esc, then another prompt"""
    manual(r)
    r.claude()
    r.say("scn:perm go")
    r.wait(PROMPT)
    r.mark("prompt is on screen")
    time.sleep(3)
    r.keys("C-c", why="Ctrl-C at the dialog")
    time.sleep(3)
    r.snap("ctrl-c")
    r.keys("Escape", why="Esc at the dialog")
    time.sleep(3)
    r.snap("after")
    r.keys("C-u")
    say_done(r, "second", 0, settle=2)
    r.exit()


@scen
def pretool_hook_denies(r):
    """a PreToolUse hook of the user denies the call: the model continues without a dialog"""
    r.settings(permissions={"allow": ["Read"], "defaultMode": "default"})
    user_hook(r, "PreToolUse", 'sys.stderr.write("not here")\nsys.exit(2)', "Bash")
    r.claude()
    r.say("scn:perm go")
    time.sleep(8)
    r.snap("after")
    r.exit()


@scen
def suspend_signal(r):
    """SIGSTOP during an answer, like a machine that sleeps, SIGCONT 6 s later"""
    manual(r)
    r.claude()
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(3)
    pid = r.pid()
    r.mark("SIGSTOP", pid=pid)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(6)
    r.mark("SIGCONT", pid=pid)
    os.kill(pid, signal.SIGCONT)
    r.mock_wait("done", "slow", 0, timeout=60)
    time.sleep(4)
    r.snap("after")
    r.exit()


@scen
def mode_switch(r):
    """Shift-Tab twice during an answer: other permission modes, the same turn"""
    manual(r)
    r.claude()
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(2)
    r.keys("BTab", why="another mode")
    time.sleep(1)
    r.keys("BTab", why="another mode")
    r.mock_wait("done", "slow", 0, timeout=60)
    time.sleep(2)
    r.snap("modes")
    r.exit()


@scen
def plan_again(r):
    """a plan is rejected, shown again and approved"""
    plan_until_dialog(r)
    r.keys("Escape", why="reject the plan")
    time.sleep(3)
    r.keys("C-u")
    r.say("scn:plan go on")
    r.wait("Would you like to proceed|ready to (execute|code)|Ready to code|Exit plan mode")
    r.mark("plan is on screen again")
    time.sleep(3)
    r.snap("again")
    r.keys("1", why="approve")
    time.sleep(8)
    r.snap("after")
    r.exit()


# -- dialogs and commands of many kinds -----------------------------------------------------------------
@scen
def elicitation(r):
    """a tool of an MCP server shows a form: answered, declined, closed with Esc"""
    manual(r, allow=["ToolSearch", "mcp__asker"])
    config = os.path.join(r.dir, "mcp.json")
    with open(config, "w") as f:
        json.dump({"mcpServers": {"asker": {"command": sys.executable, "args": [os.path.join(HERE, "mcp_asker.py")]}}}, f)
    r.claude("--mcp-config", config)
    for how, keys in (("answer", ["Hugo", "Down", "Enter"]), ("decline", ["Down", "Down", "Enter"]), ("cancel", ["Escape"])):
        r.say("scn:elicit %s" % how)
        r.wait("Which name shall it have")
        r.mark("the form is on screen")
        time.sleep(3)
        r.snap(how)
        for key in keys[:-1]:
            r.tmux("send-keys", "-t", "main:0.0", key)
            time.sleep(0.3)
        r.snap(how)
        r.keys(keys[-1], why=how)
        time.sleep(4)
        r.snap(how + "-after")
    r.exit()


@scen
def branch(r):
    """/branch at the prompt, then /branch during an answer: the conversation continues under another id"""
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    r.say("/branch")
    time.sleep(4)
    r.snap("branched")
    say_done(r, "second", 0)
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(2)
    r.say("/branch")
    time.sleep(3)
    r.snap("during")
    r.mock_wait("done", "slow", 0, timeout=60)
    time.sleep(3)
    r.snap("after")
    say_done(r, "third", 0)
    r.exit()


@scen
def fork_running(r):
    """/fork with a task during an answer"""
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(2)
    r.say("/fork scn:second go")
    time.sleep(3)
    r.snap("during")
    r.mock_wait("done", "slow", 0, timeout=60)
    # A slow machine starts the fork late.
    r.mock_wait("done", "second", 0, timeout=60)
    time.sleep(3)
    r.snap("after")
    r.exit()
    stop_service(r)


@scen
def prompt_too_long(r):
    """the API reports several times that the prompt is too long, then answers"""
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    r.say("scn:toolong go")
    time.sleep(8)
    r.snap("error")
    say_done(r, "second", 0)
    r.exit()


@scen
def stop_reasons(r):
    """an answer that ends at its maximum length, and one that the model refuses"""
    manual(r)
    r.claude()
    r.say("scn:maxtokens go")
    time.sleep(6)
    r.snap("max_tokens")
    r.say("scn:refusal go")
    time.sleep(6)
    r.snap("refusal")
    r.keys("Escape", why="close whatever opened")
    time.sleep(1)
    r.keys("C-u")
    say_done(r, "second", 0)
    r.exit()


@scen
def resume_elsewhere(r):
    """claude --resume ID in another directory than the conversation began in"""
    manual(r)
    sid = "11111111-2222-4333-8444-555555555555"
    r.claude("--session-id", sid)
    say_done(r, "plain", 0, "scripted answer")
    r.exit()
    other = os.path.join(r.home, "other")
    os.mkdir(other)
    p = os.path.join(r.home, ".claude.json")
    with open(p) as f:
        j = json.load(f)
    j["projects"][other] = dict(j["projects"][r.proj])
    with open(p, "w") as f:
        json.dump(j, f, indent=1)
    r.command("cd %s; clear" % other)
    time.sleep(0.5)
    r.claude("--resume", sid)
    say_done(r, "second", 0, "Second scripted")
    r.snap("elsewhere")
    r.exit()


@scen
def compact_queued(r):
    """/compact, and a prompt typed during the summary"""
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    say_done(r, "slowcompact", 0, "slow to sum up")
    r.say("/compact")
    time.sleep(3)
    r.say("scn:second go")
    time.sleep(1)
    r.snap("queued")
    r.mock_wait("done", "second", 0, timeout=60)
    time.sleep(2)
    r.snap("after")
    r.exit()


@scen
def dialogs_idle(r):
    """/model, /help, /permissions and /status at the prompt, each closed with Esc"""
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    for command in ("/model", "/help", "/permissions", "/status"):
        r.say(command)
        time.sleep(3)
        r.snap(command[1:])
        r.keys("Escape", why="close " + command)
        time.sleep(2)
        r.snap(command[1:] + "-closed")
    say_done(r, "second", 0, "Second scripted")
    r.exit()


@scen
def permission_always(r):
    """a permission approved permanently: the next such call opens no prompt"""
    manual(r)
    r.claude()
    r.say("scn:always go")
    r.wait(PROMPT)
    r.mark("prompt is on screen")
    time.sleep(3)
    r.snap("prompt")
    r.keys("2", why="yes, and always")
    r.mock_wait("done", "always", 2)
    time.sleep(2)
    r.snap("after")
    r.exit()


@scen
def ask_several(r):
    """two questions in one dialog, the second with several answers, then the review"""
    manual(r)
    r.claude()
    r.say("scn:askseveral go")
    r.wait("Which colour")
    r.mark("question is on screen")
    time.sleep(3)
    r.keys("Down")
    time.sleep(0.3)
    r.keys("Enter", why="the first answer")
    time.sleep(2)
    r.snap("second")
    r.keys("Enter")
    time.sleep(0.5)
    r.keys("Right", why="to the review")
    time.sleep(2)
    r.snap("review")
    r.keys("Enter", why="submit")
    r.mock_wait("done", "askseveral", 1)
    time.sleep(2)
    r.exit()


@scen
def background_ctrl_b(r):
    """Ctrl-B moves a running command to the background, and it ends there"""
    manual(r)
    r.claude()
    r.say("scn:ctrlb go")
    r.mock_wait("done", "ctrlb", 0)
    time.sleep(3)
    r.snap("running")
    r.keys("C-b", why="into the background")
    time.sleep(0.5)
    r.keys("C-b", why="into the background, in tmux's own way")
    time.sleep(4)
    r.snap("background")
    time.sleep(10)
    r.snap("after")
    r.exit()


@scen
def left_arrow(r):
    """Left at the empty prompt: the session moves to the background; the user returns to it and types a prompt"""
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    r.keys("Left", why="to the list of sessions")
    time.sleep(6)
    r.snap("sessions")
    r.keys("Enter", why="back to the session")
    time.sleep(6)
    r.snap("back")
    say_done(r, "second", 0)
    r.snap("second")
    r.keys("Left", why="to the list of sessions again")
    r.wait("describe a task", 10)
    time.sleep(1)
    r.keys("C-c", why="once")
    time.sleep(0.3)
    r.keys("C-c", why="twice: leave the list")
    time.sleep(3)
    r.snap("left")
    stop_service(r)
    time.sleep(1)


@scen
def logout(r):
    """/logout at the prompt"""
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    r.say("/logout")
    time.sleep(6)
    r.snap("logout")


@scen
def clear_running(r):
    """/clear typed during an answer"""
    manual(r)
    r.claude()
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(2)
    r.say("/clear")
    time.sleep(5)
    r.snap("during")
    r.mock_wait("done", "slow", 0, timeout=60)
    time.sleep(3)
    r.snap("after")
    say_done(r, "second", 0)
    r.exit()


@scen
def rewind(r):
    """Esc twice at the prompt, and the conversation returns to its first prompt"""
    manual(r)
    r.claude()
    say_done(r, "plain", 0, "scripted answer")
    say_done(r, "second", 0)
    r.say("/rewind")
    time.sleep(2)
    r.snap("menu")
    r.keys("Up")
    time.sleep(0.5)
    r.keys("Enter", why="pick a prompt")
    time.sleep(2)
    r.snap("picked")
    r.keys("Enter", why="restore")
    time.sleep(3)
    r.snap("restored")
    r.keys("C-u")
    say_done(r, "third", 0)
    r.exit()


# -- a client that a program leads (an editor, a GUI): the user answers by JSON lines --------------
def resident(r, *args):
    manual(r)
    p = r.resident("--permission-mode", "default", *args)
    r.wait_file_status(p.pid)
    time.sleep(3)
    return p


@scen
def resident_idle(r):
    """the program sends no prompt"""
    resident(r)
    time.sleep(4)
    r.leave()


@scen
def resident_permission(r):
    """it opens a permission, which the user approves"""
    resident(r)
    r.ask("scn:perm go")
    m = r.wait_asked()
    time.sleep(4)
    r.answer(m, {"behavior": "allow", "updatedInput": m["request"]["input"]}, "allow")
    r.wait_result()
    time.sleep(6)
    r.leave()


@scen
def resident_denied(r):
    """it opens a permission, which the user denies, and the turn continues"""
    resident(r)
    r.ask("scn:perm go")
    m = r.wait_asked()
    time.sleep(4)
    r.answer(m, {"behavior": "deny", "message": "Not this one."}, "deny")
    r.wait_result()
    time.sleep(6)
    r.leave()


@scen
def resident_denied_interrupt(r):
    """it opens a permission, which the user denies, and the turn ends"""
    resident(r)
    r.ask("scn:perm go")
    m = r.wait_asked()
    time.sleep(4)
    r.answer(m, {"behavior": "deny", "message": "Stop.", "interrupt": True}, "deny and stop")
    r.wait_result()
    time.sleep(6)
    r.leave()


@scen
def resident_question(r):
    """it opens a question"""
    resident(r)
    r.ask("scn:ask go")
    m = r.wait_asked()
    time.sleep(4)
    given = m["request"]["input"]
    answers = {q["question"]: q["options"][0]["label"] for q in given["questions"]}
    r.answer(m, {"behavior": "allow", "updatedInput": {**given, "answers": answers}}, "answer")
    r.wait_result()
    time.sleep(6)
    r.leave()


@scen
def resident_plan(r):
    """it opens a plan"""
    manual(r)
    p = r.resident("--permission-mode", "plan")
    r.wait_file_status(p.pid)
    time.sleep(3)
    r.ask("scn:plan go")
    m = r.wait_asked()
    n = 1
    while m["request"]["tool_name"] != "ExitPlanMode":
        r.answer(m, {"behavior": "allow", "updatedInput": m["request"]["input"]}, "allow")
        n += 1
        m = r.wait_asked(n)
    time.sleep(4)
    r.answer(m, {"behavior": "allow", "updatedInput": m["request"]["input"]}, "approve")
    r.wait_result()
    time.sleep(6)
    r.leave()


@scen
def resident_interrupt(r):
    """an interrupt by the protocol during an answer, then another turn"""
    resident(r)
    r.ask("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(3)
    r.control({"subtype": "interrupt"}, "interrupt")
    r.wait_result()
    time.sleep(5)
    r.ask("scn:second go")
    r.wait_result(2)
    time.sleep(6)
    r.leave()


@scen
def resident_interrupt_permission(r):
    """an interrupt by the protocol while a permission is open"""
    resident(r)
    r.ask("scn:perm go")
    r.wait_asked()
    time.sleep(4)
    r.control({"subtype": "interrupt"}, "interrupt")
    r.wait_result()
    time.sleep(5)
    r.leave()


@scen
def resident_two_turns(r):
    """two turns, one after the other"""
    resident(r)
    r.ask("scn:plain go")
    r.wait_result()
    time.sleep(6)
    r.ask("scn:second go")
    r.wait_result(2)
    time.sleep(6)
    r.leave()


@scen
def resident_killed(r):
    """it is killed while a permission is open"""
    p = resident(r)
    r.ask("scn:perm go")
    r.wait_asked()
    time.sleep(4)
    r.mark("kill -9", pid=p.pid)
    p.kill()
    p.wait()
    time.sleep(2)


# -- agent teams --------------------------------------------------------------------------------
MATE = "main:0.1"


def team(r, mode, name):
    """Starts a lead with agent teams enabled, which starts a teammate."""
    os.environ["CLAUDE_CODE_EXPERIMENTAL_AGENT_TEAMS"] = "1"
    os.environ["HARNESS_PASS_ENV"] = os.environ.get("HARNESS_PASS_ENV", "") + " CLAUDE_CODE_EXPERIMENTAL_AGENT_TEAMS"
    manual(r)
    r.claude("--teammate-mode", mode)
    r.say("scn:%s go" % name)
    r.mock_wait("done", name, 1)


def team_leave(r):
    """Types /exit to a lead, which asks first while it has a teammate."""
    r.say("/exit")
    time.sleep(2)
    r.snap("leaving")
    if not r.wait(r"^\$ *$", 1, soft=True):
        r.keys("Enter", why="leave all the same")
        r.wait(r"^\$ *$", 20, soft=True)
    time.sleep(3)


@scen
def team_tmux(r):
    """a teammate in a pane of its own works, reports and becomes idle"""
    team(r, "tmux", "team")
    time.sleep(3)
    r.snap("lead")
    r.snap("mate", MATE)
    r.mock_wait("done", "team", 2)
    time.sleep(10)
    r.snap("lead-later")
    r.snap("mate-later", MATE)
    team_leave(r)


@scen
def team_tmux_permission(r):
    """a teammate in a pane of its own opens a permission; the lead's pane shows it, and the user approves it there"""
    team(r, "tmux", "teamask")
    r.wait("made-by-mate", 20)
    time.sleep(8)
    r.snap("lead")
    r.snap("mate", MATE)
    r.keys("Enter", why="approve")
    r.mock_wait("done", "teamask", 2)
    time.sleep(8)
    r.snap("after")
    team_leave(r)


@scen
def team_tmux_denied(r):
    """a teammate in a pane of its own opens a permission, which the user denies"""
    team(r, "tmux", "teamask")
    r.wait("made-by-mate", 20)
    time.sleep(4)
    r.snap("lead")
    r.keys("Escape", why="refuse")
    time.sleep(8)
    r.snap("after")
    r.snap("mate", MATE)
    team_leave(r)


@scen
def team_tmux_killed(r):
    """a teammate's process is killed while it works"""
    team(r, "tmux", "team")
    r.mock_wait("done", "matework", 0)
    time.sleep(3)
    pid = r.pid(MATE)
    r.mark("kill -9", pid=pid)
    os.kill(pid, signal.SIGKILL)
    time.sleep(10)
    r.snap("lead")
    team_leave(r)


@scen
def team_tmux_orphan(r):
    """the lead is killed while its teammate works"""
    team(r, "tmux", "team")
    r.mock_wait("done", "matework", 0)
    time.sleep(3)
    pid = r.pid()
    r.mark("kill -9", pid=pid)
    os.kill(pid, signal.SIGKILL)
    time.sleep(12)
    r.snap("mate", MATE)
    r.mark("close the teammate's pane")
    r.tmux("kill-pane", "-t", MATE)
    time.sleep(3)


@scen
def team_tmux_interrupt(r):
    """the lead is interrupted in a turn of its own while its teammate is idle"""
    team(r, "tmux", "team")
    r.mock_wait("done", "team", 2)
    time.sleep(6)
    r.say("scn:slow go")
    r.mock_wait("anthropic", "slow", 0)
    time.sleep(3)
    r.keys("Escape", why="interrupt")
    time.sleep(5)
    r.snap("after")
    team_leave(r)


@scen
def team_in_process(r):
    """a teammate in the lead's own process works, reports and becomes idle"""
    team(r, "in-process", "team")
    time.sleep(3)
    r.snap("lead")
    r.mock_wait("done", "team", 2)
    time.sleep(10)
    r.snap("lead-later")
    team_leave(r)


@scen
def team_in_process_permission(r):
    """a teammate in the lead's own process opens a permission"""
    team(r, "in-process", "teamask")
    r.wait("made-by-mate", 20)
    time.sleep(8)
    r.snap("lead")
    r.keys("Enter", why="approve")
    r.mock_wait("done", "teamask", 2)
    time.sleep(8)
    r.snap("after")
    team_leave(r)


# -- notifications of other sessions ----------------------------------------------------------------------
@scen
def agents_view_needs(r):
    """a background session opens a prompt; the list of sessions in another pane reports it"""
    manual(r)
    r.shell()
    r.wait(r"\$ *$", 10)
    r.command("claude agents", "claude agents")
    r.wait("describe a task", 20)
    time.sleep(1)
    r.snap("list")
    out = subprocess.run([os.path.join(r.dir, "bin", "claude"), "--bg", "scn:perm go"], cwd=r.proj, env=r.env(), stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    r.mark("claude --bg", text=out)
    r.mock_wait("done", "perm", 0)
    time.sleep(12)
    r.snap("needs")
    r.keys("C-c", why="once")
    time.sleep(0.3)
    r.keys("C-c", why="twice: leave the list")
    time.sleep(3)
    stop_service(r)
    time.sleep(1)
