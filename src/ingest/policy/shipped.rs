//! The policies that come with the tool, found by name: `--policy gentle` needs no file.

use std::path::Path;

/// Name and text of every shipped policy, in the order in which they are listed.
pub const SHIPPED: [(&str, &str); 3] = [
    ("default", include_str!("../../../models/policies/default.toml")),
    ("cruise-control", include_str!("../../../models/policies/cruise-control.toml")),
    ("gentle", include_str!("../../../models/policies/gentle.toml")),
];

/// The text of the shipped policy that `name` means, with or without `.toml`; a path with folders means none.
#[must_use]
pub fn shipped(name: &Path) -> Option<&'static str> {
    let name = name.to_str()?;
    let stem = name.strip_suffix(".toml").unwrap_or(name);
    SHIPPED.iter().find(|(shipped, _)| *shipped == stem).map(|(_, text)| *text)
}

/// The names, for messages.
#[must_use]
pub fn shipped_names() -> String {
    SHIPPED.map(|(name, _)| name).join(", ")
}
