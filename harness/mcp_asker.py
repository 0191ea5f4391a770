#!/usr/bin/env python3
"""Runs an MCP server on standard input and output with one tool, `ask`, that asks the user for a name (elicitation)."""
import json, sys


def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


FORM = {"type": "object", "properties": {"name": {"type": "string", "title": "Name"}}, "required": ["name"]}
TOOL = {"name": "ask", "description": "Asks the user for a name", "inputSchema": {"type": "object", "properties": {}}}
call = None
for line in sys.stdin:
    message = json.loads(line)
    method, number = message.get("method"), message.get("id")
    if method == "initialize":
        version = message["params"]["protocolVersion"]
        send(id=number, result={"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "asker", "version": "1"}})
    elif method == "tools/list":
        send(id=number, result={"tools": [TOOL]})
    elif method == "tools/call":
        call = number
        send(id="form", method="elicitation/create", params={"message": "Which name shall it have?", "requestedSchema": FORM})
    elif number == "form":
        send(id=call, result={"content": [{"type": "text", "text": json.dumps(message.get("result") or message.get("error"))}]})
    elif method and number is not None:
        send(id=number, result={})
