//! The help of the program: its commands in groups, in the order in which users need them.

use crate::render::Style;
use clap::Command;
use crewboard_board::format::text::wrap;
use std::fmt::Write as _;

/// The groups of commands. The manual page has the same order.
const GROUPS: &[(&str, &[&str])] = &[
    ("Look", &["list", "watch", "counts", "explain", "notifications", "demo"]),
    ("Go", &["jump", "next", "open"]),
    ("Mark", &["seen", "pin", "snooze", "dismiss", "forget"]),
    (
        "Set up",
        &[
            "install",
            "uninstall",
            "tmux",
            "zellij",
            "waybar",
            "starship",
            "config",
            "notify",
            "daemon",
            "completions",
            "man",
        ],
    ),
    ("Scripts", &["wait", "report", "run", "record", "replay"]),
    ("Internals", &["hook", "statusline"]),
];

/// The heading of commands that no group has.
const FURTHER: &str = "Further";

/// The columns in front of a command's description.
const INDENT: usize = 17;

/// The longest line of help.
const MAX_WIDTH: usize = 100;

/// Returns the visible commands by group.
fn groups(command: &Command) -> Vec<(&'static str, Vec<&Command>)> {
    let visible = || command.get_subcommands().filter(|one| !one.is_hide_set());
    let is_grouped =
        |one: &&Command| GROUPS.iter().any(|(_, names)| names.contains(&one.get_name()));
    let find = |name: &&str| visible().find(|one| one.get_name() == *name);
    let named =
        GROUPS.iter().map(|(group, names)| (*group, names.iter().filter_map(find).collect()));
    let further = visible().filter(|one| !is_grouped(one) && one.get_name() != "help").collect();
    named
        .chain([(FURTHER, further)])
        .filter(|(_, commands): &(_, Vec<_>)| !commands.is_empty())
        .collect()
}

/// Returns the visible commands in the order of the help.
pub(crate) fn in_order(command: &Command) -> Vec<&Command> {
    groups(command).into_iter().flat_map(|(_, commands)| commands).collect()
}

/// Gives the program's help its groups.
pub(crate) fn with_groups(command: Command) -> Command {
    let terminal = Style::of_stdout().width;
    let width = if terminal == 0 { MAX_WIDTH } else { terminal.min(MAX_WIDTH) };
    let header = command.get_styles().get_header();
    let mut text = String::new();
    for (group, commands) in groups(&command) {
        let _ = write!(text, "\n{header}{group}:{header:#}\n");
        for command in commands {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let lines = wrap(&about, width.saturating_sub(INDENT).max(20), usize::MAX, true);
            let indent = " ".repeat(INDENT);
            let name = format!("  {:<1$}", command.get_name(), INDENT - 2);
            let _ = writeln!(text, "{name}{}", lines.join(&format!("\n{indent}")));
        }
    }
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{text}\n\
         {header}Options:{header:#}\n{{options}}{{after-help}}"
    );
    command.help_template(template)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments;

    #[test]
    fn every_command_is_in_one_group_of_the_help() {
        let command = arguments::command();
        let groups = groups(&command);
        let further = groups.iter().find(|(group, _)| *group == FURTHER);
        assert!(further.is_none(), "add these commands to GROUPS: {further:?}");
        let mut names: Vec<&str> = in_order(&command).iter().map(|one| one.get_name()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| name.len() + 4 <= INDENT), "widen INDENT: {names:?}");
        for (_, names) in GROUPS {
            for name in *names {
                assert!(command.find_subcommand(name).is_some(), "{name} is no command");
            }
        }
    }

    #[test]
    fn help_shows_the_groups_in_order() {
        let help = with_groups(arguments::command()).render_help().to_string();
        let headings: Vec<&str> = help.lines().filter(|line| line.ends_with(':')).collect();
        let expected = ["Look:", "Go:", "Mark:", "Set up:", "Scripts:", "Internals:", "Options:"];
        assert_eq!(headings, expected, "{help}");
        assert!(help.contains("\n  list           List sessions"), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= MAX_WIDTH), "{help}");
    }
}
