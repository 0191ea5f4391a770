//! `crewboard tmux`, `zellij`, `waybar` and `starship`: print the lines for their configurations, and put those for tmux
//! into its file and out of it.

mod block;
mod configuration_file;
pub(crate) mod snippets;

use crate::arguments::{ChangeArguments, TmuxAction};
use crate::commands::install::program_path::{ProgramPath, typed};
use crate::confirmation;
use crate::environment::Environment;
use crate::failure::Failure;
use block::{Block, Outcome};
use configuration_file::ConfigurationFile;
use crewboard_terminals::Command;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// The suffix of the backup from before the first install.
const BACKUP: &str = ".crewboard-backup";

/// The suffix of the backup of a file whose lines between the marks another version or the user wrote.
const PREVIOUS: &str = ".crewboard-previous";

/// Prints the lines for a program, which `lines` returns for the path of this program.
pub(crate) fn print(lines: fn(&str) -> String) -> Result<ExitCode, Failure> {
    let environment = Environment::of_process();
    let program = typed(&program_path(&environment)?, &environment);
    io::stdout().write_all(lines(&program).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Prints, installs or removes the lines for tmux.
pub(crate) fn tmux(action: &TmuxAction) -> Result<ExitCode, Failure> {
    let environment = Environment::of_process();
    let (out, input) = (&mut io::stdout().lock(), &mut io::stdin().lock());
    match action {
        TmuxAction::Print => out.write_all(snippets::tmux(&word(&environment)?).as_bytes())?,
        TmuxAction::Install(arguments) => {
            let block = Block::new(snippets::tmux(&word(&environment)?));
            install(&block, *arguments, &environment, out, input)?;
        }
        TmuxAction::Uninstall(arguments) => uninstall(*arguments, &environment, out, input)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the path of this program, or of its copy if it is in a place for temporary files.
fn program_path(environment: &Environment) -> Result<PathBuf, Failure> {
    Ok(ProgramPath::find(environment)?.existing())
}

/// Returns the path of this program as a word for tmux, which starts with a `PATH` of its own. Both tmux and the shell
/// read the word, so it may hold no character that one of them would expand.
fn word(environment: &Environment) -> Result<String, Failure> {
    let path = program_path(environment)?;
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "/._+-".contains(character);
    let text = path.to_str().filter(|text| text.chars().all(is_plain));
    text.map(str::to_owned).ok_or_else(|| {
        let path = path.display();
        Failure::new(format!("the path {path} has characters that tmux or a shell would expand"))
            .hint("run `crewboard install`, which copies the program to ~/.local/bin, or move it")
    })
}

/// Returns the files that tmux reads, in its order.
fn candidates(environment: &Environment) -> Result<Vec<PathBuf>, Failure> {
    let home = environment.home.as_ref().ok_or_else(|| {
        Failure::usage("HOME is not set, so the configuration of tmux cannot be found")
    })?;
    let directory = environment.config_home.clone().unwrap_or_else(|| home.join(".config"));
    Ok(vec![home.join(".tmux.conf"), directory.join("tmux/tmux.conf")])
}

/// Returns the file to change: the one that has the lines already, or else the first that exists, or a new one.
fn chosen_file(environment: &Environment) -> Result<ConfigurationFile, Failure> {
    let mut files = Vec::new();
    for path in candidates(environment)? {
        files.push(ConfigurationFile::read(&path)?);
    }
    let has_block =
        |file: &ConfigurationFile| block::find(file.before()).is_ok_and(|at| at.is_some());
    let index = files.iter().position(has_block);
    let index = index.or_else(|| files.iter().position(ConfigurationFile::exists)).unwrap_or(0);
    Ok(files.swap_remove(index))
}

fn install(
    block: &Block,
    arguments: ChangeArguments,
    environment: &Environment,
    out: &mut dyn Write,
    input: &mut dyn BufRead,
) -> Result<(), Failure> {
    let file = chosen_file(environment)?;
    file.check_owner_of_directories()?;
    let name = file.path().display().to_string();
    let outcome = block.insert(file.before(), !file.exists()).map_err(|why| broken(&name, why))?;
    let (after, has_block) = match outcome {
        Outcome::Unchanged => {
            writeln!(out, "{name}: Crewboard's lines are already there.")?;
            return Ok(());
        }
        Outcome::Added(after) => (after, false),
        Outcome::Replaced(after) => (after, true),
    };
    for key in snippets::TMUX_KEYS {
        if block::binds(file.before(), key) && !has_block {
            writeln!(out, "warning: {name} binds the key {key}, which Crewboard's lines bind too")?;
            writeln!(out, "  Change one of them after the install.")?;
        }
    }
    if !confirm(&file, Some(&after), arguments, environment, out, input)? {
        return Ok(());
    }
    let suffix = if has_block { PREVIOUS } else { BACKUP };
    let backup = file.exists().then(|| file.back_up(suffix)).transpose()?;
    file.write(&after)?;
    let verb =
        if has_block { "Updated Crewboard's lines in" } else { "Added Crewboard's lines to" };
    writeln!(out, "{verb} {name}.")?;
    if let Some(backup) = backup {
        writeln!(out, "  Backup of the file: {}", backup.display())?;
    }
    let source = format!("tmux source-file {}", Command::quoted(file.path()));
    writeln!(out, "New tmux servers use them. For a running server: {source}")?;
    Ok(())
}

fn uninstall(
    arguments: ChangeArguments,
    environment: &Environment,
    out: &mut dyn Write,
    input: &mut dyn BufRead,
) -> Result<(), Failure> {
    let mut found = false;
    for path in candidates(environment)? {
        let file = ConfigurationFile::read(&path)?;
        let name = path.display().to_string();
        let Some(removed) = block::remove(file.before()).map_err(|why| broken(&name, why))? else {
            continue;
        };
        found = true;
        let after = (!removed.was_new || !removed.text.is_empty()).then_some(&*removed.text);
        if !confirm(&file, after, arguments, environment, out, input)? {
            continue;
        }
        let current = word(environment).map(|word| Block::new(snippets::tmux(&word)));
        let is_as_installed = current.is_ok_and(|current| {
            matches!(current.insert(file.before(), false), Ok(Outcome::Unchanged))
        });
        if !is_as_installed {
            let backup = file.back_up(PREVIOUS)?;
            writeln!(out, "The lines are not those that this version installs.")?;
            writeln!(out, "  Backup of the file with them: {}", backup.display())?;
        }
        if let Some(text) = after {
            file.write(text)?;
            writeln!(out, "Removed Crewboard's lines from {name}.")?;
        } else {
            file.delete()?;
            writeln!(out, "Removed {name}: it was created by install.")?;
        }
        writeln!(out, "A running tmux server keeps them until it ends.")?;
    }
    if !found {
        writeln!(out, "The configuration of tmux has no lines of Crewboard.")?;
    }
    Ok(())
}

fn broken(name: &str, why: &str) -> Failure {
    Failure::new(format!("{name}: {why}"))
        .hint("correct the marked lines by hand, then run this again; the file was not changed")
}

/// Shows the change and asks the user. Returns false in a dry run.
fn confirm(
    file: &ConfigurationFile,
    after: Option<&[u8]>,
    arguments: ChangeArguments,
    environment: &Environment,
    out: &mut dyn Write,
    input: &mut dyn BufRead,
) -> Result<bool, Failure> {
    if !arguments.yes && !arguments.dry_run && !environment.interactive {
        return Err(Failure::usage(
            "this would change your configuration, but there is no terminal to ask for confirmation",
        )
        .hint("pass --yes to confirm, or --dry-run to see the change first"));
    }
    if arguments.dry_run || !arguments.yes {
        let name = file.path().display().to_string();
        let [before, after] =
            [file.before(), after.unwrap_or_default()].map(String::from_utf8_lossy);
        out.write_all(confirmation::diff(&name, &before, &after).as_bytes())?;
    }
    if arguments.dry_run || arguments.yes {
        return Ok(!arguments.dry_run);
    }
    let is_confirmed = confirmation::ask("Make this change?", out, input)?;
    if is_confirmed { Ok(true) } else { Err(Failure::new("nothing was changed")) }
}
