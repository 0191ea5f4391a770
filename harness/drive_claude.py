#!/usr/bin/env python3
"""Runs a scenario with the real Claude Code, offline.  run_claude.sh calls it; see README.md.

Starts mock_api.py, fills a temporary HOME (no onboarding, no trust dialog), registers the hook
command for every event, starts the client headless or in a private tmux server, types, and stops
everything.  Ends only the processes that it started.
"""
import json, os, re, shutil, signal, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
PY = sys.executable

EVENTS = """PreToolUse PostToolUse PostToolUseFailure PostToolBatch Notification UserPromptSubmit UserPromptExpansion
SessionStart SessionEnd Stop StopFailure SubagentStart SubagentStop PreCompact PostCompact PreModelSwitch
PostModelSwitch PermissionRequest PermissionDenied Setup TeammateIdle TaskCreated TaskCompleted Elicitation
ElicitationResult ConfigChange WorktreeCreate WorktreeRemove InstructionsLoaded CwdChanged FileChanged
DirectoryAdded MessageDisplay""".split()
# A WorktreeCreate hook *replaces* `git worktree add` and must print the folder that it created, so an observer must not register it.
SKIP = set(os.environ.get("HARNESS_SKIP_EVENTS", "WorktreeCreate").split())

KEYSTR = "sk-ant-mock"


class Failed(Exception):
    pass


def sh_quote(s):
    return "'" + s.replace("'", "'\\''") + "'"


class Run:
    def __init__(self, scenario, hook, statusline, rundir, binary):
        self.scenario, self.hook, self.statusline = scenario, hook, statusline
        self.dir = rundir
        self.binary = binary
        self.home = os.path.join(rundir, "h")
        self.proj = os.path.join(self.home, "project")
        self.rec = os.path.join(rundir, "rec.jsonl")
        self.mocklog = os.path.join(rundir, "mock.jsonl")
        self.marks = os.path.join(rundir, "marks.jsonl")
        self.procs = []
        self.tmux_up = False
        self.nscreen = 0
        for d in (self.home, self.proj, os.path.join(self.home, ".claude"), os.path.join(rundir, "bin"),
                  os.path.join(self.home, "tmp"), os.path.join(self.home, "run"), os.path.join(rundir, "screens")):
            os.makedirs(d, exist_ok=True)
        os.chmod(os.path.join(self.home, "run"), 0o700)
        self.install_client()
        for n in ("a.txt", "b.txt"):
            with open(os.path.join(self.proj, n), "w") as f:
                f.write("line one of %s\nline two\n" % n)
        with open(os.path.join(self.proj, "CLAUDE.md"), "w") as f:
            f.write("# Project notes\nA scripted project.\n")
        w = os.path.join(self.proj, "wait.sh")  # the Bash tool denies a long `sleep`
        with open(w, "w") as f:
            f.write("#!/bin/sh\nsleep $1\necho waited $1\n")
        os.chmod(w, 0o755)
        with open(os.path.join(rundir, "bashrc"), "w") as f:
            f.write("PS1='$ '\n")
        self.settings()

    # -- set-up -----------------------------------------------------------------
    def install_client(self):
        """Puts the client on the PATH, or a script that runs it by HARNESS_RUN_BY, as an alias of the user would."""
        run_by = os.environ.get("HARNESS_RUN_BY")
        name = os.path.join(self.dir, "bin", "claude")
        link = os.path.join(self.dir, "client", "claude") if run_by else name
        if os.path.lexists(name):
            return
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(self.binary, link)
        if run_by:
            with open(name, "w") as f:
                f.write("#!/bin/sh\nexec %s %s \"$@\"\n" % (run_by, sh_quote(link)))
            os.chmod(name, 0o755)

    def settings(self, **over):
        record = os.environ.get("HARNESS_RECORD", "1") != "0"
        hooks = {}
        for e in EVENTS:
            if e in SKIP:
                continue
            hs = []
            if record:
                hs.append({"type": "command", "command": "%s -I -S %s %s hook %s" % (PY, sh_quote(os.path.join(HERE, "recorder")), sh_quote(self.rec), e)})
            if self.hook:
                h = {"type": "command", "command": self.hook.replace("{event}", e)}
                if os.environ.get("HARNESS_HOOK_ASYNC") == "1":
                    h["async"] = True
                hs.append(h)
            ent = {"hooks": hs}
            if e == "FileChanged":
                ent["matcher"] = "a.txt|b.txt|c.txt"
            if hs:
                hooks[e] = [ent]
        sl = None
        if self.statusline:
            sl = self.statusline
        elif record:
            sl = "%s -I -S %s %s statusline" % (PY, sh_quote(os.path.join(HERE, "recorder")), sh_quote(self.rec))
        st = {"hooks": hooks, "permissions": {"allow": ["Bash(echo:*)", "Bash(sleep:*)", "Bash(./wait.sh:*)", "Read"]}, "includeCoAuthoredBy": False}
        if sl:
            st["statusLine"] = {"type": "command", "command": sl}
        st.update(over)
        with open(os.path.join(self.home, ".claude", "settings.json"), "w") as f:
            json.dump(st, f, indent=1)
        cfg = {"hasCompletedOnboarding": True, "lastOnboardingVersion": "99.0.0", "theme": "dark", "numStartups": 5,
               "bypassPermissionsModeAccepted": True, "hasSeenTasksHint": True, "autoUpdates": False,
               "customApiKeyResponses": {"approved": [KEYSTR[-20:]], "rejected": []},
               "messageIdleNotifThresholdMs": int(os.environ.get("HARNESS_IDLE_MS", "60000")),
               "projects": {self.proj: {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True,
                                        "projectOnboardingSeenCount": 5, "allowedTools": []}}}
        p = os.path.join(self.home, ".claude.json")
        if not os.path.exists(p):
            with open(p, "w") as f:
                json.dump(cfg, f, indent=1)
        self.after_settings()

    def after_settings(self):
        """Runs HARNESS_AFTER_SETTINGS, a program's own installer, on the settings of the user."""
        cmd = os.environ.get("HARNESS_AFTER_SETTINGS")
        if not cmd:
            return
        env = {"HOME": self.home, "PATH": os.path.join(self.dir, "bin") + ":/usr/local/bin:/usr/bin:/bin",
               "LANG": "C.UTF-8", "HARNESS_RUN_DIR": self.dir, "XDG_RUNTIME_DIR": os.path.join(self.home, "run"), **self.passed_env()}
        r = subprocess.run(["bash", "-c", cmd], env=env, cwd=self.proj, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        with open(os.path.join(self.dir, "after_settings.txt"), "a") as f:
            f.write(r.stdout + r.stderr)
        if r.returncode:
            raise Failed("HARNESS_AFTER_SETTINGS ended with %d: %s" % (r.returncode, (r.stdout + r.stderr)[-600:]))

    @staticmethod
    def passed_env():
        return {n: os.environ[n] for n in os.environ.get("HARNESS_PASS_ENV", "").split() if n in os.environ}

    def env(self):
        e = {"HOME": self.home, "USER": "dev", "LOGNAME": "dev", "SHELL": "/bin/bash",
             "PATH": os.path.join(self.dir, "bin") + ":/usr/local/bin:/usr/bin:/bin",
             "TERM": "xterm-256color", "LANG": "C.UTF-8", "PS1": "$ ",
             "TMPDIR": os.path.join(self.home, "tmp"), "CLAUDE_CODE_TMPDIR": os.path.join(self.home, "tmp"),
             "XDG_RUNTIME_DIR": os.path.join(self.home, "run"), "TMUX_TMPDIR": os.path.join(self.home, "run"),
             "DISABLE_TELEMETRY": "1", "DISABLE_AUTOUPDATER": "1", "DISABLE_ERROR_REPORTING": "1",
             "DISABLE_BUG_COMMAND": "1", "DO_NOT_TRACK": "1",
             "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
             "ANTHROPIC_BASE_URL": "http://127.0.0.1:%d" % self.port, "ANTHROPIC_API_KEY": KEYSTR}
        return {**e, **self.passed_env()}

    def start_mock(self):
        pf = os.path.join(self.dir, "port")
        env = {"PATH": "/usr/bin:/bin", "HOME": self.home, "MOCK_CWD": self.proj, "MOCK_HOME": self.home, "PYTHONUNBUFFERED": "1"}
        if os.environ.get("HARNESS_DUMP"):
            env["MOCK_DUMP"] = os.path.join(self.dir, "dump")
            os.makedirs(env["MOCK_DUMP"], exist_ok=True)
        p = subprocess.Popen([PY, os.path.join(HERE, "mock_api.py"), "--port-file", pf, "--log", self.mocklog],
                             env=env, stdout=open(os.path.join(self.dir, "mock.out"), "w"), stderr=subprocess.STDOUT, start_new_session=True)
        self.procs.append(p)
        t = time.time() + 10
        while not os.path.exists(pf):
            if time.time() > t or p.poll() is not None:
                raise Failed("mock did not start")
            time.sleep(0.02)
        self.port = int(open(pf).read())

    def start_observer(self):
        """Starts observe.py if HARNESS_OBSERVE=1; it writes files.jsonl (session files, transcripts, processes, screen)."""
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": self.home, "TERM": "xterm-256color", "LANG": "C.UTF-8",
               "TMPDIR": os.path.join(self.home, "tmp"), "TMUX_TMPDIR": os.path.join(self.home, "run")}
        self.observer = subprocess.Popen([PY, "-B", os.path.join(HERE, "observe.py"), os.path.join(self.dir, "files.jsonl"), self.home, "h"],
                                         env=env, stdin=subprocess.DEVNULL, stdout=open(os.path.join(self.dir, "observe.out"), "w"),
                                         stderr=subprocess.STDOUT, start_new_session=True)
        self.procs.append(self.observer)

    # -- notes --------------------------------------------------------------------
    def mark(self, what, **kv):
        """Writes an act of the driver with its time, on the same clocks as the recordings."""
        with open(self.marks, "a") as f:
            f.write(json.dumps({"wall_ns": time.time_ns(), "mono_ns": time.monotonic_ns(), "mark": what, **kv}) + "\n")
        print("   [%s] %s %s" % (self.scenario, what, kv or ""), flush=True)

    # -- headless ------------------------------------------------------------------
    def headless(self, prompt, *args, timeout=120, stdin=None):
        self.mark("claude -p", prompt=prompt, args=list(args))
        p = subprocess.Popen([os.path.join(self.dir, "bin", "claude"), "-p", prompt, *args], cwd=self.proj, env=self.env(),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.procs.append(p)
        try:
            out, _ = p.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            out, _ = p.communicate()
            self.mark("headless timed out")
        self.mark("claude -p ended", rc=p.returncode)
        with open(os.path.join(self.dir, "headless.out"), "ab") as f:
            f.write(out + b"\n")
        return p.returncode, out.decode("utf-8", "replace")

    # -- a client that a program leads over its standard input and output ---------------
    def resident(self, *args):
        """Starts a client that stays and reads messages as JSON lines, as an editor or a GUI does."""
        cmd = ["claude", "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose",
               "--permission-prompt-tool", "stdio", *args]
        self.mark("start", cmd=" ".join(cmd))
        self.out = os.path.join(self.dir, "headless.out")
        p = subprocess.Popen([os.path.join(self.dir, "bin", "claude"), *cmd[1:]], cwd=self.proj, env=self.env(),
                             stdin=subprocess.PIPE, stdout=open(self.out, "ab"), stderr=subprocess.STDOUT, start_new_session=True)
        self.procs.append(p)
        self.client = p
        return p

    def send(self, message):
        self.client.stdin.write(json.dumps(message).encode() + b"\n")
        self.client.stdin.flush()

    def ask(self, text):
        """Sends a prompt to the resident client."""
        self.mark("prompt", text=text)
        self.send({"type": "user", "message": {"role": "user", "content": [{"type": "text", "text": text}]}})

    def control(self, request, why):
        """Sends a control request to the resident client, such as an interrupt."""
        self.mark(why)
        self.send({"type": "control_request", "request_id": "driver-%d" % time.monotonic_ns(), "request": request})

    def answer(self, request, response, why):
        """Answers the open prompt of the resident client."""
        self.mark(why)
        self.send({"type": "control_response", "response": {"subtype": "success", "request_id": request["request_id"], "response": response}})

    def messages(self):
        out = []
        for line in open(self.out, errors="replace"):
            try:
                out.append(json.loads(line))
            except ValueError:
                pass
        return out

    def wait_message(self, pick, count=1, timeout=30):
        """Waits for the count-th message of the resident client that `pick` accepts, and returns it."""
        end = time.time() + timeout
        while time.time() < end:
            found = [m for m in self.messages() if pick(m)]
            if len(found) >= count:
                return found[count - 1]
            if self.client.poll() is not None:
                break
            time.sleep(0.03)
        raise Failed("the client never sent such a message; it said:\n%s" % open(self.out, errors="replace").read()[-1500:])

    def wait_asked(self, count=1):
        """Waits until the resident client opens a permission, a question or a plan."""
        m = self.wait_message(lambda m: m.get("type") == "control_request" and m["request"].get("subtype") == "can_use_tool", count)
        self.mark("asked")
        return m

    def wait_result(self, count=1):
        """Waits until the resident client's turn is over."""
        m = self.wait_message(lambda m: m.get("type") == "result", count)
        self.mark("result")
        return m

    def wait_file_status(self, pid, timeout=20):
        """Waits until the client has written a status to its session file."""
        path = os.path.join(self.home, ".claude", "sessions", "%d.json" % pid)
        end = time.time() + timeout
        while time.time() < end:
            try:
                if json.load(open(path)).get("status"):
                    return self.mark("loaded")
            except (OSError, ValueError):
                pass
            time.sleep(0.03)
        raise Failed("no status in %s" % path)

    def leave(self):
        """Closes the resident client's standard input, so that the client exits."""
        self.mark("close input")
        self.client.stdin.close()
        try:
            self.client.wait(20)
        except subprocess.TimeoutExpired:
            raise Failed("the client did not leave when its input was closed")
        self.mark("left", rc=self.client.returncode)
        time.sleep(0.5)

    # -- tmux -----------------------------------------------------------------------
    def tmux(self, *a, check=True):
        r = subprocess.run(["tmux", "-L", "h", "-f", "/dev/null", *a], env=self.env(), cwd=self.proj, capture_output=True, text=True)
        if check and r.returncode:
            raise Failed("tmux %s: %s" % (a, r.stderr))
        return r.stdout

    def shell(self, target="main:0.0"):
        if not self.tmux_up:
            self.tmux("new-session", "-d", "-x", "150", "-y", "50", "-s", "main", "-c", self.proj, "bash --noprofile --rcfile %s -i" % sh_quote(os.path.join(self.dir, "bashrc")))
            self.tmux_up = True
        return target

    def split(self):
        self.tmux("split-window", "-h", "-t", "main:0", "-c", self.proj, "bash --noprofile --rcfile %s -i" % sh_quote(os.path.join(self.dir, "bashrc")))
        return "main:0.1"

    def screen(self, t="main:0.0"):
        return self.tmux("capture-pane", "-p", "-t", t, check=False)

    def snap(self, label, t="main:0.0"):
        self.nscreen += 1
        with open(os.path.join(self.dir, "screens", "%02d-%s.txt" % (self.nscreen, label)), "w") as f:
            f.write(self.screen(t))

    def wait(self, rx, timeout=30, t="main:0.0", absent=False, soft=False):
        end = time.time() + timeout
        while time.time() < end:
            s = self.screen(t)
            if bool(re.search(rx, s, re.M)) != absent:
                return True
            time.sleep(0.05)
        self.snap("timeout", t)
        if soft:
            self.mark("did not see", rx=rx)
            return False
        raise Failed("screen never showed %r; last screen:\n%s" % (rx, self.screen(t)))

    def mock_wait(self, kind="done", scenario=None, turn=None, count=1, timeout=30):
        end = time.time() + timeout
        while time.time() < end:
            n = 0
            if os.path.exists(self.mocklog):
                for l in open(self.mocklog):
                    try:
                        d = json.loads(l)
                    except ValueError:
                        continue
                    if d.get("kind") == kind and (scenario is None or d.get("scenario") == scenario) and (turn is None or d.get("turn") == turn):
                        n += 1
            if n >= count:
                return True
            time.sleep(0.03)
        self.snap("timeout")
        raise Failed("mock log never held %s %s %s x%d; screen:\n%s" % (kind, scenario, turn, count, self.screen() if self.tmux_up else ""))

    def keys(self, *k, t="main:0.0", why=""):
        self.mark("keys", keys=list(k), why=why)
        self.tmux("send-keys", "-t", t, *k)

    def say(self, text, t="main:0.0"):
        """Types a prompt and Enter, as a user does: the text first, and Enter when the text is on the screen."""
        self.tmux("send-keys", "-t", t, "-l", text)
        time.sleep(0.4)
        self.mark("prompt", text=text)
        self.tmux("send-keys", "-t", t, "Enter")

    def command(self, line, what="command"):
        """Types a line into the shell of the first pane."""
        t = "main:0.0"
        self.mark(what, line=line)
        self.tmux("send-keys", "-t", t, "-l", line)
        self.tmux("send-keys", "-t", t, "Enter")

    READY = r"^\s*❯"

    def claude(self, *args, t="main:0.0", ready=True):
        self.shell(t)
        self.wait(r"\$ *$", 10, t)
        cmd = "claude " + " ".join(args)
        self.mark("start", cmd=cmd.strip())
        self.tmux("send-keys", "-t", t, "-l", cmd.strip())
        self.tmux("send-keys", "-t", t, "Enter")
        if ready:
            self.wait(self.READY, 40, t)
            time.sleep(1.0)
            self.snap("ready", t)

    def pid(self, t="main:0.0"):
        """Returns the pid of the client in pane t: the pane's first process, or the nearest one below it."""
        pp = self.tmux("display-message", "-p", "-t", t, "#{pane_pid}").strip()
        # tmux's own name of the running command cannot tell the two apart: it is the client in both cases.
        level = [int(pp)]
        while level:
            for pid in level:
                if open("/proc/%d/comm" % pid).read().strip().startswith("claude"):
                    return pid
            out = subprocess.run(["ps", "--ppid", ",".join(map(str, level)), "-o", "pid="], capture_output=True, text=True).stdout
            level = [int(pid) for pid in out.split()]
        return None

    def exit(self, t="main:0.0"):
        self.say("/exit", t)
        self.wait(r"^\$ *$", 20, t, soft=True)
        time.sleep(0.5)

    def close(self):
        cmd = os.environ.get("HARNESS_AT_END")
        if cmd:
            r = subprocess.run(["bash", "-c", cmd], env={**self.env(), "HARNESS_RUN_DIR": self.dir}, cwd=self.proj, capture_output=True, text=True)
            with open(os.path.join(self.dir, "at_end.txt"), "w") as f:
                f.write(r.stdout + r.stderr)
            print(r.stdout, end="")
        if self.tmux_up:
            self.snap("end")
            pids = [int(x) for x in self.tmux("list-panes", "-a", "-F", "#{pane_pid}", check=False).split()]
            kids = []
            for pp in pids:
                out = subprocess.run(["ps", "--ppid", str(pp), "-o", "pid="], capture_output=True, text=True).stdout
                kids += [int(x) for x in out.split()]
            self.tmux("kill-server", check=False)
            end = time.time() + 5
            while time.time() < end and any(os.path.exists("/proc/%d" % k) for k in kids):
                time.sleep(0.1)
            for k in kids:
                if os.path.exists("/proc/%d" % k):
                    os.kill(k, signal.SIGKILL)
        for p in self.procs:
            if p.poll() is None:
                p.terminate()
                try:
                    p.wait(5)
                except subprocess.TimeoutExpired:
                    p.kill()


def main():
    name, hook, sl, rundir, binary = sys.argv[1:6]
    from claude_scenarios import S
    if name == "--list":
        print("\n".join(S))
        return 0
    if name not in S:
        print("no such scenario; there are:\n  " + "\n  ".join(sorted(S)))
        return 2
    shutil.rmtree(rundir, ignore_errors=True)
    os.makedirs(rundir)
    try:
        r = Run(name, hook, sl, rundir, binary)
    except Failed as e:
        print("FAILED %s: %s" % (name, e))
        return 1
    rc = 0

    def give_up(signum, _frame):
        raise Failed("took longer than HARNESS_TIMEOUT" if signum == signal.SIGALRM else "stopped by a signal")
    signal.signal(signal.SIGALRM, give_up)
    signal.signal(signal.SIGTERM, give_up)
    signal.alarm(int(os.environ.get("HARNESS_TIMEOUT", "300")))
    try:
        r.start_mock()
        if os.environ.get("HARNESS_OBSERVE") == "1":
            r.start_observer()
        S[name](r)
        r.mark("end of scenario")
    except Failed as e:
        print("FAILED %s: %s" % (name, e))
        r.mark("failed", error=str(e)[:300])
        rc = 1
    finally:
        signal.alarm(0)
        r.close()
    return rc


if __name__ == "__main__":
    sys.exit(main())
