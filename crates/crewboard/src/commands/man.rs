//! `crewboard man`: one manual page for all commands, generated from the command line definition.

use crate::arguments;
use crate::failure::Failure;
use crate::help;
use crate::render::why_no_screen;
use clap_mangen::Man;
use std::env;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::{Command, ExitCode, Stdio};

/// The sections that follow the generated ones.
const FURTHER_SECTIONS: &str = r".SH KEYS
The board has these keys: arrows select a session, enter shows its pane, o resumes it or attaches to it, / filters,
i installs the hooks, ? shows all keys, q quits.
.SH EXAMPLES
.TP
.B crewboard next
Show the session that has needed you longest.
.TP
.B crewboard wait shop \-\-until done
Wait until the session shop has finished.
.TP
.B crewboard list \-\-json
Print all sessions as JSON.
.SH FILES
.TP
.I ~/.config/crewboard/config.toml
The configuration file. \fBcrewboard config path\fR prints its path.
.TP
.I $XDG_RUNTIME_DIR/crewboard/, /run/user/$UID/crewboard/, /tmp/crewboard-$UID/
The directories of the daemon's sockets and lock; the first usable one also has its log.
(macOS: the last one is in your temporary directory.)
.TP
.I ~/.claude/settings.json
The settings in which \fBcrewboard install\fR installs the hooks. The same directory has a backup of them.
.SH ENVIRONMENT
.TP
.B CREWBOARD_SOCKET
The path of the socket to use (absolute).
.TP
.B CREWBOARD_CONFIG
The path of the configuration file (absolute).
.TP
.B CREWBOARD_IDLE_EXIT
The time after which the daemon exits without clients, such as 30m.
.TP
.B NO_COLOR
If set, output has no colours.
.TP
.B TERM
If it is dumb, unknown or not set, there is no board and output has no colours.
.SH SEE ALSO
The documentation: https://github.com/crewboard/crewboard
";

/// Shows the manual page on a terminal, else prints its source.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let page = page()?;
    if io::stdout().is_terminal() {
        show(&page)?;
    } else {
        io::stdout().write_all(&page)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows the page with `man`. Without a `man` that reads standard input, shows the help of every command in a pager.
fn show(page: &[u8]) -> io::Result<()> {
    if why_no_screen().is_none() {
        if is_shown_by(Command::new("man").args(["-l", "-"]), page) {
            return Ok(());
        }
        let text = text();
        let own = env::var_os("PAGER").filter(|pager| !pager.is_empty());
        let own = own.map(|pager| {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(pager);
            shell
        });
        let pagers = own.into_iter().chain(["less", "more"].map(Command::new));
        for mut pager in pagers {
            if is_shown_by(&mut pager, text.as_bytes()) {
                return Ok(());
            }
        }
    }
    io::stdout().write_all(text().as_bytes())
}

/// Runs `viewer` with `content` on its standard input until the user quits it. Returns false if it cannot show it.
fn is_shown_by(viewer: &mut Command, content: &[u8]) -> bool {
    let started = viewer.stdin(Stdio::piped()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = started else { return false };
    if let Some(mut input) = child.stdin.take() {
        // A user who quits early closes the pipe.
        let _ = input.write_all(content);
    }
    let ended = child.wait();
    ended.is_ok_and(|status| status.success() || status.code().is_none())
}

/// Returns the help of the program and of every command.
fn text() -> String {
    let mut command = help::with_groups(arguments::command());
    command.build();
    let mut text = command.render_long_help().to_string();
    for one in help::in_order(&command) {
        let heading = format!("\n\ncrewboard {}\n\n", one.get_name());
        text.push_str(&heading);
        text.push_str(&one.clone().render_long_help().to_string());
    }
    text
}

fn page() -> io::Result<Vec<u8>> {
    let mut command = without_help(arguments::command());
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
    write_commands(&command, &mut page)?;
    page.extend(FURTHER_SECTIONS.as_bytes());
    // Each generated part repeats the same macros and heading: keep the first ones.
    let mut lines: Vec<&[u8]> = page.split_inclusive(|byte| *byte == b'\n').collect();
    let mut macros = 0;
    lines.retain(|line| {
        let is_macro = line.starts_with(b".ie ") || line.starts_with(b".el ");
        macros += usize::from(is_macro);
        (!is_macro || macros <= 2) && *line != b".SH EXTRA\n"
    });
    Ok(lines.concat())
}

/// Removes `--help`, which every command has.
fn without_help(command: clap::Command) -> clap::Command {
    command.disable_help_flag(true).disable_help_subcommand(true).mut_subcommands(without_help)
}

/// Returns the usage of `command` with all its options and their values.
fn synopsis(command: &clap::Command) -> String {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let options: Vec<String> = command
        .get_arguments()
        .filter(|one| !one.is_positional() && !one.is_hide_set() && !one.is_required_set())
        .filter(|one| !is_in_required_group(command, one))
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

/// Returns true if the argument belongs to a required group, which the usage already lists.
fn is_in_required_group(command: &clap::Command, argument: &clap::Arg) -> bool {
    let mut choices = command.get_groups().filter(|group| group.is_required_set());
    choices.any(|group| group.get_args().any(|id| id == argument.get_id()))
}

/// Writes the subcommands of `command` as sections of this page.
fn write_commands(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    for command in help::in_order(command) {
        let part = Man::new(command.clone());
        let mut text = Vec::new();
        part.render_description_section(&mut text)?;
        part.render_options_section(&mut text)?;
        text.extend(b".PP\n");
        part.render_extra_section(&mut text)?;
        let words = command.get_bin_name().unwrap_or(command.get_name());
        writeln!(page, ".SS {}\n{}\n.PP", words.replace('-', "\\-"), synopsis(command))?;
        // Headings of a part would be headings of the whole page.
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        lines.filter(|line| !line.starts_with(b".SH")).for_each(|line| page.extend(line));
        write_commands(command, page)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_describes_every_command_and_refers_to_no_other() {
        let page = String::from_utf8(page().unwrap()).unwrap();
        for command in arguments::command().get_subcommands() {
            let heading = format!("\n.SS crewboard {}\n", command.get_name());
            assert_eq!(page.contains(&heading), !command.is_hide_set(), "{heading}");
        }
        assert!(page.contains("\n.SS crewboard daemon status\n"), "{page}");
        let place = |name: &str| page.find(&format!("\n.SS crewboard {name}\n")).unwrap();
        assert!(place("list") < place("install") && place("install") < place("hook"));
        assert!(!page.contains("(1)\n"), "{page}");
        assert_eq!(page.matches("\n.SH ").count(), 10, "{page}");
    }

    #[test]
    fn synopsis_shows_the_values_of_options() {
        let page = String::from_utf8(page().unwrap()).unwrap().replace("\\-", "-");
        for synopsis in [
            "\\fBcrewboard\\fR [--once] [--layout <FORM>] [--version]\n.br\n\\fBcrewboard\\fR <COMMAND>\n",
            "\\fBcrewboard counts\\fR [--format <FORMAT>] [--json] [--follow] [--windows]\n",
            "\\fBcrewboard statusline\\fR [-- <COMMAND>...]\n",
            "\\fBcrewboard wait\\fR [--new] [--timeout <TIME>] --until <STATUSES> <ROW|--any|--all>\n",
        ] {
            assert!(page.contains(synopsis), "{synopsis} in {page}");
        }
    }

    #[test]
    fn text_has_the_help_of_every_command() {
        let text = text();
        for command in help::in_order(&arguments::command()) {
            assert!(text.contains(&format!("\n\ncrewboard {}\n\n", command.get_name())), "{text}");
        }
    }

    #[test]
    fn viewer_that_fails_has_shown_nothing() {
        let shell = |script: &str| {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", script]);
            shell
        };
        assert!(is_shown_by(&mut shell("exec cat > /dev/null"), b"page"));
        assert!(!is_shown_by(&mut shell("exit 1"), &vec![b'x'; 1 << 20]));
        assert!(!is_shown_by(&mut Command::new("/no/such/pager"), b"page"));
    }

    #[test]
    fn exit_codes_are_separate_paragraphs() {
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
    fn every_argument_has_help() {
        fn check(command: &clap::Command) {
            for one in command.get_arguments().filter(|one| !one.is_hide_set()) {
                assert!(one.get_help().is_some(), "{} {one}", command.get_name());
            }
            command.get_subcommands().filter(|one| !one.is_hide_set()).for_each(check);
        }
        check(&arguments::command());
    }
}
