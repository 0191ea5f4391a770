#!/usr/bin/env python3
"""What an open board costs, and how soon it shows an event.

board.py PROGRAM [SECONDS]   e.g. board.py target/dist/crewboard 60

Runs the program's board on a pseudo-terminal of 120x30 in a private world and prints a Markdown table: wake-ups,
CPU time and bytes written over SECONDS at rest with no row, with rows told in minutes and with rows told in seconds; and
the time from an event's line written to the daemon's socket to the first byte the board writes of it.
"""
import fcntl, json, os, pty, select, shutil, signal, socket, statistics, struct, subprocess, sys, tempfile, termios, time

program = os.path.abspath(sys.argv[1])
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60
root = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
path = os.path.join(root, "s")
env = {"HOME": root, "PATH": "/usr/bin:/bin", "TERM": "xterm-256color", "LANG": "C.UTF-8", "CREWBOARD_SOCKET": path}
children = []


def boot():
    with open("/proc/sys/kernel/random/boot_id") as f:
        return int(f.read(8), 16)


BOOT = boot()


def event(session, kind, process=None, **fields):
    report = {"agent": "bench", "session": session, "source": "report", "place": {"host": "bench"},
              "stamp": {"boot": BOOT, "micros": time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000},
              "cwd": "/srv/" + session, "event": {"kind": kind, **fields}}
    if process:
        report["process"] = process
    return json.dumps({"type": "event", "hook_pid": os.getpid(), "report": report}).encode() + b"\n"


def process_of(child):
    with open("/proc/%d/stat" % child.pid) as f:
        return {"pid": child.pid, "start": int(f.read().rsplit(")", 1)[1].split()[19])}


def drain(fd, wait):
    """Bytes until nothing comes for `wait` seconds."""
    count = 0
    while select.select([fd], [], [], wait)[0]:
        count += len(os.read(fd, 65536))
    return count


def switches(pid):
    """Wake-ups, and times that something else took the processor away: of those the machine's load has a part."""
    with open("/proc/%d/status" % pid) as f:
        return [int(line.split()[1]) for line in f if "ctxt_switches" in line]


def cpu_ms(pid):
    with open("/proc/%d/schedstat" % pid) as f:
        return int(f.read().split()[0]) / 1e6


def rest(name, pid, fd):
    before = switches(pid), cpu_ms(pid)
    written, end = 0, time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([fd], [], [], left)[0]:
            written += len(os.read(fd, 65536))
    after = switches(pid), cpu_ms(pid)
    woken, preempted = (after[0][index] - before[0][index] for index in range(2))
    print("| %s | %d | %d | %.1f ms | %d |" % (name, woken, preempted, after[1] - before[1], written), flush=True)


def connect():
    """A connection of its own after each rest: the daemon closes one that asks for nothing for long."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection


def main():
    # The hooks count as installed, so that an empty board says what it says to most people.
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(program, [program], env)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
    os.kill(pid, signal.SIGWINCH)
    drain(fd, 1)
    print("| an open board over %.0f s | wake-ups | pre-empted | CPU | bytes |\n| --- | --- | --- | --- | --- |" % seconds)
    rest("no row", pid, fd)
    daemon = connect()
    for index in range(10):
        children.append(subprocess.Popen(["sleep", "1000"]))
        daemon.sendall(event("idle-%d" % index, "status_reported", process_of(children[-1]), status="idle"))
    drain(fd, 1)
    rest("ten rows at their prompts", pid, fd)
    daemon = connect()
    for index, child in enumerate(children):
        daemon.sendall(event("idle-%d" % index, "status_reported", process_of(child), status="working", activity="Bash cargo test"))
    drain(fd, 1)
    rest("ten rows that work", pid, fd)
    daemon = connect()
    times = []
    for index in range(200):
        # Longer than a frame's gap, so that each is drawn by itself.
        drain(fd, 0.06)
        status = ["permission", "working"][index % 2]
        line = event("idle-0", "status_reported", process_of(children[0]), status=status, activity="step %d" % index, text="go on?")
        begun = time.perf_counter_ns()
        daemon.sendall(line)
        select.select([fd], [], [], 5)
        times.append((time.perf_counter_ns() - begun) / 1e6)
    times.sort()
    print("\nFrom a line on the socket to the first byte on the terminal, 200 events, ms: "
          "p50 %.2f, p90 %.2f, p99 %.2f." % (statistics.median(times), times[180], times[198]))
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)


try:
    main()
finally:
    for child in children:
        child.kill()
    subprocess.run([program, "daemon", "stop"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.rmtree(root, ignore_errors=True)
