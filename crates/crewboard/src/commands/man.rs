//! `crewboard man`: one page for all commands, from the command line itself.

use crate::arguments;
use crate::failure::Failure;
use clap_mangen::Man;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// What the command line does not know of.
const REST: &str = r".SH FILES
.TP
.I ~/.config/crewboard/config.toml
The configuration, if there is one. \fBcrewboard config path\fR says where it is looked for.
.TP
.I $XDG_RUNTIME_DIR/crewboard/, /run/user/$UID/crewboard/, /tmp/crewboard-$UID/
The sockets, each where it can be, and beside them the daemon's lock; beside the first, its log.
(macOS: the last is in your own temporary directory.)
.TP
.I ~/.claude/settings.json
Where \fBcrewboard install\fR puts the hooks, and beside it the backup of what was there.
.SH ENVIRONMENT
.TP
.B CREWBOARD_SOCKET
The one socket to use, an absolute path.
.TP
.B CREWBOARD_CONFIG
The configuration file, an absolute path.
.TP
.B CREWBOARD_IDLE_EXIT
How long the daemon stays with nobody to serve, such as 30m.
.TP
.B NO_COLOR
No colours, where it is set.
.TP
.B TERM
No board and no colours, where it is dumb, unknown or not set.
";

/// Prints the page.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    io::stdout().write_all(&page()?)?;
    Ok(ExitCode::SUCCESS)
}

fn page() -> io::Result<Vec<u8>> {
    let mut command = plain(arguments::command());
    command.build();
    let version = format!("crewboard {}", env!("CARGO_PKG_VERSION"));
    let main = Man::new(command.clone()).source(version).manual("Crewboard");
    let mut page = Vec::new();
    main.render_title(&mut page)?;
    main.render_name_section(&mut page)?;
    writeln!(page, ".SH SYNOPSIS\n{}", synopsis(&command))?;
    main.render_options_section(&mut page)?;
    page.extend(b".SH NOTES\n");
    main.render_extra_section(&mut page)?;
    page.extend(b".SH COMMANDS\n");
    describe(&command, &mut page)?;
    page.extend(REST.as_bytes());
    // Once is enough of what each part begins with, and a heading has been made above.
    let mut lines: Vec<&[u8]> = page.split_inclusive(|byte| *byte == b'\n').collect();
    let mut met = 0;
    lines.retain(|line| {
        let is_macro = line.starts_with(b".ie ") || line.starts_with(b".el ");
        met += usize::from(is_macro);
        (!is_macro || met <= 2) && *line != b".SH EXTRA\n"
    });
    Ok(lines.concat())
}

/// Without `--help`, which every command has.
fn plain(command: clap::Command) -> clap::Command {
    command.disable_help_flag(true).disable_help_subcommand(true).mut_subcommands(plain)
}

/// How `command` is called, with all its options and what they take.
fn synopsis(command: &clap::Command) -> String {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let options: Vec<String> = command
        .get_arguments()
        .filter(|one| !one.is_positional() && !one.is_hide_set() && !one.is_required_set())
        .filter(|one| !is_one_of_a_choice(command, one))
        .map(|one| format!("[{one}]"))
        .collect();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").replace("[OPTIONS]", &options.join(" "));
    let lines = usage.lines().map(|line| {
        let rest = line.trim().trim_start_matches(name).replace('-', "\\-");
        format!("\\fB{}\\fR{rest}", name.replace('-', "\\-"))
    });
    lines.collect::<Vec<_>>().join("\n.br\n")
}

/// Whether it stands among the words of which one must be chosen: usage names those.
fn is_one_of_a_choice(command: &clap::Command, argument: &clap::Arg) -> bool {
    let mut choices = command.get_groups().filter(|group| group.is_required_set());
    choices.any(|group| group.get_args().any(|id| id == argument.get_id()))
}

/// The commands below `command`, each as a part of this page and not as one of its own.
fn describe(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    for command in command.get_subcommands() {
        if command.is_hide_set() {
            continue;
        }
        let part = Man::new(command.clone());
        let mut text = Vec::new();
        part.render_description_section(&mut text)?;
        part.render_options_section(&mut text)?;
        text.extend(b".PP\n");
        part.render_extra_section(&mut text)?;
        let words = command.get_bin_name().unwrap_or(command.get_name());
        writeln!(page, ".SS {}\n{}\n.PP", words.replace('-', "\\-"), synopsis(command))?;
        // Its own headings would be the whole page's.
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        lines.filter(|line| !line.starts_with(b".SH")).for_each(|line| page.extend(line));
        describe(command, page)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_on_the_page_and_nothing_leads_elsewhere() {
        let page = String::from_utf8(page().unwrap()).unwrap();
        for command in arguments::command().get_subcommands() {
            let heading = format!("\n.SS crewboard {}\n", command.get_name());
            assert_eq!(page.contains(&heading), !command.is_hide_set(), "{heading}");
        }
        assert!(page.contains("\n.SS crewboard daemon status\n"), "{page}");
        assert!(!page.contains("(1)\n"), "{page}");
        assert_eq!(page.matches("\n.SH ").count(), 7, "{page}");
    }

    #[test]
    fn a_synopsis_says_what_options_take() {
        let page = String::from_utf8(page().unwrap()).unwrap().replace("\\-", "-");
        for synopsis in [
            "\\fBcrewboard\\fR [--once] [--version]\n.br\n\\fBcrewboard\\fR <COMMAND>\n",
            "\\fBcrewboard counts\\fR [--format <FORMAT>] [--follow]\n",
            "\\fBcrewboard statusline\\fR [-- <COMMAND>...]\n",
            "\\fBcrewboard wait\\fR [--new] [--timeout <TIME>] --until <STATUSES> <ROW|--any|--all>\n",
        ] {
            assert!(page.contains(synopsis), "{synopsis} in {page}");
        }
    }

    #[test]
    fn exit_codes_are_a_paragraph_of_their_own() {
        let page = String::from_utf8(page().unwrap()).unwrap();
        let codes: Vec<&str> = page
            .lines()
            .zip(page.lines().skip(1))
            .filter(|(_, line)| line.starts_with("Exit codes"))
            .map(|(before, _)| before)
            .collect();
        assert_eq!(codes, ["", ".PP", ".PP"], "{page}");
    }

    #[test]
    fn every_argument_is_described() {
        fn check(command: &clap::Command) {
            for one in command.get_arguments().filter(|one| !one.is_hide_set()) {
                assert!(one.get_help().is_some(), "{} {one}", command.get_name());
            }
            command.get_subcommands().filter(|one| !one.is_hide_set()).for_each(check);
        }
        check(&arguments::command());
    }
}
