//! Install preserves links, group, access list and attributes of the settings, and a failure leaves no new file.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use crewboard_testkit::skip;
use rustix::fs::{XattrFlags, getxattr, setxattr};

use super::*;

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = [0; 256];
    let length = getxattr(path, name, value.as_mut_slice()).ok()?;
    Some(value[..length].to_vec())
}

#[test]
fn install_keeps_hard_links() {
    let world = World::with(SETTINGS);
    let other = world.root.path().join("dotfiles.json");
    fs::hard_link(world.settings(), &other).unwrap();
    let output = world.install(&yes()).unwrap();
    assert!(output.contains("Installed 16 hooks"), "{output}");
    assert_eq!(fs::metadata(&other).unwrap().nlink(), 2);
    assert!(fs::read_to_string(&other).unwrap().contains("crewboard"));
    assert_eq!(fs::read_to_string(world.backup()).unwrap(), SETTINGS);
    world.uninstall(&yes()).unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), SETTINGS);
    assert_eq!(world.files().len(), 1);
}

#[test]
fn install_keeps_attributes_and_access_lists() {
    let world = World::with(SETTINGS);
    if setxattr(world.settings(), "user.note", b"mine", XattrFlags::empty()).is_err() {
        return skip("the file system has no attributes");
    }
    // The access list of `setfacl -m u:1:rw`: user 1 may read and write.
    let list: Vec<u8> = [
        (0x01_u16, 6_u16, u32::MAX),
        (0x02, 6, 1),
        (0x04, 0, u32::MAX),
        (0x10, 6, u32::MAX),
        (0x20, 0, u32::MAX),
    ]
    .iter()
    .flat_map(|(tag, permissions, id)| {
        [tag.to_le_bytes().as_slice(), &permissions.to_le_bytes(), &id.to_le_bytes()].concat()
    })
    .collect();
    let list = [2_u32.to_le_bytes().as_slice(), &list].concat();
    let access = "system.posix_acl_access";
    let has_list = setxattr(world.settings(), access, &list, XattrFlags::empty()).is_ok();
    let before = (attribute(&world.settings(), access), mode(&world.settings()));
    assert_eq!(before.0.is_some(), has_list);
    for change in [World::install, World::uninstall] {
        change(&world, &yes()).unwrap();
        assert_eq!(attribute(&world.settings(), "user.note").as_deref(), Some(b"mine".as_slice()));
        assert_eq!((attribute(&world.settings(), access), mode(&world.settings())), before);
    }
}

#[test]
fn new_file_gets_no_access_list_from_its_directory() {
    let world = World::with(SETTINGS);
    let default = "system.posix_acl_default";
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 7, u32::MAX),
        (0x02, 6, 1),
        (0x04, 0, u32::MAX),
        (0x10, 7, u32::MAX),
        (0x20, 0, u32::MAX),
    ];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    if setxattr(world.directory(), default, &list, XattrFlags::empty()).is_err() {
        return skip("the file system has no access lists");
    }
    let before = mode(&world.settings());
    world.install(&yes()).unwrap();
    for path in [world.settings(), world.backup()] {
        assert_eq!(attribute(&path, "system.posix_acl_access"), None, "{}", path.display());
        assert_eq!(mode(&path), before);
    }
}

#[test]
fn install_keeps_the_group() {
    let world = World::with(SETTINGS);
    if std::os::unix::fs::chown(world.settings(), None, Some(4321)).is_err() {
        return skip("only root can set any group");
    }
    fs::set_permissions(world.settings(), Permissions::from_mode(0o640)).unwrap();
    for change in [World::install, World::uninstall] {
        change(&world, &yes()).unwrap();
        let metadata = fs::metadata(world.settings()).unwrap();
        assert_eq!((metadata.gid(), metadata.mode() & 0o777), (4321, 0o640));
    }
    world.install(&yes()).unwrap();
    assert_eq!(fs::metadata(world.backup()).unwrap().gid(), 4321);
}

#[test]
fn failed_install_removes_its_backup_and_directory() {
    let world = World::with(SETTINGS);
    // The write fails, because another program replaces the file with a directory.
    let entries = (AGENTS[0].hooks.entries)("/opt/crewboard", None);
    let change = || Change::of_install(&world.profile(), &entries, Duration::ZERO).unwrap();
    for former in [None, Some("{\"older\": 1}")] {
        fs::write(world.settings(), SETTINGS).unwrap();
        if let Some(former) = former {
            fs::write(world.backup(), former).unwrap();
        }
        let mut on_step = |step| {
            if step == super::super::replace::Step::Ready {
                fs::remove_file(world.settings()).unwrap();
                fs::create_dir(world.settings()).unwrap();
            }
        };
        change().apply(Duration::ZERO, Flush::Before, &mut on_step).unwrap_err();
        fs::remove_dir(world.settings()).unwrap();
        let expected: Vec<_> = former
            .map(|former| ("settings.json.crewboard-backup".to_owned(), former.to_owned()))
            .into_iter()
            .collect();
        assert_eq!(world.files(), expected);
        fs::write(world.settings(), SETTINGS).unwrap();
    }
    // A failure also removes new directories.
    let world = World::new();
    let change = Change::of_install(&world.profile(), &entries, Duration::ZERO).unwrap();
    let mut on_step = |step| {
        if step == super::super::replace::Step::Ready {
            fs::set_permissions(world.directory(), Permissions::from_mode(0o700)).unwrap();
            symlink("/nowhere", world.settings()).unwrap();
        }
    };
    change.apply(Duration::ZERO, Flush::Before, &mut on_step).unwrap_err();
    let names: Vec<_> = fs::read_dir(world.directory()).unwrap().collect();
    assert_eq!(names.len(), 1, "only the file of the other program remains: {names:?}");
}

#[test]
fn install_names_an_immutable_file_as_the_cause() {
    for (path, expected) in [
        ("home/.claude/settings.json", "it, or its directory, is marked immutable"),
        ("home/.claude", "home/.claude is marked immutable or append-only"),
    ] {
        let world = World::with(SETTINGS);
        let chattr = |flag: &str| {
            let output =
                Command::new("chattr").arg(flag).arg(world.root.path().join(path)).output();
            output.is_ok_and(|output| output.status.success())
        };
        if !chattr("+i") {
            return skip("not root, no `chattr`, or a file system without such marks");
        }
        let error = world.install(&yes()).unwrap_err().to_string();
        let files = world.files();
        assert!(chattr("-i"));
        assert!(error.contains(expected), "{error}");
        assert_eq!(files, [("settings.json".to_owned(), SETTINGS.to_owned())]);
    }
}

#[test]
fn install_creates_no_file_in_a_home_of_another_user() {
    let chown = |path: &Path, uid| std::os::unix::fs::chown(path, Some(uid), None);
    for (has_profile, name) in [
        (false, "home"),
        (true, "home"),
        (true, "home/.claude"),
        (true, "home/.claude/settings.json"),
    ] {
        let world = if has_profile { World::with(SETTINGS) } else { World::new() };
        if chown(&world.root.path().join(name), 1234).is_err() {
            return skip("only root can change the owner of a directory");
        }
        let error = world.install(&yes()).unwrap_err().to_string();
        assert!(error.contains("belongs to another user (uid 1234)"), "{name}: {error}");
        assert!(error.contains("run this as that user"), "{error}");
        assert_eq!(world.directory().exists(), has_profile);
        if has_profile {
            assert_eq!(world.files(), [("settings.json".to_owned(), SETTINGS.to_owned())]);
        }
        world.install(&InstallArguments { dry_run: true, ..yes() }).unwrap();
    }
}

#[test]
fn install_copies_no_program_to_a_home_of_another_user() {
    let mut world = World::with(SETTINGS);
    fs::remove_dir_all(world.root.path().join("home/.local")).unwrap();
    let program = world.root.path().join("crewboard");
    executable(&program, "program");
    world.environment.executable = Some(program);
    // The profile belongs to this user, the home directory does not.
    world.environment.profiles = vec![("CLAUDE_CONFIG_DIR", world.root.path().join("profile"))];
    let home = world.root.path().join("home");
    if std::os::unix::fs::chown(&home, Some(1234), None).is_err() {
        return skip("only root can change the owner of a directory");
    }
    let error = world.install(&yes()).unwrap_err();
    assert!(matches!(error, InstallError::ForeignDirectory { uid: 1234, .. }), "{error}");
    assert!(!home.join(".local").exists() && !world.root.path().join("profile").exists());
}

#[test]
fn install_refuses_to_make_a_file_too_large() {
    const LIMIT: usize = 2 * 1024 * 1024;
    let of_size = |size: usize| format!("{{\"a\": \"{}\"}}", "x".repeat(size - 9));
    let world = World::with(&of_size(LIMIT - 100));
    let before = world.files();
    let error = world.install(&yes()).unwrap_err();
    assert!(matches!(error, InstallError::WouldBeTooLarge(_)), "{error}");
    assert_eq!(world.files(), before);
    // Claude Code ignores this file anyway, so install changes it with a warning. Uninstall reads any size.
    let large = of_size(4 * 1024 * 1024 - 200);
    fs::write(world.settings(), &large).unwrap();
    let output = world.install(&yes()).unwrap();
    assert!(output.contains("the file: it is larger than 2 MiB"), "{output}");
    assert!(world.text().len() > 4 * 1024 * 1024);
    world.uninstall(&yes()).unwrap();
    assert_eq!(world.text(), large);
}

#[test]
fn install_refuses_a_file_in_a_package_store() {
    let file = super::super::settings_file::SettingsFile {
        target: "/nix/store/abc-settings.json".into(),
        text: Some(String::new()),
        metadata: Some(File::open("/").unwrap().metadata().unwrap()),
    };
    let error = file.write_method().unwrap_err().to_string();
    assert!(error.contains("which Nix manages"), "{error}");
}
