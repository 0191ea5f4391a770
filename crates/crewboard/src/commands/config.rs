//! `crewboard config`: shows, creates, edits and checks the configuration.

mod edit;

use crate::arguments::ConfigAction;
use crate::configuration::schema;
use crate::failure::{Failure, exit_code};
use crate::render::write_json;
use crewboard_config::{
    Environment, Loaded, Location, Origin, Problem, Rule, Setting, Severity, Value, locate,
};
use serde_json::json;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs `action`.
pub(crate) fn run(
    action: &ConfigAction,
    environment: &Environment,
    output: &mut impl Write,
) -> Result<ExitCode, Failure> {
    match action {
        ConfigAction::Path => {
            writeln!(output, "{}", path(environment)?.display())?;
            Ok(ExitCode::SUCCESS)
        }
        ConfigAction::Show { json } => {
            let loaded = schema().load(environment);
            if *json {
                write_json(output, &as_json(&loaded))?;
            } else {
                show(&loaded, output)?;
            }
            check_has_no_errors(&loaded)
        }
        ConfigAction::Init => init(&path(environment)?, output),
        ConfigAction::Edit => {
            let path = path(environment)?;
            if !path.exists() {
                init(&path, output)?;
            }
            edit::open(&path)?;
            check(None, environment, output)
        }
        ConfigAction::Check { file } => check(file.as_deref(), environment, output),
    }
}

fn path(environment: &Environment) -> Result<PathBuf, Failure> {
    match locate(environment) {
        Location::At(path) => Ok(path),
        Location::Nowhere => Err(Failure::new("the configuration directory is unknown")
            .hint("set HOME, or name a file in CREWBOARD_CONFIG")),
        Location::Relative(path) => Err(Failure::new(format!(
            "CREWBOARD_CONFIG must be an absolute path, but it is {}",
            path.display()
        ))),
    }
}

/// Fails if the file has an error and is therefore ignored.
fn check_has_no_errors(loaded: &Loaded) -> Result<ExitCode, Failure> {
    match loaded.errors().count() {
        0 => Ok(ExitCode::SUCCESS),
        count => {
            let errors = if count == 1 { "an error".to_owned() } else { format!("{count} errors") };
            Err(Failure::new(format!("the configuration is ignored because it has {errors}"))
                .hint("run `crewboard config check` to list every problem"))
        }
    }
}

/// Prints the effective configuration as a configuration file.
fn show(loaded: &Loaded, output: &mut impl Write) -> io::Result<()> {
    match &loaded.path {
        Some(path) if loaded.exists => writeln!(output, "# {}", path.display())?,
        Some(path) => writeln!(output, "# {} (does not exist)", path.display())?,
        None => writeln!(output, "# no file")?,
    }
    for problem in &loaded.problems {
        writeln!(output, "# {}", line_of(problem))?;
    }
    let file = loaded.path.as_ref().and_then(|path| path.file_name());
    let file = file.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let assigned = |setting: &Setting| format!("{} = {}", setting.name, setting.value);
    let mut section = "";
    for setting in &loaded.settings {
        if setting.section != section {
            section = setting.section;
            writeln!(output, "\n[{section}]")?;
        }
        let of_section = loaded.settings.iter().filter(|other| other.section == section);
        let width = of_section.map(|other| assigned(other).chars().count()).max().unwrap_or(0);
        let origin = match setting.origin {
            Origin::Default => "default".to_owned(),
            Origin::File { line } => format!("{file}:{line}"),
            Origin::Environment(variable) => variable.to_owned(),
        };
        writeln!(output, "{:<width$}  # {origin}", assigned(setting))?;
    }
    for rule in &loaded.rules {
        let statuses = Value::Words(rule.statuses.clone());
        let run = Value::Word(rule.run.clone());
        writeln!(output, "\n[[on]]  # {file}:{}\nstatus = {statuses}\nrun = {run}", rule.line)?;
    }
    Ok(())
}

fn as_json(loaded: &Loaded) -> serde_json::Value {
    let option = |setting: &Setting| {
        let value = match &setting.value {
            Value::Switch(on) => json!(on),
            Value::Keys(words) | Value::Words(words) => json!(words),
            Value::Word(word) | Value::Path(word) | Value::Text(word) => json!(word),
            time @ (Value::Time(_) | Value::Hours(_)) => json!(time.to_string().trim_matches('"')),
        };
        let (origin, line, variable) = match setting.origin {
            Origin::Default => ("default", None, None),
            Origin::File { line } => ("file", Some(line), None),
            Origin::Environment(variable) => ("environment", None, Some(variable)),
        };
        json!({
            "option": format!("{}.{}", setting.section, setting.name),
            "value": value, "origin": origin, "line": line, "variable": variable,
        })
    };
    let rule = |rule: &Rule| json!({ "status": rule.statuses, "run": rule.run, "line": rule.line });
    json!({
        "path": loaded.path,
        "exists": loaded.exists,
        "problems": loaded.problems.iter().map(line_of).collect::<Vec<_>>(),
        "options": loaded.settings.iter().map(option).collect::<Vec<_>>(),
        "on": loaded.rules.iter().map(rule).collect::<Vec<_>>(),
    })
}

fn line_of(problem: &Problem) -> String {
    match problem.severity {
        Severity::Error => format!("error: {problem}"),
        Severity::Warning => format!("warning: {problem}"),
    }
}

fn init(path: &Path, output: &mut impl Write) -> Result<ExitCode, Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::new(format!("{} already exists", path.display()))
            .hint("run `crewboard config show` to see every option with its value"),
        _ => Failure::new(format!("cannot write {}: {error}", path.display())),
    };
    if let Some(directory) = path.parent() {
        // Private, as the XDG specification requires for a new directory.
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(schema().template().as_bytes()).map_err(failed)?;
    writeln!(output, "wrote {}", path.display())?;
    Ok(ExitCode::SUCCESS)
}

fn check(
    file: Option<&Path>,
    environment: &Environment,
    output: &mut impl Write,
) -> Result<ExitCode, Failure> {
    let loaded = match file {
        None => schema().load(environment),
        Some(file) => {
            let file = std::path::absolute(file)?;
            schema().load(&Environment { config: Some(file), ..environment.clone() })
        }
    };
    for problem in &loaded.problems {
        writeln!(output, "{}", line_of(problem))?;
    }
    match &loaded.path {
        Some(path) if !loaded.exists && file.is_some() => {
            Err(Failure::new(format!("{} does not exist", path.display())))
        }
        _ if loaded.errors().next().is_some() => Ok(ExitCode::from(exit_code::FAILED)),
        Some(path) if !loaded.exists => {
            writeln!(output, "{} does not exist: every option has its default", path.display())?;
            Ok(ExitCode::SUCCESS)
        }
        Some(path) if loaded.problems.is_empty() => {
            writeln!(output, "{} is valid", path.display())?;
            Ok(ExitCode::SUCCESS)
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests;
