"""What the driver does in each scenario (what the model says is in scenarios.json)."""
import os, re, signal, subprocess, time

S = {}


def scen(f):
    S[f.__name__.replace("_", "-")] = f
    return f


def manual(r, **kw):
    """Permission prompts as before auto mode became the default."""
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
    """a second prompt typed while the first is being worked on"""
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
    """nothing typed for 70 s after the answer"""
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
    """a granted tool that takes its time: no hook tells of the grant, only of the tool's end"""
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
    """the model itself enters plan mode"""
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
    say_done(r, "sub1", 2, timeout=60, settle=3)  # turn 2: woken by the helper's end
    r.exit()


@scen
def subagents_parallel(r):
    manual(r)
    r.claude()
    say_done(r, "sub2", 2, timeout=60, settle=8)  # woken once or twice, as the helpers end
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
    r.mark("daemon stop")
    subprocess.run([os.path.join(r.dir, "bin", "claude"), "daemon", "stop"], env=r.env(), cwd=r.proj, capture_output=True, timeout=20)


