//! HTTP as the services beside a cluster speak it: Prometheus and its kin, Cruise Control. Input: an address, who we are,
//! whom we trust. Output: a status and a body; or an error that names the address without any secret. The only user of
//! ureq.
//!
//! Redirects are not followed, so that credentials go nowhere but where they were meant for. What answers 429 or 5xx, or
//! breaks the connection, is asked again a bounded number of times, waiting twice as long each time.

mod address;
#[cfg(test)]
pub(in crate::live) mod tests;

pub use address::Address;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::time::Duration;

use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderName, HeaderValue, Response};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::surroundings::{Surroundings, System};

/// The first wait before a service is asked again; gateways that restart are back within a few doublings of it.
const BACKOFF: Duration = Duration::from_millis(500);

/// No wait is longer, whatever the service asks for in `Retry-After`.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// How often one request is made at most.
const ATTEMPTS: u32 = 4;

/// An answer about 100,000 partitions has some 20 MB; more than this is no answer to what is asked here.
const BODY_BYTES_MAX: u64 = 512 << 20;

/// How much of a body an error quotes.
const EXCERPT_CHARS: usize = 200;

/// A text that no output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// `Authorization: Bearer`.
    Bearer(Secret),
    /// `Authorization: Basic`.
    Basic {
        /// Name.
        user: String,
        /// Password.
        password: Secret,
    },
}

/// How a service is reached.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Who we are.
    pub credentials: Credentials,
    /// Certificates (PEM) of the authorities that are trusted in place of the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// Whether any certificate is taken for good.
    pub insecure: bool,
    /// Further headers, such as a tenant's id.
    pub headers: Vec<(String, Secret)>,
    /// How long one request may take.
    pub timeout: Duration,
    /// How often one request is made at most.
    pub attempts: u32,
    /// The wait before the second time.
    pub backoff: Duration,
    /// Bytes of a body, uncompressed, beyond which it is refused.
    pub body_bytes_max: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            credentials: Credentials::default(),
            ca_pem: None,
            insecure: false,
            headers: Vec::new(),
            timeout: Duration::from_secs(60),
            attempts: ATTEMPTS,
            backoff: BACKOFF,
            body_bytes_max: BODY_BYTES_MAX,
        }
    }
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpErrorKind {
    /// The address, a header or a certificate cannot be used.
    Configuration,
    /// Nobody answered: no such host, refused, timed out, broken off.
    Unreachable,
    /// The TLS handshake failed: a certificate that is not trusted.
    Tls,
    /// The body is larger than allowed.
    TooLarge,
}

/// Why there is no answer. Names the address without user, password or query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address}: {message}")]
pub struct HttpError {
    /// The kind.
    pub kind: HttpErrorKind,
    /// Who was asked.
    pub address: String,
    /// What went wrong, a lowercase fragment.
    pub message: String,
}

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// `Content-Type`, lower case; empty where there is none.
    pub content_type: String,
    /// Where else to ask, for redirects: an address without user, password or query.
    pub location: Option<String>,
    /// The headers that are text, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body, uncompressed.
    pub body: Vec<u8>,
}

impl Reply {
    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of the header called `name`, in whatever case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// The body's beginning in one line, as errors quote it; a page's title where it is HTML.
    #[must_use]
    pub fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text = title(&text).unwrap_or(&text);
        let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
        let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(EXCERPT_CHARS) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }
}

fn title(html: &str) -> Option<&str> {
    let (_, rest) = html.split_once("<title>")?;
    rest.split_once("</title>").map(|(title, _)| title)
}

/// A client of one service. Requests may be made from many threads at once.
#[derive(Clone, Debug)]
pub struct Http {
    agent: Agent,
    settings: HttpSettings,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is sent.
enum Sent<'a> {
    Query(&'a [(&'a str, &'a str)]),
    Form(&'a [(&'a str, &'a str)]),
}

impl Http {
    /// Prepares a client; nothing is sent.
    ///
    /// # Errors
    /// Certificates or headers that cannot be used.
    pub fn new(settings: HttpSettings) -> Result<Self, HttpError> {
        let wrong = |message: &str| error(HttpErrorKind::Configuration, "http", message);
        let mut tls = TlsConfig::builder().disable_verification(settings.insecure);
        tls = match &settings.ca_pem {
            Some(pem) => tls.root_certs(authorities(pem).map_err(|message| wrong(&message))?),
            None => tls.root_certs(RootCerts::PlatformVerifier),
        };
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(settings.timeout))
            .user_agent(concat!("evenkeel/", env!("CARGO_PKG_VERSION")));
        let mut headers = Vec::new();
        if let Some(value) = authorization(&settings.credentials) {
            let value = value.ok_or_else(|| wrong("the credentials hold what no header can carry"))?;
            headers.push((AUTHORIZATION, value));
        }
        for (name, value) in &settings.headers {
            let parsed = HeaderName::try_from(name.as_str()).ok().zip(sensitive(&value.0));
            headers.push(parsed.ok_or_else(|| wrong(&format!("header {name:?} cannot be sent")))?);
        }
        Ok(Self { agent: config.build().new_agent(), settings, headers })
    }

    /// Asks with `GET`, the parameters in the address.
    ///
    /// # Errors
    /// Nobody answered in time, or with too much; a status is no error.
    pub fn get(&self, address: &Address, parameters: &[(&str, &str)]) -> Result<Reply, HttpError> {
        self.ask(address, &Sent::Query(parameters))
    }

    /// Asks with `POST`, the parameters in a form: for those too long for an address.
    ///
    /// # Errors
    /// As for [`Http::get`].
    pub fn post_form(&self, address: &Address, parameters: &[(&str, &str)]) -> Result<Reply, HttpError> {
        self.ask(address, &Sent::Form(parameters))
    }

    fn ask(&self, address: &Address, sent: &Sent<'_>) -> Result<Reply, HttpError> {
        let mut wait = self.settings.backoff;
        let mut attempt = 1;
        loop {
            let (answer, asked_wait) = self.ask_once(address, sent);
            let is_passing = match &answer {
                Ok(reply) => reply.status == 429 || reply.status >= 500,
                Err(error) => error.kind == HttpErrorKind::Unreachable,
            };
            if !is_passing || attempt >= self.settings.attempts {
                return answer;
            }
            System.sleep(asked_wait.unwrap_or(wait).min(BACKOFF_MAX));
            wait = wait.saturating_mul(2);
            attempt += 1;
        }
    }

    /// The answer, and how long the service asks to be left alone.
    fn ask_once(&self, address: &Address, sent: &Sent<'_>) -> (Result<Reply, HttpError>, Option<Duration>) {
        let answer = match sent {
            Sent::Query(parameters) => {
                let request = self.agent.get(address.as_sent()).query_pairs(parameters.iter().copied());
                self.headed(request).call()
            }
            Sent::Form(parameters) => {
                self.headed(self.agent.post(address.as_sent())).send_form(parameters.iter().copied())
            }
        };
        match answer {
            Ok(answer) => {
                let seconds = answer.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
                (self.read(address, answer), seconds.map(Duration::from_secs))
            }
            Err(failure) => (Err(told(address, &failure, self.settings.timeout)), None),
        }
    }

    fn headed<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        let request = request.header(ACCEPT, "application/json, text/plain;q=0.5, */*;q=0.1");
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    fn read(&self, address: &Address, mut answer: Response<Body>) -> Result<Reply, HttpError> {
        let header = |name| answer.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let content_type = header(CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        let location = header(LOCATION).and_then(|to| to.split('?').next()).map(address::without_secrets);
        let status = answer.status().as_u16();
        let texts = answer.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let headers = texts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (limit, mut body) = (self.settings.body_bytes_max, Vec::new());
        // The limit is on what comes out of gzip: a small body may hold a large one.
        let read = answer.body_mut().as_reader().take(limit.saturating_add(1)).read_to_end(&mut body);
        read.map_err(|failure| told(address, &ureq::Error::from(failure), self.settings.timeout))?;
        if body.len() as u64 > limit {
            let message = format!("the answer is larger than {limit} bytes");
            return Err(error(HttpErrorKind::TooLarge, &address.to_string(), &message));
        }
        Ok(Reply { status, content_type, location, headers, body })
    }
}

fn error(kind: HttpErrorKind, address: &str, message: &str) -> HttpError {
    HttpError { kind, address: address.to_owned(), message: message.to_owned() }
}

/// What ureq says of a failure holds no header and no query; it is told in our words where ours are plainer.
fn told(address: &Address, failure: &ureq::Error, timeout: Duration) -> HttpError {
    let text = failure.to_string();
    let (kind, message) = match failure {
        ureq::Error::Timeout(_) => {
            (HttpErrorKind::Unreachable, format!("no answer within {} s", timeout.as_secs_f64()))
        }
        ureq::Error::HostNotFound => (HttpErrorKind::Unreachable, "there is no host of that name".to_owned()),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => (HttpErrorKind::Tls, text),
        ureq::Error::Http(_) | ureq::Error::BadUri(_) | ureq::Error::InvalidProxyUrl => {
            (HttpErrorKind::Configuration, "the address cannot be used".to_owned())
        }
        // Handshakes fail inside of reads and writes.
        ureq::Error::Io(inner) if inner.get_ref().is_some_and(|inner| inner.to_string().contains("certificate")) => {
            (HttpErrorKind::Tls, text)
        }
        _ => (HttpErrorKind::Unreachable, text),
    };
    error(kind, &address.to_string(), &message)
}

/// The authorities in a PEM file.
fn authorities(pem: &[u8]) -> Result<RootCerts, String> {
    let items: Result<Vec<PemItem<'_>>, _> = parse_pem(pem).collect();
    let items = items.map_err(|_| "the CA file is not PEM".to_owned())?;
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err("the CA file holds no certificate in PEM".to_owned());
    }
    Ok(RootCerts::from(certificates))
}

/// The header that says who we are, where anybody; `Some(None)` where it cannot be written.
fn authorization(credentials: &Credentials) -> Option<Option<HeaderValue>> {
    match credentials {
        Credentials::Anonymous => None,
        Credentials::Bearer(token) => Some(sensitive(&format!("Bearer {}", token.0))),
        Credentials::Basic { user, password } => {
            // RFC 7617: a name with a colon would end up in the password.
            let is_sound = !user.contains(':');
            let text = base64(format!("{user}:{}", password.0).as_bytes());
            Some(sensitive(&format!("Basic {text}")).filter(|_| is_sound))
        }
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Base64 with padding (RFC 4648 §4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let symbol = ALPHABET[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= chunk.len() { char::from(symbol) } else { '=' });
        }
    }
    text
}
