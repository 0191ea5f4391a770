//! The project of a session.

use crate::session::Session;

impl Session {
    /// Returns the project of the session: its repository (`github.com/acme/shop`), which all clones and worktrees share. If
    /// the agent reported none, returns the top directory of the repository, or else the name of the session.
    pub fn project(&self) -> &str {
        let known = self.repository.as_deref().or(self.repository_root.as_deref());
        known.filter(|project| !project.is_empty()).unwrap_or(&self.name)
    }

    /// Returns the last component of the project: `shop`.
    pub fn project_name(&self) -> &str {
        let project = self.project().trim_end_matches('/');
        let name = project.rsplit('/').next().unwrap_or_default();
        if name.is_empty() { &self.name } else { name }
    }

    /// Returns the repository without its host: `acme/shop`. Empty if it is not known.
    pub fn short_repository(&self) -> &str {
        let repository = self.repository.as_deref().unwrap_or_default();
        repository.split_once('/').map_or(repository, |(_, path)| path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_is_the_repository_where_known() {
        let project = |repository: Option<&str>, root: Option<&str>, name: &str| {
            let row = Session {
                name: name.to_owned(),
                repository: repository.map(str::to_owned),
                repository_root: root.map(str::to_owned),
                ..Session::default()
            };
            [row.project(), row.project_name(), row.short_repository()].join(" ")
        };
        let forge = Some("github.com/acme/shop");
        let root = Some("/u/work/shop");
        assert_eq!(project(forge, root, "tf-12"), "github.com/acme/shop shop acme/shop");
        assert_eq!(project(None, root, "tf-12"), "/u/work/shop shop ");
        assert_eq!(project(None, None, "tf-12"), "tf-12 tf-12 ");
        assert_eq!(project(Some(""), Some("/"), "tf-12"), "tf-12 tf-12 ");
        assert_eq!(project(Some("shop"), None, "tf-12"), "shop shop shop");
        assert_eq!(project(None, Some("/"), "tf-12"), "/ tf-12 ");
    }
}
