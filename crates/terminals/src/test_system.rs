//! A system with the answers of a test, which records the commands.

use crate::system::{Command, CommandError, EnclosingTmux, Server, System, Unverified};
use std::collections::BTreeMap;

/// The variables of a test.
pub(super) type Table = &'static [(&'static str, &'static str)];

/// Returns the environment that has these variables.
pub(super) fn environment(table: &[(&str, &str)]) -> BTreeMap<String, String> {
    table.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[derive(Debug, Default)]
pub(super) struct TestSystem {
    /// The results of the commands that contain a text. Other commands print nothing.
    pub(super) answers: Vec<(&'static str, Result<&'static str, CommandError>)>,
    pub(super) commands: Vec<Command>,
    pub(super) ttys: Vec<(u32, &'static str)>,
    /// Processes, each with an ancestor.
    pub(super) ancestors: Vec<(u32, u32)>,
    pub(super) variables: Vec<(u32, BTreeMap<String, String>)>,
    /// The servers to verify, with the pids that were given.
    pub(super) verifications: Vec<(String, Option<u32>, Option<u32>)>,
    /// The tmux servers that run the terminals of processes.
    pub(super) enclosing: Vec<(u32, EnclosingTmux)>,
    /// The reason why every verification fails.
    pub(super) unverified: Option<Unverified>,
}

impl TestSystem {
    pub(super) fn with_answers(
        answers: &[(&'static str, Result<&'static str, CommandError>)],
    ) -> Self {
        Self { answers: answers.to_vec(), ..Self::default() }
    }

    /// Sets the variables with which a process was started.
    pub(super) fn add_environment(&mut self, pid: u32, variables: &[(&str, &str)]) {
        self.variables.push((pid, environment(variables)));
    }

    /// Returns the commands so far, one per line.
    pub(super) fn command_lines(&self) -> String {
        let lines: Vec<String> = self.commands.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }
}

impl System for TestSystem {
    fn run(&mut self, command: &Command) -> Result<String, CommandError> {
        self.commands.push(command.clone());
        let line = command.to_string();
        let answer = self.answers.iter().find(|(part, _)| line.contains(part));
        answer.map_or(Ok(String::new()), |(_, answer)| answer.clone().map(str::to_owned))
    }

    fn tty_of(&self, pid: u32) -> Option<String> {
        let found = self.ttys.iter().find(|(own, _)| *own == pid);
        found.map(|(_, tty)| (*tty).to_owned())
    }

    fn descends(&self, pid: u32, ancestor: u32) -> bool {
        self.ancestors.contains(&(pid, ancestor))
    }

    fn verify_server(
        &mut self,
        server: Server<'_>,
        pid: Option<u32>,
        own: Option<u32>,
    ) -> Result<String, Unverified> {
        self.verifications.push((format!("{server:?}"), pid, own));
        match (self.unverified, server) {
            (Some(unverified), _) => Err(unverified),
            (None, Server::Session(name)) => Ok(format!("/run/sockets/1/{name}")),
            (None, Server::Socket(name) | Server::Abstract(name)) => Ok(name.to_owned()),
        }
    }

    fn enclosing_tmux(&mut self, pid: u32) -> Option<EnclosingTmux> {
        let (_, server) = self.enclosing.iter().find(|(own, _)| *own == pid)?;
        Some(server.clone())
    }

    fn environment_of(&self, pid: u32) -> Option<BTreeMap<String, String>> {
        let (_, variables) = self.variables.iter().find(|(own, _)| *own == pid)?;
        Some(variables.clone())
    }
}
