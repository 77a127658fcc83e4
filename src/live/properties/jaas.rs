//! `sasl.jaas.config`: a login module, a control flag and options, `Module required key="value" …;`.

use super::Secret;

/// The options of a login module.
#[derive(Clone, Debug, Default)]
pub(super) struct Login {
    options: Vec<(String, Secret)>,
}

impl Login {
    /// The option called `name`.
    pub(super) fn option(&self, name: &str) -> Option<String> {
        let found = self.options.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.expose().to_owned())
    }
}

/// Reads the first login module of `text`; what is wrong is said without its values.
pub(super) fn parse(text: &str) -> Result<Login, &'static str> {
    let mut rest = text.trim();
    for expected in ["does not begin with a login module", "has no control flag such as `required`"] {
        let end = rest.find(char::is_whitespace).ok_or(expected)?;
        let (word, after) = rest.split_at(end);
        if word.contains(['=', ';', '"']) {
            return Err(expected);
        }
        rest = after.trim_start();
    }
    let mut login = Login::default();
    loop {
        if let Some(after) = rest.strip_prefix(';') {
            return if after.trim().is_empty() { Ok(login) } else { Err("goes on after its semicolon") };
        }
        if rest.is_empty() {
            return Err("does not end in a semicolon");
        }
        let (key, after) = rest.split_once('=').ok_or("has an option without a value")?;
        let (value, after) = value(after.trim_start())?;
        login.options.push((key.trim().to_owned(), Secret::new(value)));
        rest = after.trim_start();
    }
}

/// A value, quoted or not, and what follows it.
fn value(text: &str) -> Result<(String, &str), &'static str> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let end = text.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return Ok((value.to_owned(), after));
    };
    let mut out = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            out.push(c);
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return Ok((out, &text[at + c.len_utf8()..]));
        } else {
            out.push(c);
        }
    }
    Err("has a quote that is never closed")
}
