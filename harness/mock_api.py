#!/usr/bin/env python3
"""Serves a scripted replacement of the model API that Claude Code calls.

Python standard library only; binds to a loopback address only.

  mock_api.py [--host 127.0.0.1] [--port 0] [--port-file FILE] [--log FILE] [--scenarios FILE]

Implements the part of the Anthropic Messages API that a real client needs for a scenario: POST /v1/messages (SSE and
plain), /v1/messages/count_tokens, GET /v1/models.

A scenario is a list of model turns; a keyword in the user's prompt selects it: `scn:NAME`.
The server stores no conversation: the turn number is the count of assistant turns after the newest
user message with a keyword, so retries, resumed sessions, subagents (whose prompt has a keyword of
its own) and parallel sessions need no state.  Only "error" items count attempts.

A turn is a dict:
  {"text": "..."}                         text block
  {"think": "..."}                        thinking block
  {"tools": [["Bash", {...}], ...]}       tool calls, in one assistant message
  {"chunk_ms": 40, "chunk": 8}            pace of the text stream (ms between pieces, characters a piece)
  {"delay_ms": 500}                       wait before the first byte
  {"errors": [529, 529]}                  answer the first len(errors) attempts of this turn with these codes
  {"error_type": "..."}                   error type for them
  {"cut_after": 3}                        close the connection after this number of text pieces
  {"headers": {"name": "value"}}          more headers of the answer; {in:SECONDS} becomes a Unix time
Tool inputs may have {cwd} and {home}, which become MOCK_CWD and MOCK_HOME, and {plan_file}, the plan file that
plan mode names.
"""
import argparse, hashlib, json, os, re, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
KEY = re.compile(r"scn:([A-Za-z0-9_-]+)")
LOCK = threading.Lock()
ATTEMPTS = {}
SCENARIOS = {}
LOGFILE = None
SEQ = [0]

ERROR_TYPES = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
               404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error",
               500: "api_error", 529: "overloaded_error"}


def log(**kv):
    if not LOGFILE:
        return
    kv = {"wall_ns": time.time_ns(), "mono_ns": time.monotonic_ns(), **kv}
    with LOCK:
        with open(LOGFILE, "a") as f:
            f.write(json.dumps(kv) + "\n")


def fill(v):
    if isinstance(v, str):
        return (v.replace("{cwd}", os.environ.get("MOCK_CWD", os.getcwd()))
                 .replace("{home}", os.environ.get("MOCK_HOME", os.environ.get("HOME", "/"))))
    if isinstance(v, list):
        return [fill(x) for x in v]
    if isinstance(v, dict):
        return {k: fill(x) for k, x in v.items()}
    return v


def new_id(prefix):
    with LOCK:
        SEQ[0] += 1
        n = SEQ[0]
    return "%s_mock%s%06d" % (prefix, hashlib.sha1(str(os.getpid()).encode()).hexdigest()[:8], n)


def strip_noise(t):
    """Removes the text that the client itself adds to user messages, because a keyword there does not count."""
    t = re.sub(r"<system-reminder>.*?</system-reminder>", "", t, flags=re.S)
    t = re.sub(r"<task-notification>.*?</task-notification>", "", t, flags=re.S)
    t = re.sub(r"<(local-)?command-[a-z]+>.*?</(local-)?command-[a-z]+>", "", t, flags=re.S)
    return t


def pick(turns_after, scenario):
    sc = SCENARIOS.get(scenario)
    if sc is None:
        return {"text": "No scenario named %s." % scenario}
    turns = sc["turns"] if isinstance(sc, dict) else sc
    if turns_after < len(turns):
        return turns[turns_after]
    return {"text": "All done (%s, extra turn %d)." % (scenario, turns_after)}


def locate(msgs):
    """Takes a list of (role, text or None); returns (scenario, assistant turns after it, key text)."""
    for i in range(len(msgs) - 1, -1, -1):
        role, text = msgs[i]
        if role == "user" and text:
            m = None
            for m in KEY.finditer(strip_noise(text)):
                pass
            if m:
                n, prev = 0, None
                for r, _ in msgs[i + 1:]:
                    if r == "assistant" and prev != "assistant":
                        n += 1
                    prev = r
                return m.group(1), n, text
    return None, 0, ""


def next_error(turn, key):
    errs = turn.get("errors")
    if not errs:
        return None
    with LOCK:
        n = ATTEMPTS.get(key, 0)
        ATTEMPTS[key] = n + 1
    if n < len(errs):
        return errs[n]
    return errs[-1] if turn.get("forever") else None


def pieces(text, turn):
    size = int(turn.get("chunk", 24))
    for i in range(0, len(text), size):
        yield text[i:i + size]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mock"

    def log_message(self, *a):
        pass

    # -- plumbing ---------------------------------------------------------
    def body(self):
        n = int(self.headers.get("content-length") or 0)
        if n:
            raw = self.rfile.read(n)
        elif "chunked" in (self.headers.get("transfer-encoding") or ""):
            raw = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                if size == 0:
                    self.rfile.readline()
                    break
                raw += self.rfile.read(size)
                self.rfile.readline()
        else:
            raw = b""
        enc = (self.headers.get("content-encoding") or "").lower()
        if enc == "gzip":
            import gzip
            raw = gzip.decompress(raw)
        elif enc == "deflate":
            import zlib
            raw = zlib.decompress(raw)
        try:
            return json.loads(raw or b"{}")
        except Exception:
            return {"_raw": raw[:400].decode("latin1")}

    def send_json(self, code, obj, headers=()):
        data = json.dumps(obj).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for k, v in headers:
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(data)

    def start_sse(self, headers=()):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("cache-control", "no-cache")
        self.send_header("connection", "close")
        for k, v in headers:
            self.send_header(k, v)
        self.end_headers()
        self.close_connection = True

    def sse(self, obj, event=None):
        s = ("event: %s\n" % event if event else "") + "data: " + (obj if isinstance(obj, str) else json.dumps(obj)) + "\n\n"
        self.wfile.write(s.encode())
        self.wfile.flush()

    # -- routing ----------------------------------------------------------
    def do_GET(self):
        p = self.path.split("?")[0]
        log(kind="get", path=self.path)
        if p.endswith("/models"):
            ids = ["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"]
            return self.send_json(200, {"object": "list", "has_more": False, "models": [],
                                        "data": [{"id": i, "type": "model", "object": "model", "display_name": i,
                                                  "created_at": "2025-01-01T00:00:00Z", "created": 1, "owned_by": "mock"} for i in ids]})
        self.send_json(404, {"type": "error", "error": {"type": "not_found_error", "message": "mock: no such page"}})

    do_HEAD = do_GET

    def do_POST(self):
        p = self.path.split("?")[0]
        b = self.body()
        try:
            if p.endswith("/messages/count_tokens"):
                log(kind="count_tokens", path=self.path)
                return self.send_json(200, {"input_tokens": max(1, len(json.dumps(b)) // 4)})
            if p.endswith("/messages"):
                return self.api_anthropic(b)
            log(kind="post", path=self.path, body=str(b)[:400])
            self.send_json(404, {"type": "error", "error": {"type": "not_found_error", "message": "mock: no such page"}})
        except (BrokenPipeError, ConnectionResetError):
            log(kind="client_gone", path=self.path)
            self.close_connection = True

    # -- Anthropic Messages -------------------------------------------------
    def api_anthropic(self, b):
        msgs = []
        for m in b.get("messages", []):
            c = m.get("content")
            if isinstance(c, str):
                t = c
            else:
                t = "\n".join(x.get("text", "") for x in c or [] if x.get("type") == "text")
            msgs.append((m.get("role"), t))
        sysp = b.get("system") or ""
        if not isinstance(sysp, str):
            sysp = "\n".join(x.get("text", "") for x in sysp)
        tools = [t.get("name") for t in b.get("tools") or []]
        last = msgs[-1][1] if msgs else ""
        lastuser = next((t for r, t in reversed(msgs) if r == "user" and t), "")
        name, n, keytext = locate(msgs)
        aux = None
        if "create a detailed summary" in lastuser[-12000:] or "<summary>" in strip_noise(last)[-12000:]:
            aux, turn = "compact", {"text": "<analysis>The user ran a scripted scenario.</analysis>\n<summary>\nScripted scenario; nothing is pending.\n</summary>", "chunk_ms": 1500 if name == "slowcompact" else 30}
        elif not tools and b.get("output_config", {}).get("format") or "title" in sysp.lower() and not tools:
            aux, turn = "title", {"text": json.dumps({"title": "Mock session title", "isNewTopic": True})}
        elif "[SUGGESTION MODE" in lastuser or "suggestion mode" in lastuser.lower():
            aux, turn = "suggestion", {"text": ""}
        elif not tools and name is None:
            aux, turn = "other", {"text": "ok"}
        elif name is None:
            turn = {"text": "Hello from the mock. (No scn: keyword in the prompt.)"}
        elif not tools:
            aux, turn = "notools", {"text": "ok"}
        else:
            turn = pick(n, name)
        log(kind="anthropic", path=self.path, scenario=name, turn=n, aux=aux, model=b.get("model"), stream=bool(b.get("stream")),
            n_messages=len(msgs), tools=len(tools), max_tokens=b.get("max_tokens"),
            last=last[-300:], system=sysp[:200], ua=self.headers.get("user-agent"))
        if os.environ.get("MOCK_DUMP"):
            with open(os.path.join(os.environ["MOCK_DUMP"], "%d.json" % time.time_ns()), "w") as f:
                json.dump({"headers": {k: v for k, v in self.headers.items() if k.lower() not in ("authorization", "x-api-key")}, "body": b}, f, indent=1)
        turn = fill(turn)
        if "{plan_file}" in json.dumps(turn):
            pf = re.findall(r'[^\s"\\`]+/plans/[^\s"\\`]+\.md', json.dumps(b.get("messages", [])))
            turn = json.loads(json.dumps(turn).replace("{plan_file}", pf[-1] if pf else "/nonexistent/plan.md"))
        key = ("a", name, n, hashlib.sha1(keytext.encode()).hexdigest()) if not aux else ("aux", time.time_ns())
        err = next_error(turn, key) if not aux else None
        rid = new_id("req")
        also = [(k, re.sub(r"\{in:(\d+)\}", lambda m: str(int(time.time()) + int(m.group(1))), v)) for k, v in turn.get("headers", {}).items()]
        if err:
            if turn.get("error_delay_ms"):
                time.sleep(turn["error_delay_ms"] / 1000)
            et = turn.get("error_type") or ERROR_TYPES.get(err, "api_error")
            h = [("request-id", rid)] + also
            if err == 429:
                h += [("retry-after", str(turn.get("retry_after", 1)))]
            log(kind="error", code=err, scenario=name, turn=n)
            return self.send_json(err, {"type": "error", "error": {"type": et, "message": turn.get("message", "mock %s" % et)}, "request_id": rid}, h)
        if turn.get("delay_ms"):
            time.sleep(turn["delay_ms"] / 1000)
        blocks = []
        if turn.get("think"):
            blocks.append({"type": "thinking", "thinking": turn["think"], "signature": "bW9jaw=="})
        if turn.get("text"):
            blocks.append({"type": "text", "text": turn["text"]})
        for t in turn.get("tools", []):
            blocks.append({"type": "tool_use", "id": new_id("toolu"), "name": t[0], "input": t[1]})
        stop = turn.get("stop") or ("tool_use" if turn.get("tools") else "end_turn")
        usage = {"input_tokens": turn.get("input_tokens", 1200 + 10 * len(msgs)), "cache_creation_input_tokens": 0, "cache_read_input_tokens": turn.get("cache_read", 0), "output_tokens": 42, "service_tier": "standard"}
        mid = new_id("msg")
        if not b.get("stream"):
            return self.send_json(200, {"id": mid, "type": "message", "role": "assistant", "model": b.get("model"), "content": blocks,
                                        "stop_reason": stop, "stop_sequence": None, "usage": usage}, [("request-id", rid)] + also)
        self.start_sse([("request-id", rid)] + also)
        self.sse({"type": "message_start", "message": {"id": mid, "type": "message", "role": "assistant", "model": b.get("model"), "content": [],
                  "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 1}}}, "message_start")
        for i, bl in enumerate(blocks):
            if bl["type"] == "text":
                self.sse({"type": "content_block_start", "index": i, "content_block": {"type": "text", "text": ""}}, "content_block_start")
                for k, pc in enumerate(pieces(bl["text"], turn)):
                    if turn.get("cut_after") is not None and k >= turn["cut_after"]:
                        log(kind="cut", scenario=name, turn=n)
                        return
                    self.sse({"type": "content_block_delta", "index": i, "delta": {"type": "text_delta", "text": pc}}, "content_block_delta")
                    if turn.get("chunk_ms"):
                        time.sleep(turn["chunk_ms"] / 1000)
            elif bl["type"] == "thinking":
                self.sse({"type": "content_block_start", "index": i, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}, "content_block_start")
                for pc in pieces(bl["thinking"], turn):
                    self.sse({"type": "content_block_delta", "index": i, "delta": {"type": "thinking_delta", "thinking": pc}}, "content_block_delta")
                self.sse({"type": "content_block_delta", "index": i, "delta": {"type": "signature_delta", "signature": bl["signature"]}}, "content_block_delta")
            else:
                self.sse({"type": "content_block_start", "index": i, "content_block": {**bl, "input": {}}}, "content_block_start")
                self.sse({"type": "content_block_delta", "index": i, "delta": {"type": "input_json_delta", "partial_json": json.dumps(bl["input"])}}, "content_block_delta")
                if turn.get("tool_gap_ms"):
                    time.sleep(turn["tool_gap_ms"] / 1000)
            self.sse({"type": "content_block_stop", "index": i}, "content_block_stop")
        self.sse({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 42}}, "message_delta")
        self.sse({"type": "message_stop"}, "message_stop")
        log(kind="done", scenario=name, turn=n, aux=aux)


def main():
    global LOGFILE
    ap = argparse.ArgumentParser()
    ap.add_argument("--host", default="127.0.0.1")
    ap.add_argument("--port", type=int, default=0)
    ap.add_argument("--port-file")
    ap.add_argument("--log")
    ap.add_argument("--scenarios", default=os.path.join(HERE, "scenarios.json"))
    a = ap.parse_args()
    if a.host not in ("127.0.0.1", "::1", "localhost"):
        sys.exit("mock_api: loopback only")
    LOGFILE = a.log
    with open(a.scenarios) as f:
        SCENARIOS.update(json.load(f))
    srv = ThreadingHTTPServer((a.host, a.port), Handler)
    srv.daemon_threads = True
    if a.port_file:
        with open(a.port_file + ".tmp", "w") as f:
            f.write(str(srv.server_address[1]))
        os.rename(a.port_file + ".tmp", a.port_file)
    print("mock_api on %s:%d" % srv.server_address[:2], flush=True)
    try:
        srv.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
