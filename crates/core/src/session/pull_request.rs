//! The repository and the pull request of a session, as the agent reports them.

use crate::session::place::sanitise_optional;
use crate::text::clean;
use crate::{MAX_ID, MAX_LINE};
use serde::{Deserialize, Serialize};

/// The greatest number of a pull request: ten digits.
const MAX_NUMBER: u64 = 9_999_999_999;

/// The open pull request of a session's branch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PullRequest {
    /// The number in its repository.
    pub number: u64,
    /// The address of its page. It is shown and never opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The state of its review, as the agent spells it: `approved`, `changes_requested`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<String>,
    /// It is a merge request of GitLab.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merge_request: bool,
}

impl PullRequest {
    /// Returns the number as GitHub or GitLab writes it: `#7` or `!7`.
    pub fn short_name(&self) -> String {
        let sign = if self.merge_request { '!' } else { '#' };
        format!("{sign}{}", self.number)
    }

    /// Cleans and bounds the texts.
    fn sanitise(&mut self) {
        sanitise_optional(&mut self.review, MAX_ID, false);
        // A cut or cleaned address would be another address.
        self.url = self.url.take().filter(|url| {
            let is_web = url.starts_with("https://") || url.starts_with("http://");
            is_web && !url.contains(char::is_whitespace) && clean(url, MAX_LINE, false) == *url
        });
    }
}

/// Cleans and bounds a repository and a pull request in place. A pull request with an impossible number becomes `None`.
pub(crate) fn sanitise_repository(
    repository: &mut Option<String>,
    pull_request: &mut Option<PullRequest>,
) {
    sanitise_optional(repository, MAX_LINE, false);
    *pull_request = pull_request.take().filter(|found| (1..=MAX_NUMBER).contains(&found.number));
    if let Some(found) = pull_request {
        found.sanitise();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a pull request with this address after it was cleaned.
    fn with_url(url: &str) -> PullRequest {
        let mut found = Some(PullRequest {
            number: 7,
            url: Some(url.to_owned()),
            review: Some("appr\u{1b}[31moved\n".to_owned()),
            merge_request: false,
        });
        sanitise_repository(&mut None, &mut found);
        found.unwrap()
    }

    #[test]
    fn only_a_plain_web_address_is_kept() {
        let url = "https://github.com/acme/shop/pull/7";
        assert_eq!(with_url(url).url.as_deref(), Some(url));
        assert_eq!(with_url(url).review.as_deref(), Some("approved "));
        let long = format!("https://github.com/{}", "a".repeat(MAX_LINE));
        for hostile in [
            "",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://github.com/\u{1b}]8;;x\u{7}",
            "https://github.com/a\u{202e}b",
            "https://github.com/a b",
            "https://github.com/a\nb",
            &long,
        ] {
            assert_eq!(with_url(hostile).url, None, "{hostile}");
        }
    }

    #[test]
    fn impossible_number_is_no_pull_request() {
        for (number, is_kept) in [(0, false), (1, true), (MAX_NUMBER, true), (u64::MAX, false)] {
            let mut repository = Some(format!("github.com/{}\u{9b}31m", "a".repeat(999)));
            let mut found = Some(PullRequest { number, ..PullRequest::default() });
            sanitise_repository(&mut repository, &mut found);
            assert_eq!(found.is_some(), is_kept, "{number}");
            assert!(repository.unwrap().len() <= MAX_LINE);
        }
    }

    #[test]
    fn short_name_has_the_sign_of_its_forge() {
        let request =
            |merge_request| PullRequest { number: 7, merge_request, ..PullRequest::default() };
        assert_eq!([false, true].map(|is_merge| request(is_merge).short_name()), ["#7", "!7"]);
    }
}
