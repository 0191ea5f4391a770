//! A system that answers what a test says, and writes down what it was asked.

use super::system::{Command, Refusal, Server, System, TmuxAbove, Unproven};
use crate::agents::Lookup;

#[derive(Debug)]
pub(super) struct Variables(pub(super) &'static [(&'static str, &'static str)]);

impl Lookup for Variables {
    fn get(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| (*value).to_owned())
    }
}

#[derive(Debug, Default)]
pub(super) struct TestSystem {
    /// What commands that have this in them answer; others print nothing.
    pub(super) answers: Vec<(&'static str, Result<&'static str, Refusal>)>,
    pub(super) asked: Vec<Command>,
    pub(super) ttys: Vec<(u32, &'static str)>,
    /// Each with an ancestor.
    pub(super) families: Vec<(u32, u32)>,
    pub(super) variables: Vec<(u32, Vec<(String, String)>)>,
    /// Each server that was to be proven, and by which processes.
    pub(super) proofs: Vec<(String, Option<u32>, Option<u32>)>,
    /// The tmux servers that run the terminals of processes.
    pub(super) above: Vec<(u32, TmuxAbove)>,
    /// Why no server is proven.
    pub(super) unproven: Option<Unproven>,
}

impl TestSystem {
    pub(super) fn answering(answers: &[(&'static str, Result<&'static str, Refusal>)]) -> Self {
        Self { answers: answers.to_vec(), ..Self::default() }
    }

    /// Sets the variables with which a process was started.
    pub(super) fn started_with(&mut self, pid: u32, variables: &[(&str, &str)]) {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.variables.push((pid, variables.iter().map(own).collect()));
    }

    /// What was asked, a command a line.
    pub(super) fn asked(&self) -> String {
        let lines: Vec<String> = self.asked.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }
}

impl System for TestSystem {
    fn run(&mut self, command: &Command) -> Result<String, Refusal> {
        self.asked.push(command.clone());
        let line = command.to_string();
        let answer = self.answers.iter().find(|(part, _)| line.contains(part));
        answer.map_or(Ok(String::new()), |(_, answer)| answer.clone().map(str::to_owned))
    }

    fn tty_of(&self, pid: u32) -> Option<String> {
        let found = self.ttys.iter().find(|(own, _)| *own == pid);
        found.map(|(_, tty)| (*tty).to_owned())
    }

    fn descends(&self, pid: u32, ancestor: u32) -> bool {
        self.families.contains(&(pid, ancestor))
    }

    fn prove(
        &mut self,
        server: Server<'_>,
        pid: Option<u32>,
        own: Option<u32>,
    ) -> Result<String, Unproven> {
        self.proofs.push((format!("{server:?}"), pid, own));
        match (self.unproven, server) {
            (Some(unproven), _) => Err(unproven),
            (None, Server::Session(name)) => Ok(format!("/run/sockets/1/{name}")),
            (None, Server::Socket(name) | Server::Abstract(name)) => Ok(name.to_owned()),
        }
    }

    fn tmux_above(&mut self, pid: u32) -> Option<TmuxAbove> {
        let (_, above) = self.above.iter().find(|(below, _)| *below == pid)?;
        Some(above.clone())
    }

    fn variables_of(&self, pid: u32) -> Option<Vec<(String, String)>> {
        let (_, variables) = self.variables.iter().find(|(own, _)| *own == pid)?;
        Some(variables.clone())
    }
}
