use crewboard_config::FileWatch;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Returns true if the watch has an event now.
fn is_ready(watch: &FileWatch) -> bool {
    let mut descriptors = [PollFd::new(watch, PollFlags::IN)];
    poll(&mut descriptors, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() > 0
}

/// Performs `action`. Fails unless the watch reports a change exactly if one is expected.
fn check(watch: &mut FileWatch, expected: bool, what: &str, action: impl FnOnce()) {
    action();
    let changed = is_ready(watch) && watch.changed();
    assert_eq!(changed, expected, "{what}");
    assert!(!is_ready(watch), "after: {what}");
}

fn write(path: &Path) {
    fs::write(path, "[board]\n").unwrap();
}

#[test]
fn watch_reports_writes_and_replacements() {
    let world = tempfile::tempdir().unwrap();
    let at = |name: &str| world.path().join(name);
    let path = at("config.toml");
    let mut watch = FileWatch::new(&path).unwrap();
    let watch = &mut watch;
    check(watch, false, "nothing", || {});
    check(watch, true, "written for the first time", || write(&path));
    check(watch, true, "written in place", || write(&path));
    check(watch, false, "a neighbour", || write(&at("other")));
    check(watch, false, "read", || drop(fs::read(&path).unwrap()));
    check(watch, true, "replaced by rename", || fs::rename(at("other"), &path).unwrap());
    check(watch, true, "written in place once more", || write(&path));
    check(watch, true, "moved away and written again", || {
        fs::rename(&path, at("backup")).unwrap();
        write(&path);
    });
    check(watch, true, "deleted", || fs::remove_file(&path).unwrap());
    check(watch, true, "a directory in its place", || fs::create_dir(&path).unwrap());
}

#[test]
fn watch_reports_created_and_removed_directories() {
    let world = tempfile::tempdir().unwrap();
    let at = |name: &str| world.path().join(name);
    let path = at("one/two/config.toml");
    let mut watch = FileWatch::new(&path).unwrap();
    let watch = &mut watch;
    check(watch, false, "another directory", || fs::create_dir(at("other")).unwrap());
    check(watch, true, "the first", || fs::create_dir(at("one")).unwrap());
    check(watch, true, "the second", || fs::create_dir(at("one/two")).unwrap());
    check(watch, true, "the file", || write(&path));
    check(watch, true, "all gone", || fs::remove_dir_all(at("one")).unwrap());
    check(watch, true, "all back at once", || {
        fs::create_dir_all(at("one/two")).unwrap();
        write(&path);
    });
    check(watch, true, "written in place", || write(&path));
    check(watch, true, "the directory moved away", || {
        fs::rename(at("one/two"), at("one/away")).unwrap();
    });
    check(watch, false, "written at the old path", || write(&at("one/away/config.toml")));
    check(watch, true, "moved back", || fs::rename(at("one/away"), at("one/two")).unwrap());
    check(watch, true, "written again", || write(&path));
}

#[test]
fn watch_ignores_neighbours_of_a_missing_directory() {
    let world = tempfile::tempdir().unwrap();
    let at = |name: &str| world.path().join(name);
    write(&at("neighbour"));
    let mut watch = FileWatch::new(&at("missing/config.toml")).unwrap();
    write(&at("neighbour"));
    assert!(!is_ready(&watch));
    check(&mut watch, true, "created", || fs::create_dir(at("missing")).unwrap());
    check(&mut watch, true, "written", || write(&at("missing/config.toml")));
    check(&mut watch, true, "written in place", || write(&at("missing/config.toml")));
}

#[test]
fn watch_follows_symbolic_links() {
    let world = tempfile::tempdir().unwrap();
    let at = |name: &str| world.path().join(name);
    for directory in ["config", "dotfiles", "dotfiles/new"] {
        fs::create_dir(at(directory)).unwrap();
    }
    write(&at("dotfiles/crewboard.toml"));
    write(&at("dotfiles/new/config.toml"));
    let path = at("config/config.toml");
    let mut watch = FileWatch::new(&path).unwrap();
    let watch = &mut watch;
    check(watch, true, "a link is created", || {
        symlink("../dotfiles/crewboard.toml", &path).unwrap();
    });
    check(watch, true, "its target is written", || write(&at("dotfiles/crewboard.toml")));
    check(watch, true, "its target is replaced", || {
        write(&at("dotfiles/new/other"));
        fs::rename(at("dotfiles/new/other"), at("dotfiles/crewboard.toml")).unwrap();
    });
    check(watch, true, "the link points elsewhere", || {
        symlink(at("dotfiles/new/config.toml"), at("config/link")).unwrap();
        fs::rename(at("config/link"), &path).unwrap();
    });
    check(watch, false, "the old target", || write(&at("dotfiles/crewboard.toml")));
    check(watch, true, "the new target", || write(&at("dotfiles/new/config.toml")));

    fs::remove_dir_all(at("config")).unwrap();
    assert!(watch.changed());
    check(watch, true, "the directory is a link", || {
        symlink("dotfiles/new", at("config")).unwrap();
    });
    check(watch, true, "written behind it", || write(&path));
    check(watch, true, "a link to itself", || {
        fs::remove_file(at("config")).unwrap();
        symlink("config", at("config")).unwrap();
    });
}
