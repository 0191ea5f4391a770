//! Writes the commented file and the documentation from the schema.

use crate::schema::{Entry, Schema, Value};
use std::fmt::Write as _;

/// Maximum columns of a comment in the file.
const WIDTH: usize = 98;

/// The description of `[[on]]`.
const ON_HELP: &str = "A rule: a command that runs when a session enters a status. A file may have a hundred rules. The \
     command gets the session in variables (CREWBOARD_NAME, CREWBOARD_STATUS and others) and, as JSON, on standard input.";

/// The beginning of the documentation.
const PREFACE: &str = r#"<!-- Generated from the table of options: UPDATE_DOCS=1 cargo test -p crewboard documentation -->

# Configuration

Crewboard works without a configuration, and every option is optional. Put overrides in
`~/.config/crewboard/config.toml`, or in `$XDG_CONFIG_HOME/crewboard/config.toml`. `CREWBOARD_CONFIG` can be the absolute
path of another file. The daemon does not read a file on a network file system that may block it. `crewboard daemon status`
then prints `configuration not read`, and the daemon uses the defaults.

```toml
[board]
theme = "dark"

[keys]
quit = ["Q", "ctrl-c"]
pin = []
```

| command | does |
| --- | --- |
| `crewboard config path` | prints the path of the file |
| `crewboard config show [--json]` | prints each effective value and its origin |
| `crewboard config init` | writes a file with every option and its default, all commented out; never replaces a file |
| `crewboard config check [FILE]` | lists the problems of a file; exits with 1 if there are errors |

The board and the daemon apply a change as soon as the file is written; on macOS it applies at the next start. An unknown
option is a warning. A wrong value, an unreadable file and a file of more than 64 KiB are errors. The board then shows the
error and keeps its settings; a board or a daemon that starts uses the defaults. Hooks never read the file.

An option of the command line overrides `CREWBOARD_…` in the environment, which overrides the file, which overrides the
default. `NO_COLOR` is the exception: by its convention, a theme in the file overrides it.
"#;

impl Schema {
    /// Returns a file with every option, all commented out.
    pub fn template(&self) -> String {
        let mut text = "# The configuration of Crewboard. Every option is optional; the comments show the defaults.\n\
             # `crewboard config check` finds problems, `crewboard config show` prints the effective values.\n"
            .to_owned();
        for (section, description) in self.sections() {
            text.push('\n');
            comment(&mut text, &description);
            let _ = writeln!(text, "[{section}]");
            for entry in self.entries().iter().filter(|entry| entry.section == section) {
                text.push('\n');
                comment(&mut text, &describe(entry));
                let _ = writeln!(text, "#{} = {}", entry.name, entry.default);
            }
        }
        text.push('\n');
        comment(&mut text, ON_HELP);
        text.push_str("#[[on]]\n#status = \"needs-you\"\n#run = 'paplay ~/ring.oga'\n");
        text
    }

    /// Returns the documentation, in Markdown.
    pub fn page(&self) -> String {
        let mut text = PREFACE.to_owned();
        for (section, description) in self.sections() {
            let _ = write!(text, "\n## `[{section}]`\n\n{description}\n\n");
            text.push_str("| option | default | |\n| --- | --- | --- |\n");
            for entry in self.entries().iter().filter(|entry| entry.section == section) {
                let help = describe(entry).replace('|', "\\|");
                let _ = writeln!(text, "| `{}` | `{}` | {help} |", entry.name, entry.default);
            }
        }
        let _ = write!(text, "\n## `[[on]]`\n\n{ON_HELP}\n");
        text.push_str(&self.rules_page());
        text
    }

    fn rules_page(&self) -> String {
        format!(
            r#"
```toml
[[on]]
status = "needs-you"
run = "paplay ~/ring.oga"
```

| option | |
| --- | --- |
| `status` | A status or a list of statuses: {}. |
| `run` | A command line for `/bin/sh`. |

[Notifications](notifications.md) describes the variables and the limits of a command.
"#,
            self.known.rule_statuses.join(", ")
        )
    }
}

/// Returns the help of an option with its allowed values.
fn describe(entry: &Entry) -> String {
    match entry.default {
        Value::Word(_) => format!("{} One of {}.", entry.help, entry.allowed.join(", ")),
        Value::Words(_) => format!("{} Any of {}.", entry.help, entry.allowed.join(", ")),
        _ => entry.help.clone(),
    }
}

fn comment(text: &mut String, paragraph: &str) {
    let mut line = "#".to_owned();
    for word in paragraph.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            "#".clone_into(&mut line);
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(text, "{line}");
}
