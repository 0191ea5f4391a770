#!/usr/bin/env python3
"""make_tables.py   writes recordings/README.md: findings.md, then a table for each client with its recordings as sequences."""
import json, os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from summarise import seq

HERE = os.path.dirname(os.path.abspath(__file__))
REC = os.path.join(HERE, "recordings")
out = [open(os.path.join(HERE, "findings.md")).read().rstrip(), "",
       "# Sequences", "",
       "Milliseconds from the driver's first act. `[...]` is an act of the user, `<scenario:n>` the time at which the mock had sent turn n",
       "(with `error CODE` if it sent an error). S0, S1 are session ids in order of appearance, A0, A1 agent ids, `bg:n` the number of",
       "`background_tasks` in Stop. `x n`: n in a row. Written by `make_tables.py`.", ""]
for client in sorted(os.listdir(REC)):
    d = os.path.join(REC, client)
    if not os.path.isdir(d):
        continue
    out += ["## " + client, "", "| scenario | sequence |", "|---|---|"]
    for f in sorted(os.listdir(d)):
        if f.endswith(".jsonl") and not f.endswith((".marks.jsonl", ".files.jsonl")):
            n = f[:-6]
            failed = any('"mark": "failed"' in l for l in open(os.path.join(d, n + ".marks.jsonl")))
            s = seq(d, n)
            out.append("| %s%s | %s |" % (n, " (driver gave up)" if failed else "", "; ".join(s).replace("|", "\\|")))
    out.append("")
with open(os.path.join(REC, "README.md"), "w") as f:
    f.write("\n".join(out))
