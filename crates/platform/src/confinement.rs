//! Compares the restrictions of another process with those of this process.
//!
//! A process in a sandbox may ask a process outside of the sandbox to act. A process that acts for another, or
//! trusts the memory of another, must first know that the other process could have acted itself.

/// Returns true if the kernel shows no restriction of process `pid` that this process does not have.
///
/// It compares the user, the user, process and mount namespaces, the root directory, the capabilities,
/// `no_new_privs` and the number of seccomp filters. An unprivileged process cannot enter a Landlock domain without
/// `no_new_privs`; the kernel does not show the domain itself.
#[cfg(target_os = "linux")]
pub fn is_no_more_confined(pid: u32) -> bool {
    let own = linux::Restrictions::of("self");
    let its = linux::Restrictions::of(&pid.to_string());
    own.zip(its).is_some_and(|(own, its)| its.is_as_free_as(&own))
}

/// Returns false: this system does not show the restrictions of a process.
#[cfg(not(target_os = "linux"))]
pub fn is_no_more_confined(_pid: u32) -> bool {
    false
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::PathBuf;

    /// The namespaces that decide which files, users and processes a process can name.
    const NAMESPACES: [&str; 3] = ["user", "pid", "mnt"];

    /// The restrictions of a process.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(super) struct Restrictions {
        /// The real, effective, saved and file system user, as the kernel writes them.
        pub(super) users: String,
        pub(super) namespaces: Vec<PathBuf>,
        /// The device and inode of the root directory.
        pub(super) root: (u64, u64),
        /// The permitted, effective and bounding capabilities.
        pub(super) capabilities: [u64; 3],
        /// `no_new_privs`, the seccomp mode and the number of seccomp filters. A higher number is more restricted.
        pub(super) flags: [u64; 3],
    }

    impl Restrictions {
        pub(super) fn of(process: &str) -> Option<Self> {
            let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
            let namespace = |name| fs::read_link(format!("/proc/{process}/ns/{name}")).ok();
            let root = fs::metadata(format!("/proc/{process}/root")).ok()?;
            let (users, capabilities, flags) = read_status(&status)?;
            Some(Self {
                users,
                namespaces: NAMESPACES.into_iter().map(namespace).collect::<Option<_>>()?,
                root: (root.dev(), root.ino()),
                capabilities,
                flags,
            })
        }

        pub(super) fn is_as_free_as(&self, own: &Self) -> bool {
            let capabilities = self.capabilities.iter().zip(&own.capabilities);
            let flags = self.flags.iter().zip(&own.flags);
            self.users == own.users
                && self.namespaces == own.namespaces
                && self.root == own.root
                && capabilities.into_iter().all(|(its, own)| its & own == *own)
                && flags.into_iter().all(|(its, own)| its <= own)
        }
    }

    /// Reads users, capabilities and flags from a `/proc/PID/status`.
    pub(super) fn read_status(status: &str) -> Option<(String, [u64; 3], [u64; 3])> {
        let field = |name: &str| {
            let lines = status.lines().filter_map(|line| line.split_once(':'));
            let mut found = lines.filter(|(field, _)| *field == name);
            found.next().map(|(_, value)| value.trim())
        };
        let mask = |name| u64::from_str_radix(field(name)?, 16).ok();
        let number = |name| field(name)?.parse().ok();
        // Kernels before 5.9 do not count the filters.
        let filters = field("Seccomp_filters").map_or(Some(0), |value| value.parse().ok())?;
        Some((
            field("Uid")?.to_owned(),
            [mask("CapPrm")?, mask("CapEff")?, mask("CapBnd")?],
            [number("NoNewPrivs")?, number("Seccomp")?, filters],
        ))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::linux::{Restrictions, read_status};
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn each_restriction_makes_a_process_less_free() {
        let own = Restrictions::of("self").unwrap();
        assert!(own.is_as_free_as(&own));
        let changes: [fn(&mut Restrictions); 7] = [
            |own| own.users.push('1'),
            |own| own.namespaces[0].push("x"),
            |own| own.namespaces[2].push("x"),
            |own| own.root.1 += 1,
            |own| own.flags[0] += 1,
            |own| own.flags[1] += 1,
            |own| own.flags[2] += 1,
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut its = own.clone();
            change(&mut its);
            assert!(!its.is_as_free_as(&own), "change {index}");
        }
        let privileged = Restrictions { capabilities: [0, 0, 1 << 21], ..own.clone() };
        let dropped = Restrictions { capabilities: [0, 0, 0], ..own };
        assert!(!dropped.is_as_free_as(&privileged));
        assert!(privileged.is_as_free_as(&dropped));
    }

    #[test]
    fn restrictions_are_read_from_the_status_file() {
        let text = "Name:\tx: y\nUid:\t1000\t1000\t1000\t1000\nCapPrm:\t0000000000000000\n\
                    CapEff:\t0000000000000000\nCapBnd:\t000001fffeffffff\nNoNewPrivs:\t1\n\
                    Seccomp:\t2\nSeccomp_filters:\t3\n";
        let expected =
            ("1000\t1000\t1000\t1000".to_owned(), [0, 0, 0x1ff_feff_ffff], [1_u64, 2, 3]);
        assert_eq!(read_status(text), Some(expected.clone()));
        let without_filters = text.replace("Seccomp_filters:\t3\n", "");
        assert_eq!(read_status(&without_filters).unwrap().2, [1, 2, 0]);
        assert_eq!(read_status(&text.replace("NoNewPrivs", "Other")), None);
    }

    #[test]
    fn process_with_no_new_privs_is_more_confined() {
        let start = |words: &[&str]| {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).stdin(Stdio::piped()).spawn().unwrap()
        };
        let mut free = start(&["cat"]);
        assert!(is_no_more_confined(free.id()));
        let mut confined = start(&["setpriv", "--no-new-privs", "cat"]);
        // `setpriv` sets the restriction before it executes `cat`.
        let is_set = || {
            let status = std::fs::read_to_string(format!("/proc/{}/status", confined.id()));
            status.unwrap().contains("NoNewPrivs:\t1")
        };
        while !is_set() {
            std::thread::yield_now();
        }
        assert!(!is_no_more_confined(confined.id()));
        for child in [&mut free, &mut confined] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(!is_no_more_confined(free.id()));
    }
}
