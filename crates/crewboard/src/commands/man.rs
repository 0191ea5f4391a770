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
.I $XDG_RUNTIME_DIR/crewboard/
The socket, the daemon's lock and its log.
.TP
.I ~/.claude/settings.json
Where \fBcrewboard install\fR puts the hooks.
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
    main.render_synopsis_section(&mut page)?;
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

/// The commands below `command`, each as a part of this page and not as one of its own.
fn describe(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    for command in command.get_subcommands() {
        if command.is_hide_set() {
            continue;
        }
        let part = Man::new(command.clone());
        let mut text = Vec::new();
        part.render_synopsis_section(&mut text)?;
        part.render_description_section(&mut text)?;
        part.render_options_section(&mut text)?;
        part.render_extra_section(&mut text)?;
        let words = command.get_bin_name().unwrap_or(command.get_name());
        writeln!(page, ".SS {}", words.replace('-', "\\-"))?;
        // Its own headings would be the whole page's.
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        lines.filter(|line| !line.starts_with(b".SH")).for_each(|line| {
            page.extend(line);
            if line.starts_with(b"\\fBcrewboard") {
                page.extend(b".PP\n");
            }
        });
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
}
