//! Addresses of services: what is sent, and what is shown of it.

use std::fmt;

/// An address `http://HOST[:PORT][/PATH][?QUERY]`. Shown without its query, which may hold a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    base: String,
    query: Option<String>,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it; a name or password in it is refused and not repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown = without_secrets(text);
        let after_scheme = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let Some(after_scheme) = after_scheme else {
            return Err(format!("{shown:?} is no address: write http://HOST:PORT or https://HOST"));
        };
        let (base, query) = match text.split_once('#').map_or(text, |(before, _)| before).split_once('?') {
            Some((base, query)) => (base, Some(query.to_owned())),
            None => (text.split('#').next().unwrap_or_default(), None),
        };
        // A password may hold a slash or a question mark, so that an @ anywhere may end one.
        if text.contains('@') {
            return Err(format!(
                "{shown} has an @ in it, as after a user name: give credentials in files, for arguments are seen by \
                 everybody (an @ elsewhere is written %40)"
            ));
        }
        let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
        let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        if authority.is_empty() || !is_plain(text) || base.parse::<ureq::http::Uri>().is_err() {
            return Err(format!("{shown:?} is no address: write http://HOST:PORT or https://HOST"));
        }
        Ok(Self { base: base.trim_end_matches('/').to_owned(), query })
    }

    /// The address of `path` below this one; the query stays.
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        Self { base: format!("{}/{}", self.base, path.trim_start_matches('/')), query: self.query.clone() }
    }

    /// The path ends so.
    #[must_use]
    pub fn ends_with(&self, path: &str) -> bool {
        self.base.ends_with(path)
    }

    /// All of it.
    pub(super) fn as_sent(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.base),
            None => self.base.clone(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

/// `text` without what may be secret in an address: user, password, query, fragment, and what no line should hold.
#[must_use]
pub(super) fn without_secrets(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let shown = match rest.rsplit_once('@') {
        Some((_, host)) => host.split(['/', '?', '#']).next().unwrap_or_default(),
        None => rest.split(['?', '#']).next().unwrap_or_default(),
    };
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}{shown}").chars().filter(|c| !c.is_control()).collect()
}
