//! How to connect: Java's `client.properties`, as Kafka's own tools take with `--command-config`, read once for both
//! clients. Input: the file's text. Output: [`ClientProperties`], or every fault with line and column. Values that are
//! secret are held in [`Secret`] and appear in no message.

mod jaas;
mod lines;

use std::fmt;
use std::path::{Path, PathBuf};

use self::lines::Property;
use super::codes;
use crate::ingest::nearest::nearest;
use crate::ingest::{Fault, Faults};

/// A value that is shown nowhere.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Holds `value`.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the client that needs it and for nobody else.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A SASL mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// User and password as they are.
    Plain,
    /// Challenge and response over SHA-256.
    ScramSha256,
    /// Challenge and response over SHA-512.
    ScramSha512,
    /// Kerberos.
    Gssapi,
}

impl Mechanism {
    const ALL: [Self; 4] = [Self::Plain, Self::ScramSha256, Self::ScramSha512, Self::Gssapi];

    /// Kafka's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::Gssapi => "GSSAPI",
        }
    }
}

/// What Kerberos needs beside a ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kerberos {
    /// `sasl.kerberos.service.name`.
    pub service_name: Option<String>,
    /// Path of the keytab.
    pub keytab: Option<String>,
    /// Whose ticket.
    pub principal: Option<String>,
}

/// Who we say we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// How that is proved.
    pub mechanism: Mechanism,
    /// User name; empty for Kerberos.
    pub username: String,
    /// Password; empty for Kerberos.
    pub password: Secret,
    /// For Kerberos.
    pub kerberos: Kerberos,
}

/// Certificates or keys in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pem {
    /// In a file.
    File(PathBuf),
    /// In the properties themselves.
    Text(Secret),
}

/// Whom we trust, and our own certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The authorities that brokers' certificates may be signed by; none for those of the system.
    pub ca: Option<Pem>,
    /// Our certificate.
    pub certificate: Option<Pem>,
    /// Its key, not encrypted.
    pub key: Option<Pem>,
}

/// How to connect. Without a file: in the clear, as nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientProperties {
    /// Whether connections are TLS.
    pub is_encrypted: bool,
    /// Who we are.
    pub sasl: Option<Sasl>,
    /// Certificates, where connections are TLS.
    pub tls: Tls,
}

impl ClientProperties {
    /// `security.protocol`.
    #[must_use]
    pub fn security_protocol(&self) -> &'static str {
        match (self.is_encrypted, self.sasl.is_some()) {
            (false, false) => "PLAINTEXT",
            (true, false) => "SSL",
            (false, true) => "SASL_PLAINTEXT",
            (true, true) => "SASL_SSL",
        }
    }

    /// Reads the file at `path` and checks that the files it names can be read; with warnings.
    ///
    /// # Errors
    /// Every fault found.
    pub fn read(path: &Path) -> Result<(Self, Faults), Faults> {
        let unreadable = |what: &Path, error: &std::io::Error| {
            let message = format!("{} cannot be read: {error}", what.display());
            Fault::error(codes::PROPERTIES_UNREADABLE, path, message).help("check the path and its permissions")
        };
        let mut faults = Faults::default();
        let text = match std::fs::read(path) {
            // Java reads properties as Latin-1 and takes \u escapes for the rest; a password in UTF-8 is likelier.
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => {
                faults.push(unreadable(path, &error));
                return Err(faults);
            }
        };
        let (properties, warnings) = Self::parse(path, &text)?;
        faults.extend(warnings);
        let tls = [&properties.tls.ca, &properties.tls.certificate, &properties.tls.key];
        let pems = tls.into_iter().filter_map(|pem| if let Some(Pem::File(file)) = pem { Some(&**file) } else { None });
        let keytab = properties.sasl.as_ref().and_then(|sasl| sasl.kerberos.keytab.as_ref()).map(Path::new);
        for file in pems.chain(keytab) {
            if let Err(error) = std::fs::File::open(file) {
                faults.push(unreadable(file, &error));
            }
        }
        if faults.has_errors() { Err(faults) } else { Ok((properties, faults)) }
    }

    /// Reads `text`, the content of `path`; with warnings.
    ///
    /// # Errors
    /// Every fault found.
    pub fn parse(path: &Path, text: &str) -> Result<(Self, Faults), Faults> {
        let mut reader = Reader { path, faults: Faults::default(), properties: Vec::new() };
        reader.properties = lines::read(path, text, &mut reader.faults);
        reader.check_keys();
        let properties = reader.properties();
        if reader.faults.has_errors() { Err(reader.faults) } else { Ok((properties, reader.faults)) }
    }
}

/// The keys that are used; others that Kafka's clients know are passed over in silence, for one file serves many tools.
const KEYS: [&str; 21] = [
    "sasl.jaas.config",
    "sasl.kerberos.keytab",
    "sasl.kerberos.principal",
    "sasl.kerberos.service.name",
    "sasl.mechanism",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.type",
];

/// Keys below `ssl.` and `sasl.` that Java knows and that change nothing here.
const HARMLESS: [&str; 6] = [
    "ssl.truststore.password",
    "ssl.enabled.protocols",
    "ssl.protocol",
    "ssl.cipher.suites",
    "sasl.login.",
    "ssl.provider",
];

/// The properties while they are read.
struct Reader<'a> {
    path: &'a Path,
    faults: Faults,
    properties: Vec<Property>,
}

impl Reader<'_> {
    /// The last setting of `key`, as Java takes it, blank ones left out.
    fn get(&self, key: &str) -> Option<Property> {
        let found = self.properties.iter().rev().find(|p| p.key == key);
        found.filter(|p| !p.value.expose().trim().is_empty()).cloned()
    }

    /// The same, with `${…}` refused: config providers run in Java only.
    fn literal(&mut self, key: &str) -> Option<Property> {
        let found = self.get(key)?;
        if found.value.expose().contains("${") {
            let help = "write the value itself, or a file that a secret store mounts";
            self.error(codes::PROPERTIES_UNSUPPORTED, &found, format!("{key} refers to a config provider"), help);
            return None;
        }
        Some(found)
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.literal(key).map(|p| p.value.expose().trim().to_owned())
    }

    fn error(&mut self, code: &'static str, at: &Property, message: String, help: &str) {
        self.faults.push(Fault::error(code, self.path, message).at(at.line, at.column).help(help));
    }

    fn missing(&mut self, message: &str, help: &str) {
        self.faults.push(Fault::error(codes::PROPERTIES_MISSING, self.path, message).help(help));
    }

    fn check_keys(&mut self) {
        let concerns_us = |key: &str| ["ssl.", "sasl.", "security."].iter().any(|prefix| key.starts_with(prefix));
        let is_known = |key: &str| KEYS.contains(&key) || HARMLESS.iter().any(|known| key.starts_with(known));
        for property in self.properties.iter().filter(|p| concerns_us(&p.key) && !is_known(&p.key)) {
            let message = format!("{} is ignored: it means nothing here", property.key);
            let fault = Fault::warning(codes::PROPERTIES_UNKNOWN_KEY, self.path, message);
            let near = nearest(&property.key, KEYS).unwrap_or_default();
            self.faults
                .push(fault.at(property.line, property.column).help(format!("the nearest that is used: {near}")));
        }
    }

    fn properties(&mut self) -> ClientProperties {
        let protocol = self.text("security.protocol").map(|p| p.to_uppercase());
        let (is_encrypted, has_sasl) = match protocol.as_deref() {
            None | Some("PLAINTEXT") => (false, false),
            Some("SSL") => (true, false),
            Some("SASL_PLAINTEXT") => (false, true),
            Some("SASL_SSL") => (true, true),
            Some(_) => {
                if let Some(at) = self.get("security.protocol") {
                    let help = "write PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL";
                    self.error(codes::PROPERTIES_VALUE, &at, "security.protocol is none of those known".into(), help);
                }
                (false, false)
            }
        };
        let sasl = if has_sasl { self.sasl() } else { None };
        let tls = if is_encrypted { self.tls() } else { Tls::default() };
        ClientProperties { is_encrypted, sasl, tls }
    }

    fn sasl(&mut self) -> Option<Sasl> {
        let mechanism = match self.literal("sasl.mechanism") {
            // Java's default.
            None => Mechanism::Gssapi,
            Some(found) => {
                let name = found.value.expose().trim().to_uppercase();
                let Some(known) = Mechanism::ALL.into_iter().find(|m| m.name() == name) else {
                    let message = "sasl.mechanism is none of those supported".to_owned();
                    let help = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, and GSSAPI for what librdkafka can ask";
                    self.error(codes::PROPERTIES_UNSUPPORTED, &found, message, help);
                    return None;
                };
                known
            }
        };
        let login = match self.literal("sasl.jaas.config") {
            Some(found) => match jaas::parse(found.value.expose()) {
                Ok(login) => Some(login),
                Err(why) => {
                    let help = "it reads: org.apache.kafka.common.security.scram.ScramLoginModule required \
                                username=\"…\" password=\"…\";";
                    self.error(codes::PROPERTIES_SYNTAX, &found, format!("sasl.jaas.config {why}"), help);
                    return None;
                }
            },
            None => None,
        };
        let login = login.unwrap_or_default();
        if mechanism == Mechanism::Gssapi {
            let kerberos = self.kerberos(&login);
            return Some(Sasl { mechanism, username: String::new(), password: Secret::default(), kerberos });
        }
        let username = self.text("sasl.username").or_else(|| login.option("username"));
        let password = self.literal("sasl.password").map(|p| p.value).or_else(|| login.option("password").map(Secret));
        let (Some(username), Some(password)) = (username, password) else {
            let help = "give sasl.jaas.config with username and password, or sasl.username and sasl.password";
            self.missing(&format!("{} needs a user name and a password", mechanism.name()), help);
            return None;
        };
        Some(Sasl { mechanism, username, password, kerberos: Kerberos::default() })
    }

    /// A keytab counts as in Java: unless `useKeyTab` says that it does not, and with the principal that it is for.
    fn kerberos(&mut self, login: &jaas::Login) -> Kerberos {
        let is_unused = login.option("useKeyTab").is_some_and(|text| text.eq_ignore_ascii_case("false"));
        let keytab = self.text("sasl.kerberos.keytab").or_else(|| login.option("keyTab").filter(|_| !is_unused));
        let principal = self.text("sasl.kerberos.principal").or_else(|| login.option("principal"));
        if keytab.is_some() && principal.as_ref().is_none_or(|name| name.is_empty() || name.starts_with('-')) {
            let help = "give principal=\"user@REALM\" in sasl.jaas.config, or sasl.kerberos.principal";
            self.missing("a keytab needs the principal that it is for", help);
        }
        let service_name = self.text("sasl.kerberos.service.name").or_else(|| login.option("serviceName"));
        Kerberos { service_name, keytab, principal }
    }

    fn tls(&mut self) -> Tls {
        let identification = self.properties.iter().rev().find(|p| p.key == "ssl.endpoint.identification.algorithm");
        if let Some(found) = identification.cloned().filter(|p| !p.value.expose().trim().eq_ignore_ascii_case("https"))
        {
            let message = "brokers' host names are always checked against their certificates".to_owned();
            let help = "remove the line, and connect by the names that are in the certificates";
            self.error(codes::PROPERTIES_UNSUPPORTED, &found, message, help);
        }
        let pem_text = |p: Property| Pem::Text(p.value);
        let by_path = |text: String| Pem::File(PathBuf::from(text));
        let ca = self
            .literal("ssl.truststore.certificates")
            .map(pem_text)
            .or_else(|| self.text("ssl.ca.location").map(by_path))
            .or_else(|| self.store("ssl.truststore").map(by_path));
        let whole = self.store("ssl.keystore").map(by_path);
        let certificate = self
            .literal("ssl.keystore.certificate.chain")
            .map(pem_text)
            .or_else(|| self.text("ssl.certificate.location").map(by_path))
            .or_else(|| whole.clone());
        let key = self
            .literal("ssl.keystore.key")
            .map(pem_text)
            .or_else(|| self.text("ssl.key.location").map(by_path))
            .or(whole);
        let is_pair = matches!(
            (&certificate, &key),
            (None, None) | (Some(Pem::File(_)), Some(Pem::File(_))) | (Some(Pem::Text(_)), Some(Pem::Text(_)))
        );
        if !is_pair {
            let help = "give both in one way: ssl.keystore.location, the two ssl.keystore.* values, or two files";
            self.missing("a client certificate needs its key, and a key its certificate", help);
        }
        if let Some(found) = self.get("ssl.key.password") {
            let help = "decrypt it: openssl pkey -in encrypted.pem -out key.pem; readable by you alone";
            self.error(codes::PROPERTIES_UNSUPPORTED, &found, "encrypted keys are not read".to_owned(), help);
        }
        Tls { ca, certificate, key }
    }

    /// The path of a store that is in PEM.
    fn store(&mut self, prefix: &str) -> Option<String> {
        let location = self.literal(&format!("{prefix}.location"))?;
        let path = location.value.expose().trim().to_owned();
        let kind = self.text(&format!("{prefix}.type")).map(|kind| kind.to_uppercase());
        let lower = path.to_lowercase();
        let is_pem = match kind.as_deref() {
            Some(kind) => kind == "PEM",
            None => [".pem", ".crt", ".cer"].iter().any(|ending| lower.ends_with(ending)),
        };
        if is_pem {
            return Some(path);
        }
        let kind = kind.as_deref().unwrap_or("JKS, Java's default").to_owned();
        let message = format!("{prefix}.location is a store of type {kind}, which only Java reads");
        let convert = if prefix == "ssl.truststore" {
            "export it: keytool -list -rfc -keystore STORE > ca.pem; then write ssl.truststore.type=PEM and \
             ssl.truststore.location=ca.pem"
        } else {
            "export it: keytool -importkeystore -srckeystore STORE -destkeystore client.p12 -deststoretype PKCS12, then \
             openssl pkcs12 -in client.p12 -nodes -out client.pem; then write ssl.keystore.type=PEM and \
             ssl.keystore.location=client.pem"
        };
        self.error(codes::PROPERTIES_STORE, &location, message, convert);
        None
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests;
