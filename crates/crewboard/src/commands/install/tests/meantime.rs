//! Another program writes the settings while install or uninstall does.

use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::super::profile::After;
use super::super::replace::Step;
use super::super::settings_file::SettingsFile;
use super::super::{ChangeKind, carry_out};
use super::*;

const OTHER: &str = "{\"changed\": true}";

impl World {
    fn install_change(&self) -> Change {
        let entries = registration::entries("/opt/crewboard", None);
        Change::of_install(&self.profile(), &entries, Duration::ZERO).unwrap()
    }

    fn uninstall_change(&self) -> Change {
        Change::of_uninstall(&self.profile(), Duration::ZERO).unwrap()
    }

    /// Installs while `at` does what another program does.
    fn install_while(&self, at: &mut dyn FnMut(Step)) -> Result<ChangeKind, InstallError> {
        let again = || Ok(self.install_change());
        let made = carry_out(self.install_change(), again, Duration::ZERO, at)?;
        Ok(made.expect("no other process installs").1)
    }

    fn uninstall_while(&self, at: &mut dyn FnMut(Step)) -> Result<(), InstallError> {
        let again = || Ok(self.uninstall_change());
        carry_out(self.uninstall_change(), again, Duration::ZERO, at).map(drop)
    }

    /// What another program does that writes a new file and renames it.
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

/// Does something at a step, the first time it comes.
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
fn a_change_in_the_meantime_is_kept() {
    let world = World::with(SETTINGS);
    let entries = registration::entries("/opt/crewboard", None);
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
    let made = change();
    fs::write(world.settings(), "{}").unwrap();
    assert!(matches!(apply(made), InstallError::Changed(_)));
    assert_eq!(world.files(), [("settings.json".to_owned(), "{}".to_owned())]);
}

#[test]
fn a_rename_at_any_step_of_install_is_merged() {
    for step in [Step::Ready, Step::Exchanged, Step::Written] {
        let world = World::with(SETTINGS);
        let kept = world.install_while(&mut once_at(step, || world.rename_in(OTHER))).unwrap();
        world.assert_merged(OTHER);
        assert_eq!(kept, ChangeKind::Original(world.backup()));
        assert_eq!(fs::read_to_string(world.backup()).unwrap(), OTHER, "{step:?}");
    }
}

#[test]
fn a_write_in_place_at_any_step_of_install_is_merged() {
    for step in [Step::Ready, Step::Exchanged, Step::Written] {
        let world = World::with(SETTINGS);
        world
            .install_while(&mut once_at(step, || fs::write(world.settings(), OTHER).unwrap()))
            .unwrap();
        world.assert_merged(OTHER);
    }
}

#[test]
fn a_write_to_a_hard_linked_file_at_any_step_is_merged() {
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
fn a_program_that_emptied_the_file_before_finishes_it_after() {
    // It opens at one step and writes at another; in between the file may be empty or under another name.
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
fn a_program_that_had_the_file_open_loses_nothing() {
    let world = World::with(SETTINGS);
    let mut open = Some(File::options().write(true).open(world.settings()).unwrap());
    let write = |file: File| {
        file.set_len(0).unwrap();
        (&file).write_all(OTHER.as_bytes()).unwrap();
    };
    // It writes to the file that was displaced.
    world
        .install_while(&mut once_at(Step::Written, || open.take().into_iter().for_each(write)))
        .unwrap();
    world.assert_merged(OTHER);
}

#[test]
fn two_programs_at_once_leave_the_newest_text() {
    let world = World::with(SETTINGS);
    let mut round = 0;
    world
        .install_while(&mut |step| {
            round += 1;
            match (round, step) {
                (1, _) => world.rename_in("{\"first\": 1}"),
                // While the first one's text is being put back.
                (2, Step::Exchanged) => world.rename_in("{\"second\": 2}"),
                (3, Step::Exchanged) => fs::write(world.settings(), "{\"third\": 3}").unwrap(),
                _ => {}
            }
        })
        .unwrap();
    world.assert_merged("{\"third\": 3}");
}

#[test]
fn a_program_that_takes_our_text_over_is_merged_with_again() {
    let world = World::with(SETTINGS);
    // It had read the file before us, and writes its own picture after us.
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
fn a_program_that_never_rests_is_told_and_keeps_its_text() {
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
fn an_empty_file_never_replaces_a_backup() {
    let world = World::with(SETTINGS);
    world.install(&yes()).unwrap();
    fs::write(world.settings(), "").unwrap();
    let said = world.install(&yes()).unwrap();
    assert!(said.contains("The file was empty. An older copy of it: "), "{said}");
    assert_eq!(fs::read_to_string(world.backup()).unwrap(), SETTINGS);
    assert!(world.text().contains("crewboard"));
}

#[test]
fn an_empty_or_broken_file_is_read_again_before_it_is_believed() {
    // A text may be cut in the middle of a character.
    for half in [b"".as_slice(), b" \n", b"{\"model\": \"op", b"{\"hooks\": [", b"{\"a\": \"\xc3"] {
        let world = World::with("");
        fs::write(world.settings(), half).unwrap();
        let settings = world.settings();
        // The other program finishes it while install waits for the third time.
        let mut waits = 0;
        let wait = || {
            waits += 1;
            if waits == 3 {
                fs::write(&settings, SETTINGS).unwrap();
            }
        };
        let entries = registration::entries("/opt/crewboard", None);
        let install = |file| Change::of_installed_file(&world.profile(), &entries, file);
        let change = SettingsFile::read_settled(&settings, wait, install).unwrap();
        assert_eq!(change.before(), SETTINGS);
    }
}

#[test]
fn a_change_at_any_step_of_uninstall_is_kept() {
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
fn a_file_that_install_made_and_another_program_wrote_is_kept() {
    for step in [Step::Ready, Step::Exchanged, Step::Written] {
        let world = World::new();
        world.install_while(&mut |_| {}).unwrap();
        assert!(matches!(world.uninstall_change().after, Some(After::Removed)));
        world.uninstall_while(&mut once_at(step, || world.rename_in(OTHER))).unwrap();
        assert_eq!(world.files(), [("settings.json".to_owned(), OTHER.to_owned())], "{step:?}");
    }
}

#[test]
fn a_file_that_another_program_makes_first_is_merged() {
    for step in [Step::Ready, Step::Written] {
        let world = World::new();
        world.install_while(&mut once_at(step, || world.rename_in(OTHER))).unwrap();
        assert_eq!(world.uninstall_change().after_text(), OTHER);
        assert!(world.text().contains("/opt/crewboard"));
    }
}

#[test]
fn two_installs_at_once_make_one_and_both_say_so() {
    let world = World::with(SETTINGS);
    let entries = registration::entries("/opt/crewboard", None);
    let again = || Change::of_install(&world.profile(), &entries, Duration::ZERO);
    let mut other = once_at(Step::Ready, || {
        world.install_while(&mut |_| {}).unwrap();
    });
    let made = carry_out(world.install_change(), again, Duration::ZERO, &mut other).unwrap();
    assert!(made.is_none());
    world.assert_merged(SETTINGS);
    assert_eq!(fs::read_to_string(world.backup()).unwrap(), SETTINGS);
}

/// What a program has seen that counts up in the settings, as often as it can, until the test ends.
#[derive(Debug, Default)]
struct CountCategory {
    times: u64,
    lost: u64,
}

fn count_up(world: &World, in_place: bool, is_over: &AtomicBool) -> CountCategory {
    let mut counted = CountCategory::default();
    let has = |count: u64| {
        let text = fs::read_to_string(world.settings()).unwrap_or_default();
        text.contains(&format!("\"count\": {count},"))
    };
    while !is_over.load(Ordering::Relaxed) {
        // For a moment ours may be there instead, before it is taken back.
        let patience = Instant::now() + Duration::from_secs(5);
        while !has(counted.times) && Instant::now() < patience {
            std::thread::yield_now();
        }
        counted.lost += u64::from(!has(counted.times));
        let Ok(text) = fs::read_to_string(world.settings()) else { continue };
        let Some((start, rest)) = text.split_once("\"count\": ") else { continue };
        let (_, rest) = rest.split_once(',').unwrap();
        counted.times += 1;
        let text = format!("{start}\"count\": {},{rest}", counted.times);
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
fn under_a_program_that_writes_all_the_time_nothing_is_lost() {
    const SETTINGS: &str = "{\n  \"count\": 0,\n  \"mine\": \"x\"\n}\n";
    for in_place in [false, true] {
        let world = World::with(SETTINGS);
        let is_over = AtomicBool::new(false);
        let counted = std::thread::scope(|scope| {
            let writer = scope.spawn(|| count_up(&world, in_place, &is_over));
            let pause = Duration::from_millis(2);
            let entries = registration::entries("/opt/crewboard", None);
            let end = Instant::now() + Duration::from_secs(2);
            while Instant::now() < end {
                let install = || Change::of_install(&world.profile(), &entries, pause);
                let uninstall = || Change::of_uninstall(&world.profile(), pause);
                for again in [&install as &dyn Fn() -> _, &uninstall] {
                    // It may give up, but never spoil anything.
                    match again().and_then(|change| carry_out(change, again, pause, &mut |_| {})) {
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
        assert!(counted.times > 50 && counted.lost == 0, "in place {in_place}: {counted:?}");
        let text = world.text();
        assert!(text.contains("\"mine\": \"x\""), "{text}");
        world.uninstall(&yes()).unwrap();
        let names: Vec<String> = world.files().into_iter().map(|(name, _)| name).collect();
        assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
    }
}
