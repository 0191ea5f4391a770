/// A program to run in a new pane.
#[derive(Debug, Clone, Copy)]
pub struct NewPane<'a> {
    /// The program's path and its arguments.
    pub words: &'a [String],
    /// The working directory of the program.
    pub directory: &'a str,
}

impl<'a> NewPane<'a> {
    /// Returns a shell command that changes to the directory and then runs the program, for terminals that cannot set
    /// the directory. The script is constant; the directory and the program are its arguments.
    pub(crate) fn shell_words(&self) -> impl Iterator<Item = &'a str> {
        let script = "cd -- \"$1\" && shift && exec \"$@\"";
        let words = ["sh", "-c", script, "sh", self.directory];
        words.into_iter().chain(self.words.iter().map(String::as_str))
    }
}
