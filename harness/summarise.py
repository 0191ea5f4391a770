#!/usr/bin/env python3
"""summarise.py DIR [SCENARIO...]   prints each recording as a sequence of events with ms offsets.

Offsets count from the driver's first act.  S0, S1 ... are session ids in order of appearance, A0 ... agent ids.
[..] is an act of the driver (keys, kills), <n> an answer of the model (mock turn n).
"""
import json, os, re, sys


def short(d, ids):
    s = d.get("stdin") or {}
    lab = d["argv"][2] if len(d["argv"]) > 2 else d["argv"][1]
    if d["argv"][1] == "statusline":
        lab = "statusline"
    x = []
    sid = s.get("session_id")
    if sid:
        x.append(ids.setdefault(("S", sid), "S%d" % sum(1 for k in ids if k[0] == "S")))
    if s.get("agent_id"):
        x.append(ids.setdefault(("A", s["agent_id"]), "A%d" % sum(1 for k in ids if k[0] == "A")))
    for k in ("source", "tool_name", "notification_type", "reason", "error", "trigger", "load_reason", "error_type"):
        v = s.get(k)
        if isinstance(v, str) and not (lab == "UserPromptSubmit" and k == "source"):
            x.append(v[:40].split("\n")[0])
    if lab == "Stop" and s.get("background_tasks"):
        x.append("bg:%d" % len(s["background_tasks"]))
    if s.get("is_interrupt"):
        x.append("is_interrupt")
    return lab + ("(" + ",".join(x) + ")" if x else "")


def seq(d, name):
    load = lambda p: [json.loads(l) for l in open(p)] if os.path.exists(p) else []
    rec = load(os.path.join(d, name + ".jsonl"))
    marks = load(os.path.join(d, name + ".marks.jsonl"))
    rows = [(r["wall_ns"], "h", r) for r in rec]
    for m in marks:
        if "mark" in m:
            rows.append((m["wall_ns"], "m", m))
        elif m["mock"].get("kind") in ("done", "error", "cut", "client_gone"):
            rows.append((m["wall_ns"], "k", m["mock"]))
    rows.sort(key=lambda r: r[0])
    t0, ids, out = (rows[0][0] if rows else 0), {}, []
    for t, k, r in rows:
        ms = (t - t0) // 1000000
        if k == "h":
            out.append("%d %s" % (ms, short(r, ids)))
        elif k == "m":
            if r["mark"] in ("end of scenario",):
                continue
            out.append("%d [%s]" % (ms, r.get("text") or r.get("cmd") or (" ".join(r["keys"]) + (": " + r["why"] if r.get("why") else "") if r.get("keys") else r["mark"])))
        else:
            what = {"done": "", "error": "error %s" % r.get("code"), "cut": "cut", "client_gone": "client hung up"}[r["kind"]]
            out.append("%d <%s%s%s>" % (ms, r.get("scenario") or r.get("aux") or "", "" if r.get("turn") is None else ":%s" % r["turn"], " " + what if what else ""))
    # fold runs of the same event
    fold = []
    for o in out:
        ms, e = o.split(" ", 1)
        if fold and fold[-1][1] == e:
            fold[-1][2] += 1
        else:
            fold.append([ms, e, 1])
    return ["%s %s%s" % (m, e, " x%d" % n if n > 1 else "") for m, e, n in fold]


if __name__ == "__main__":
    d = sys.argv[1]
    names = sys.argv[2:] or sorted(f[:-6] for f in os.listdir(d) if f.endswith(".jsonl") and not f.endswith((".marks.jsonl", ".files.jsonl")))
    for n in names:
        print("%s\n    %s" % (n, "\n    ".join(seq(d, n))))
