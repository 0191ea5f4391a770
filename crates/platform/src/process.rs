use crate::Clock;
use crate::clock::{nanoseconds_ahead, own_nanoseconds_ahead};
#[cfg(target_os = "linux")]
use crate::kernel_file::read_kernel_file;
use crewboard_core::Process;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Maximum number of ancestors that are read. `claude` in a shell in a shell in tmux has four.
const MAX_ANCESTORS: usize = 24;

/// Maximum bytes read from a process's environment. The kernel allows more than a user needs.
#[cfg(target_os = "linux")]
const MAX_ENVIRONMENT: u64 = 256 * 1024;

/// Maximum bytes read from a process's arguments. A prompt among them may be long, and the arguments that are looked
/// for come before it.
#[cfg(target_os = "linux")]
const MAX_ARGUMENTS: u64 = 16 * 1024;

/// Maximum bytes of `/proc/PID/stat`, which holds about fifty numbers and a name of at most 64 bytes.
#[cfg(target_os = "linux")]
const MAX_STAT: u64 = 4096;

/// Maximum bytes of `/proc/PID/status`, which has about sixty lines.
#[cfg(target_os = "linux")]
const MAX_STATUS: u64 = 16 * 1024;

/// A process as the kernel describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    /// The pid and start time.
    pub process: Process,
    /// The pid of the parent.
    pub parent: u32,
    /// True if the process is suspended, by Ctrl-Z or a signal.
    pub suspended: bool,
    /// The path of the controlling terminal.
    pub tty: Option<String>,
}

/// Returns the process that has the number `pid` now.
pub fn find_process(pid: u32) -> Option<Process> {
    process_info(pid).map(|info| info.process)
}

/// Returns the parent, grandparent and so on of `process`, nearest first.
pub fn ancestors_of(process: Process) -> Vec<Process> {
    let mut ancestors = Vec::new();
    let mut pid = process_info(process.pid).map_or(0, |info| info.parent);
    while pid > 1 && ancestors.len() < MAX_ANCESTORS {
        let Some(info) = process_info(pid) else { break };
        ancestors.push(info.process);
        pid = info.parent;
    }
    ancestors
}

/// Returns the environment with which `pid` was started, or `None` if the user may not read it.
#[cfg(target_os = "linux")]
pub fn environment_of(pid: u32) -> Option<BTreeMap<String, String>> {
    use std::io::Read;
    let mut environment = Vec::new();
    let file = std::fs::File::open(format!("/proc/{pid}/environ")).ok()?;
    file.take(MAX_ENVIRONMENT).read_to_end(&mut environment).ok()?;
    let pairs = environment.split(|byte| *byte == 0).filter_map(|variable| {
        let (name, value) = std::str::from_utf8(variable).ok()?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    let mut variables = BTreeMap::new();
    for (name, value) in pairs {
        // Like `getenv`, this keeps the first of two equal names.
        variables.entry(name).or_insert(value);
    }
    Some(variables)
}

/// Returns the arguments with which `pid` was started, up to `MAX_ARGUMENTS`, or nothing if they cannot be read.
#[cfg(target_os = "linux")]
pub fn arguments_of(pid: u32) -> Vec<String> {
    let Ok(words) = read_kernel_file(&format!("/proc/{pid}/cmdline"), MAX_ARGUMENTS) else {
        return Vec::new();
    };
    let words = words.split(|byte| *byte == 0);
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Returns nothing: this system has no call for it that needs no unsafe code.
#[cfg(not(target_os = "linux"))]
pub fn arguments_of(_pid: u32) -> Vec<String> {
    Vec::new()
}

/// Returns `None`: this system does not show the environment of a process.
#[cfg(not(target_os = "linux"))]
pub fn environment_of(_pid: u32) -> Option<BTreeMap<String, String>> {
    None
}

/// Returns the name of the program that `pid` runs, or `None` if the kernel does not show it.
pub fn program_name(pid: u32) -> Option<String> {
    // Only Linux has this file.
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

/// Returns the pids of this user's processes that run a program with this name, as `comm` has it, in this pid namespace.
/// Returns none if the system has more than `max` processes, because a part of them could mislead.
pub fn processes_named(name: &str, max: usize) -> Vec<u32> {
    // Only Linux has these files.
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let pids: Vec<u32> = pids.take(max.saturating_add(1)).collect();
    if pids.len() > max {
        return Vec::new();
    }
    let is_ours = |pid| is_of_this_user(pid) && shares_pid_namespace_with(pid) == Some(true);
    let is_named = |pid| program_name(pid).as_deref() == Some(name);
    pids.into_iter().filter(|pid| is_named(*pid) && is_ours(*pid)).collect()
}

fn is_of_this_user(pid: u32) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(format!("/proc/{pid}"));
    metadata.is_ok_and(|found| found.uid() == rustix::process::geteuid().as_raw())
}

/// Returns the time at which a process started, in Unix milliseconds.
pub fn start_time_of(process: Process) -> u64 {
    let now = Clock::new().now();
    let started = process.start.saturating_mul(NANOSECONDS_OF_TICK.unsigned_abs() / 1_000_000);
    now.wall.0.saturating_sub((now.stamp.micros / 1000).saturating_sub(started))
}

/// Returns the working directory of `pid`, or `None` if the user may not read it.
pub fn working_directory_of(pid: u32) -> Option<PathBuf> {
    // Only Linux has this file.
    std::fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// Returns the kernel's name of this process's pid namespace, such as `pid:[4026531836]`.
pub fn pid_namespace() -> Option<String> {
    let link = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(link.to_str()?.to_owned())
}

/// Returns true if `pid` is in the pid namespace of this process, and `None` if the process has ended.
///
/// It reads the list of pids, which every user may read. A process can hide the link to its namespace.
pub fn shares_pid_namespace_with(pid: u32) -> Option<bool> {
    if cfg!(not(target_os = "linux")) {
        return Some(true);
    }
    // The kernel reports 0 for a process that has no pid in this namespace.
    if pid == 0 {
        return Some(false);
    }
    let status = read_status(pid)?;
    let mut lines = status.split(|byte| *byte == b'\n');
    let numbers = lines.find_map(|line| line.strip_prefix(b"NSpid:"))?;
    // A process has one pid in this namespace, and one more in each nested namespace.
    Some(numbers.split(u8::is_ascii_whitespace).filter(|number| !number.is_empty()).count() == 1)
}

/// Returns `/proc/PID/status`, which the daemon reads for each connection.
#[cfg(target_os = "linux")]
fn read_status(pid: u32) -> Option<Vec<u8>> {
    read_kernel_file(&format!("/proc/{pid}/status"), MAX_STATUS).ok()
}

/// Returns `None`: this system has no such file.
#[cfg(not(target_os = "linux"))]
fn read_status(_pid: u32) -> Option<Vec<u8>> {
    None
}

/// Returns the name of the host.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Returns the kernel's description of the process `pid`.
#[cfg(target_os = "linux")]
pub fn process_info(pid: u32) -> Option<ProcessInfo> {
    let line = read_kernel_file(&format!("/proc/{pid}/stat"), MAX_STAT).ok()?;
    let line = String::from_utf8_lossy(&line);
    // The second field is the program's name in parentheses. The name may contain spaces and parentheses.
    let (_, rest) = line.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    let parent = fields.next()?.parse().ok()?;
    let tty = fields.nth(2)?.parse().ok()?;
    let start = remove_offset(fields.nth(14)?.parse().ok()?, own_nanoseconds_ahead());
    let suspended = matches!(state, "T" | "t");
    Some(ProcessInfo { process: Process { pid, start }, parent, suspended, tty: tty_path(tty) })
}

/// Returns `process` with its start time in the machine's clock. A process in a time namespace reads a shifted start
/// time of itself.
pub fn in_machine_time(process: Process) -> Process {
    let start = remove_offset(process.start, nanoseconds_ahead(&process.pid.to_string()));
    Process { start, ..process }
}

/// Returns a start time without the offset of a time namespace.
fn remove_offset(start: u64, nanoseconds_ahead: i64) -> u64 {
    start.saturating_add_signed(-(nanoseconds_ahead / NANOSECONDS_OF_TICK))
}

/// The kernel counts start times in hundredths of a second.
const NANOSECONDS_OF_TICK: i64 = 10_000_000;

/// Returns the path of a terminal's device number, for pseudo-terminals and virtual consoles.
#[cfg(target_os = "linux")]
fn tty_path(device: i64) -> Option<String> {
    let device = u64::try_from(device).ok().filter(|device| *device != 0)?;
    let major = (device >> 8) & 0xfff;
    let minor = (device & 0xff) | ((device >> 12) & 0xf_ff00);
    match major {
        136..=143 => Some(format!("/dev/pts/{}", (major - 136) * 256 + minor)),
        4 => Some(format!("/dev/tty{minor}")),
        _ => None,
    }
}

/// Returns the kernel's description of the process `pid`.
#[cfg(target_os = "macos")]
pub fn process_info(pid: u32) -> Option<ProcessInfo> {
    use libproc::bsd_info::BSDInfo;
    let info = libproc::proc_pid::pidinfo::<BSDInfo>(i32::try_from(pid).ok()?, 0).ok()?;
    let start = info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec;
    Some(ProcessInfo {
        process: Process { pid, start },
        parent: info.pbi_ppid,
        suspended: false,
        tty: None,
    })
}

/// Returns the id of the calling thread.
#[cfg(target_os = "linux")]
pub fn this_thread() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()
}

/// Returns 0: this system has no call for it that needs no unsafe code.
#[cfg(not(target_os = "linux"))]
pub fn this_thread() -> u32 {
    0
}

/// Returns the number of the current wait of a thread of this process, or `None` if the thread runs or is ready to
/// run. Each wait has another number.
#[cfg(target_os = "linux")]
pub fn is_waiting(thread: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/self/task/{thread}/status")).ok()?;
    let field = |name: &str| {
        status.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
    };
    let waits = field("State")?.starts_with(['S', 'D']);
    waits.then(|| field("voluntary_ctxt_switches")?.parse().ok()).flatten()
}

/// Returns `Some(0)`: this system does not show it, so the thread counts as waiting.
#[cfg(not(target_os = "linux"))]
pub fn is_waiting(_thread: u32) -> Option<u64> {
    Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_process_has_a_start_and_a_parent() {
        let own = process_info(std::process::id()).unwrap();
        assert_eq!(own.parent, std::os::unix::process::parent_id());
        assert!(own.process.start > 0);
        assert_eq!(find_process(own.process.pid), Some(own.process));
        assert_eq!(ancestors_of(own.process).first(), find_process(own.parent).as_ref());
        #[cfg(target_os = "linux")]
        assert_eq!(working_directory_of(own.process.pid), std::env::current_dir().ok());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn own_process_is_found_by_name_with_its_start_time() {
        let own = std::process::id();
        let name = program_name(own).unwrap();
        assert!(processes_named(&name, usize::MAX).contains(&own));
        assert!(processes_named("no such program", usize::MAX).is_empty());
        assert!(processes_named(&name, 1).is_empty(), "a part of the processes was searched");
        let age = Clock::new().now().wall.0 - start_time_of(find_process(own).unwrap());
        assert!(age < 3_600_000, "{age}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn arguments_of_own_process_are_read() {
        let own: Vec<String> = std::env::args().collect();
        assert_eq!(arguments_of(std::process::id())[..own.len()], own);
        assert!(arguments_of(u32::MAX).is_empty());
    }

    #[test]
    fn offset_of_a_time_namespace_is_removed() {
        assert_eq!(remove_offset(8_640_025, 86_400_000_000_000), 25);
        assert_eq!(remove_offset(25, -86_400_000_000_000), 8_640_025);
        assert_eq!(remove_offset(25, 86_400_000_000_000), 0);
        let own = find_process(std::process::id()).unwrap();
        assert_eq!(in_machine_time(own), own);
    }

    #[test]
    fn unknown_pid_has_no_process_info() {
        assert_eq!(process_info(u32::MAX), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn terminal_devices_have_paths() {
        assert_eq!(tty_path(0), None);
        assert_eq!(tty_path(34816), Some("/dev/pts/0".to_owned()));
        assert_eq!(tty_path(34819), Some("/dev/pts/3".to_owned()));
        assert_eq!(tty_path(35072), Some("/dev/pts/256".to_owned()));
        assert_eq!(tty_path(1025), Some("/dev/tty1".to_owned()));
    }
}
