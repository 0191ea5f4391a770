//! Another program writes the settings at the same time as install or uninstall.

use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::super::profile::NewContent;
use super::super::replace::Step;
use super::super::settings_file::SettingsFile;
use super::super::{BackupKind, apply_change};
use super::*;

const OTHER: &str = "{\"changed\": true}";

impl World {
    fn install_change(&self) -> Change {
        let entries = (AGENTS[0].hooks.entries)("/opt/crewboard", None);
        Change::of_install(&self.profile(), &entries, Duration::ZERO).unwrap()
    }

    fn uninstall_change(&self) -> Change {
        Change::of_uninstall(&self.profile(), Duration::ZERO).unwrap()
    }

    /// Installs, while `at` acts as another program.
    fn install_while(&self, on_step: &mut dyn FnMut(Step)) -> Result<BackupKind, InstallError> {
        let recompute = || Ok(self.install_change());
        let applied = apply_change(self.install_change(), recompute, Duration::ZERO, on_step)?;
        Ok(applied.expect("no other process installs").1)
    }

    fn uninstall_while(&self, on_step: &mut dyn FnMut(Step)) -> Result<(), InstallError> {
        let recompute = || Ok(self.uninstall_change());
        apply_change(self.uninstall_change(), recompute, Duration::ZERO, on_step).map(drop)
    }

    /// Replaces the settings by rename, as another program does.
    fn rename_in(&self, text: &str) {
        let new = self.root.path().join("new.json");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.settings()).unwrap();
    }

    fn assert_merged(&self, text: &str) {
        let uninstalled = self.uninstall_change();
        assert!(self.text().contains("/opt/crewboard"), "{}", self.text());
        assert_eq!(uninstalled.after_text().trim_end(), text.trim_end());
        let names: Vec<String> = self.files().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["settings.json", "settings.json.crewboard-backup"]);
    }
}

/// Returns a callback that acts once, at the first time of a step.
fn once_at(step: Step, mut act: impl FnMut()) -> impl FnMut(Step) {
    let mut is_done = false;
    move |now| {
        if now == step && !is_done {
            is_done = true;
            act();
        }
    }
}

#[test]
fn install_keeps_a_change_of_another_program() {
    let world = World::with(SETTINGS);
    let entries = (AGENTS[0].hooks.entries)("/opt/crewboard", None);
    let change = || Change::of_install(&world.profile(), &entries, Duration::ZERO).unwrap();
    let apply =
        |change: Change| change.apply(Duration::ZERO, Flush::Before, &mut |_| {}).unwrap_err();
    for changed in ["{\"changed\": true}", ""] {
        let change = change();
        fs::write(world.settings(), changed).unwrap();
        let error = apply(change);
        assert!(matches!(error, InstallError::Changed(_)), "{error}");
        assert_eq!(world.text(), changed);
    }
    let removed = change();
    fs::remove_file(world.settings()).unwrap();
    assert!(matches!(apply(removed), InstallError::Changed(_)));
    let created = change();
    fs::write(world.settings(), "{}").unwrap();
    assert!(matches!(apply(created), InstallError::Changed(_)));
    assert_eq!(world.files(), [("settings.json".to_owned(), "{}".to_owned())]);
}

#[test]
fn install_merges_a_rename_at_any_step() {
    for step in [Step::Ready, Step::Exchanged, Step::Written] {
        let world = World::with(SETTINGS);
        let backup = world.install_while(&mut once_at(step, || world.rename_in(OTHER))).unwrap();
        world.assert_merged(OTHER);
        assert_eq!(backup, BackupKind::Original(world.backup()));
        assert_eq!(fs::read_to_string(world.backup()).unwrap(), OTHER, "{step:?}");
    }
}

#[test]
fn install_merges_a_write_in_place_at_any_step() {
    for step in [Step::Ready, Step::Exchanged, Step::Written] {
        let world = World::with(SETTINGS);
        world
            .install_while(&mut once_at(step, || fs::write(world.settings(), OTHER).unwrap()))
            .unwrap();
        world.assert_merged(OTHER);
    }
}

#[test]
fn install_merges_a_write_to_a_hard_link_at_any_step() {
    for step in [Step::Ready, Step::Written] {
        for text in ["{}", OTHER] {
            let world = World::with(SETTINGS);
            let other = world.root.path().join("other.json");
            fs::hard_link(world.settings(), &other).unwrap();
            world.install_while(&mut once_at(step, || fs::write(&other, text).unwrap())).unwrap();
            assert_eq!(world.text(), fs::read_to_string(&other).unwrap());
            assert!(world.text().contains("/opt/crewboard"));
            assert_eq!(fs::read_to_string(world.backup()).unwrap(), text);
        }
    }
}

#[test]
fn install_merges_a_write_that_began_before_it() {
    // The program opens the file at one step and writes at another. In between, the file may be empty or renamed.
    let steps = [Step::Ready, Step::Exchanged, Step::Written];
    for (index, open) in steps.iter().enumerate() {
        for write in &steps[index..] {
            let world = World::with(SETTINGS);
            let mut opened = None;
            let mut is_done = false;
            world
                .install_while(&mut |step| {
                    if step == *open && opened.is_none() && !is_done {
                        opened = Some(File::create(world.settings()).unwrap());
                    }
                    if step == *write
                        && let Some(mut file) = opened.take()
                    {
                        is_done = true;
                        file.write_all(OTHER.as_bytes()).unwrap();
                    }
                })
                .unwrap();
            world.assert_merged(OTHER);
        }
    }
}

#[test]
fn install_merges_a_write_to_the_displaced_file() {
    let world = World::with(SETTINGS);
    let mut open = Some(File::options().write(true).open(world.settings()).unwrap());
    let write = |file: File| {
        file.set_len(0).unwrap();
        (&file).write_all(OTHER.as_bytes()).unwrap();
    };
    // The program writes to the displaced file.
    world
        .install_while(&mut once_at(Step::Written, || open.take().into_iter().for_each(write)))
        .unwrap();
    world.assert_merged(OTHER);
}

#[test]
fn install_keeps_the_newest_text_of_several_programs() {
    let world = World::with(SETTINGS);
    let mut round = 0;
    world
        .install_while(&mut |step| {
            round += 1;
            match (round, step) {
                (1, _) => world.rename_in("{\"first\": 1}"),
                // The text of the first program is being restored.
                (2, Step::Exchanged) => world.rename_in("{\"second\": 2}"),
                (3, Step::Exchanged) => fs::write(world.settings(), "{\"third\": 3}").unwrap(),
                _ => {}
            }
        })
        .unwrap();
    world.assert_merged("{\"third\": 3}");
}

#[test]
fn install_merges_again_when_its_text_is_overwritten() {
    let world = World::with(SETTINGS);
    // The program had read the file before install, and writes its own text afterwards.
    let mut times = 0;
    world
        .install_while(&mut |step| {
            if step == Step::Written && times < 3 {
                times += 1;
                world.rename_in(&format!("{{\"time\": {times}}}"));
            }
        })
        .unwrap();
    world.assert_merged("{\"time\": 3}");
}

#[test]
fn install_fails_if_a_program_writes_all_the_time() {
    let world = World::with(SETTINGS);
    let mut times = 0;
    let error = world
        .install_while(&mut |step| {
            if step == Step::Ready {
                times += 1;
                world.rename_in(&format!("{{\"time\": {times}}}"));
            }
        })
        .unwrap_err();
    assert!(error.to_string().contains("kept changing"), "{error}");
    assert_eq!(world.files(), [("settings.json".to_owned(), format!("{{\"time\": {times}}}"))]);
}

#[test]
fn empty_file_never_replaces_a_backup() {
    let world = World::with(SETTINGS);
    world.install(&yes()).unwrap();
    fs::write(world.settings(), "").unwrap();
    let output = world.install(&yes()).unwrap();
    assert!(output.contains("The file was empty. Backup of an older version: "), "{output}");
    assert_eq!(fs::read_to_string(world.backup()).unwrap(), SETTINGS);
    assert!(world.text().contains("crewboard"));
}

#[test]
fn install_reads_an_empty_or_broken_file_again() {
    // A text may end within a character.
    for half in [b"".as_slice(), b" \n", b"{\"model\": \"op", b"{\"hooks\": [", b"{\"a\": \"\xc3"] {
        let world = World::with("");
        fs::write(world.settings(), half).unwrap();
        let settings = world.settings();
        // The other program completes the file while install waits for the third time.
        let mut waits = 0;
        let wait = || {
            waits += 1;
            if waits == 3 {
                fs::write(&settings, SETTINGS).unwrap();
            }
        };
        let entries = (AGENTS[0].hooks.entries)("/opt/crewboard", None);
        let install = |file| Change::of_installed_file(&world.profile(), &entries, file);
        let change = SettingsFile::read_settled(&settings, wait, install).unwrap();
        assert_eq!(change.before(), SETTINGS);
    }
}

#[test]
fn uninstall_keeps_a_change_at_any_step() {
    let other = World::with("{\"other\": 1}\n");
    other.install_while(&mut |_| {}).unwrap();
    let other = other.text();
    for in_place in [false, true] {
        for step in [Step::Ready, Step::Exchanged, Step::Written] {
            let world = World::with("{\"mine\": 1}\n");
            world.install_while(&mut |_| {}).unwrap();
            let write = || {
                if in_place {
                    fs::write(world.settings(), &other).unwrap();
                } else {
                    world.rename_in(&other);
                }
            };
            world.uninstall_while(&mut once_at(step, write)).unwrap();
            assert_eq!(world.text(), "{\"other\": 1}\n", "{step:?} {in_place}");
        }
    }
}

#[test]
fn uninstall_keeps_a_created_file_that_was_written_since() {
    for step in [Step::Ready, Step::Exchanged, Step::Written] {
        let world = World::new();
        world.install_while(&mut |_| {}).unwrap();
        assert!(matches!(world.uninstall_change().after, Some(NewContent::Removed)));
        world.uninstall_while(&mut once_at(step, || world.rename_in(OTHER))).unwrap();
        assert_eq!(world.files(), [("settings.json".to_owned(), OTHER.to_owned())], "{step:?}");
    }
}

#[test]
fn install_merges_a_file_that_is_created_meanwhile() {
    for step in [Step::Ready, Step::Written] {
        let world = World::new();
        world.install_while(&mut once_at(step, || world.rename_in(OTHER))).unwrap();
        assert_eq!(world.uninstall_change().after_text(), OTHER);
        assert!(world.text().contains("/opt/crewboard"));
    }
}

#[test]
fn two_installs_at_once_make_one_change() {
    let world = World::with(SETTINGS);
    let entries = (AGENTS[0].hooks.entries)("/opt/crewboard", None);
    let recompute = || Change::of_install(&world.profile(), &entries, Duration::ZERO);
    let mut other = once_at(Step::Ready, || {
        world.install_while(&mut |_| {}).unwrap();
    });
    let applied =
        apply_change(world.install_change(), recompute, Duration::ZERO, &mut other).unwrap();
    assert!(applied.is_none());
    world.assert_merged(SETTINGS);
    assert_eq!(fs::read_to_string(world.backup()).unwrap(), SETTINGS);
}

/// The result of a program that counts up in the settings until the test ends.
#[derive(Debug, Default)]
struct CounterResult {
    writes: u64,
    lost: u64,
}

fn count_up(world: &World, in_place: bool, is_over: &AtomicBool) -> CounterResult {
    let mut counted = CounterResult::default();
    let has = |count: u64| {
        let text = fs::read_to_string(world.settings()).unwrap_or_default();
        text.contains(&format!("\"count\": {count},"))
    };
    while !is_over.load(Ordering::Relaxed) {
        // For a moment the text of install may be there, before it is moved back.
        let deadline = Instant::now() + Duration::from_secs(5);
        while !has(counted.writes) && Instant::now() < deadline {
            std::thread::yield_now();
        }
        counted.lost += u64::from(!has(counted.writes));
        let Ok(text) = fs::read_to_string(world.settings()) else { continue };
        let Some((start, rest)) = text.split_once("\"count\": ") else { continue };
        let (_, rest) = rest.split_once(',').unwrap();
        counted.writes += 1;
        let text = format!("{start}\"count\": {},{rest}", counted.writes);
        if in_place {
            fs::write(world.settings(), text).unwrap();
        } else {
            world.rename_in(&text);
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    counted
}

#[test]
fn install_loses_no_write_of_a_busy_program() {
    const SETTINGS: &str = "{\n  \"count\": 0,\n  \"mine\": \"x\"\n}\n";
    for in_place in [false, true] {
        let world = World::with(SETTINGS);
        let is_over = AtomicBool::new(false);
        let counted = std::thread::scope(|scope| {
            let writer = scope.spawn(|| count_up(&world, in_place, &is_over));
            let pause = Duration::from_millis(2);
            let entries = (AGENTS[0].hooks.entries)("/opt/crewboard", None);
            let end = Instant::now() + Duration::from_secs(2);
            while Instant::now() < end {
                let install = || Change::of_install(&world.profile(), &entries, pause);
                let uninstall = || Change::of_uninstall(&world.profile(), pause);
                for compute in [&install as &dyn Fn() -> _, &uninstall] {
                    // It may give up, but must not lose anything.
                    match compute()
                        .and_then(|change| apply_change(change, compute, pause, &mut |_| {}))
                    {
                        Ok(_) | Err(InstallError::Changed(_) | InstallError::Settings { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                    if let Ok(backup) = fs::read_to_string(world.backup()) {
                        assert!(backup.contains("\"mine\": \"x\""), "{backup:?}");
                    }
                }
            }
            is_over.store(true, Ordering::Relaxed);
            writer.join().unwrap()
        });
        assert!(counted.writes > 50 && counted.lost == 0, "in place {in_place}: {counted:?}");
        let text = world.text();
        assert!(text.contains("\"mine\": \"x\""), "{text}");
        world.uninstall(&yes()).unwrap();
        let names: Vec<String> = world.files().into_iter().map(|(name, _)| name).collect();
        assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
    }
}
