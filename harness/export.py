#!/usr/bin/env python3
"""export.py RUNDIR OUTDIR SCENARIO   normalises a run and saves it in OUTDIR.

SCENARIO.jsonl        the recorder's lines: one for each hook or status-line process, in order of mono_ns
SCENARIO.marks.jsonl  the acts of the driver and the requests to the mock API, on the same clocks
SCENARIO.files.jsonl  the lines of observe.py about disk and screen (HARNESS_OBSERVE=1), on the same clocks
"""
import json, os, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get("HARNESS_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "crewboard-harness")


def rules(rundir):
    home = os.path.join(rundir, "h")
    slug = lambda p: re.sub(r"[^A-Za-z0-9]", "-", p)
    real = os.path.realpath
    out = []
    for a, b in ((home, "/home/dev"), (rundir, "/home/dev/.run"), (HERE, "/opt/harness"), (sys.executable, "python3"),
                 (os.path.dirname(HERE), "/opt/src"), (CACHE, "/opt/clients")):
        for p in {a, real(a)}:
            out.append((p, b))
            if len(p) > 8:
                out.append((slug(p), slug(b)))
    return sorted(set(out), key=lambda x: -len(x[0]))


def main():
    rundir, outdir, name = sys.argv[1:4]
    rs = rules(os.path.abspath(rundir))
    cutpath = re.escape(os.path.dirname(os.path.dirname(sys.prefix))) + r'[^"\s\\]*' if len(sys.prefix.split("/")) > 4 else r"(?!)"

    def norm(line):
        for a, b in rs:
            line = line.replace(a, b)
        return re.sub(cutpath, "python3", line)     # a summary may end inside the interpreter's path
    os.makedirs(outdir, exist_ok=True)

    def load(p):
        if not os.path.exists(p):
            return []
        out = []
        for l in open(p, errors="replace"):
            try:
                out.append(json.loads(norm(l)))
            except ValueError:
                pass
        return out
    rec = sorted(load(os.path.join(rundir, "rec.jsonl")), key=lambda d: d["mono_ns"] or d["wall_ns"])
    marks = load(os.path.join(rundir, "marks.jsonl"))
    for d in load(os.path.join(rundir, "mock.jsonl")):
        marks.append({"wall_ns": d["wall_ns"], "mono_ns": d["mono_ns"], "mock": {k: d[k] for k in ("kind", "path", "scenario", "turn", "aux", "code", "tools", "model") if d.get(k) is not None}})
    marks.sort(key=lambda d: d["mono_ns"])
    files = sorted(load(os.path.join(rundir, "files.jsonl")), key=lambda d: d["mono_ns"])
    sets = [(name + ".jsonl", rec), (name + ".marks.jsonl", marks)]
    if files:
        sets.append((name + ".files.jsonl", files))
    elif os.path.exists(os.path.join(outdir, name + ".files.jsonl")):
        os.remove(os.path.join(outdir, name + ".files.jsonl"))  # from an older run
    for fn, rows in sets:
        with open(os.path.join(outdir, fn), "w") as f:
            for d in rows:
                f.write(json.dumps(d, ensure_ascii=False) + "\n")
    ours = [p for p in (os.path.expanduser("~"), os.path.dirname(HERE), CACHE, os.path.abspath(rundir)) if len(p) > 1]
    left = sum(1 for d in rec + marks + files if any(p + "/" in json.dumps(d) for p in ours))
    print("%s: %d hook lines, %d marks, %d file lines%s" % (name, len(rec), len(marks), len(files), ", %d lines still have a path of this machine" % left if left else ""))


main()
