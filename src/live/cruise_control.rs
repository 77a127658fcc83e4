//! A running Cruise Control. Input: its address and who we are. Output: the texts of the answers that a snapshot is made
//! of, each with the address that it is from. Only `GET`s are sent, none of which changes anything.
//!
//! `/load` and `/partition_load` are computed while we wait: an answer that is not ready has status 202, its progress and
//! a `User-Task-ID`, with which the same request is made again until it is (`AbstractAsyncRequest` and `UserTaskManager`
//! of linkedin/cruise-control). Versions differ in the parameters that they know, and refuse a request with others whole,
//! with status 400, the oldest with 501: it is then made without those that are not needed.

use std::path::PathBuf;
use std::time::Duration;

use super::http::{Address, Http, HttpError, HttpErrorKind, HttpSettings, Reply, Secret};
use super::surroundings::Surroundings;
use crate::ingest::kafka_cli::Source;

/// The header that names a task.
const TASK: &str = "User-Task-ID";

/// The first wait before a task is asked for again, doubled up to [`POLL_MAX`].
const POLL: Duration = Duration::from_millis(500);
const POLL_MAX: Duration = Duration::from_secs(10);

/// A request: path, parameters that an answer needs, and those that not every version knows.
struct Call {
    path: &'static str,
    needed: &'static [(&'static str, &'static str)],
    wished: &'static [(&'static str, &'static str)],
}

const CLUSTER_STATE: Call =
    Call { path: "kafka_cluster_state", needed: &[("json", "true"), ("verbose", "true")], wished: &[] };
const PARTITION_LOAD: Call = Call { path: "partition_load", needed: &[("json", "true")], wished: &[] };
const LOAD: Call = Call { path: "load", needed: &[("json", "true")], wished: &[("populate_disk_info", "true")] };

/// The answers that a snapshot is made of.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// `/kafka_cluster_state`.
    pub cluster_state: Source,
    /// `/partition_load`.
    pub partition_load: Source,
    /// `/load`.
    pub load: Source,
    /// What had to be asked for otherwise than wished, and what that means, in words.
    pub told: Vec<String>,
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CruiseControlErrorKind {
    /// The address, a header or a certificate cannot be used.
    Configuration,
    /// Nobody answered, or not in time.
    Unreachable,
    /// The certificate is not trusted.
    Tls,
    /// We are not let in.
    Denied,
    /// There is no Cruise Control at this address.
    NotFound,
    /// It answered with an error.
    Refused,
}

/// Why there are no answers. Names addresses without query, and no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CruiseControlError {
    /// The kind.
    pub kind: CruiseControlErrorKind,
    /// Who was asked and what came back, a lowercase fragment.
    pub message: String,
}

impl From<HttpError> for CruiseControlError {
    fn from(error: HttpError) -> Self {
        let kind = match error.kind {
            HttpErrorKind::Configuration => CruiseControlErrorKind::Configuration,
            HttpErrorKind::Unreachable => CruiseControlErrorKind::Unreachable,
            HttpErrorKind::Tls => CruiseControlErrorKind::Tls,
            HttpErrorKind::TooLarge => CruiseControlErrorKind::Refused,
        };
        Self { kind, message: error.to_string() }
    }
}

/// Asks the Cruise Control at `address`, whose path is usually `/kafkacruisecontrol`; an answer may take it `patience` to
/// compute. `progress` is told what is asked and the share that is done (0–1).
///
/// # Errors
/// Nobody answered, we are not let in, or it answered with an error.
pub fn fetch(
    address: &Address,
    settings: &HttpSettings,
    patience: Duration,
    surroundings: &dyn Surroundings,
    progress: &dyn Fn(&str, f64),
) -> Result<Answers, CruiseControlError> {
    let client = Client { address, settings, patience, surroundings, http: Http::new(settings.clone())? };
    let mut told = Vec::new();
    progress("cluster state", 0.0);
    let cluster_state = client.ask(&CLUSTER_STATE, &mut told)?;
    progress("partitions' loads", 0.3);
    let partition_load = client.ask(&PARTITION_LOAD, &mut told)?;
    progress("brokers' loads", 0.7);
    let load = client.ask(&LOAD, &mut told)?;
    Ok(Answers { cluster_state, partition_load, load, told })
}

struct Client<'c> {
    address: &'c Address,
    settings: &'c HttpSettings,
    patience: Duration,
    surroundings: &'c dyn Surroundings,
    http: Http,
}

impl Client<'_> {
    fn ask(&self, call: &Call, told: &mut Vec<String>) -> Result<Source, CruiseControlError> {
        let address = self.address.join(call.path);
        let all = [call.needed, call.wished].concat();
        let mut reply = self.wait_for(&address, &all)?;
        if !call.wished.is_empty() && [400, 501].contains(&reply.status) {
            reply = self.wait_for(&address, call.needed)?;
            if reply.is_success() {
                let names: Vec<&str> = call.wished.iter().map(|(name, _)| *name).collect();
                let names = names.join(", ");
                told.push(format!("/{} was asked without {names}, which this Cruise Control does not know", call.path));
            }
        }
        if !reply.is_success() {
            return Err(refused(&address, &reply));
        }
        let text = String::from_utf8(reply.body).map_err(|_| CruiseControlError {
            kind: CruiseControlErrorKind::Refused,
            message: format!("{address}: the answer is not UTF-8"),
        })?;
        Ok(Source { path: PathBuf::from(address.to_string()), text })
    }

    /// The answer once it is computed.
    fn wait_for(&self, address: &Address, parameters: &[(&str, &str)]) -> Result<Reply, CruiseControlError> {
        let mut reply = self.http.get(address, parameters)?;
        let (mut waited, mut step) = (Duration::ZERO, POLL);
        let mut named: Option<(String, Http)> = None;
        while reply.status == 202 {
            if waited >= self.patience {
                let message = format!("{address}: still at work after {:.0} s", waited.as_secs_f64());
                return Err(CruiseControlError { kind: CruiseControlErrorKind::Unreachable, message });
            }
            self.surroundings.sleep(step);
            waited += step;
            step = step.saturating_mul(2).min(POLL_MAX);
            let id = reply.header(TASK).map(str::to_owned);
            if let Some(id) = id.filter(|id| named.as_ref().is_none_or(|(known, _)| known != id)) {
                let mut settings = self.settings.clone();
                settings.headers.push((TASK.to_owned(), Secret::new(id.clone())));
                named = Some((id, Http::new(settings)?));
            }
            let Some((_, http)) = &named else {
                // Asked again without it, Cruise Control would begin the work anew, beside what it is at.
                let message = format!("{address}: still at work, and it names no {TASK} by which to ask again");
                return Err(CruiseControlError { kind: CruiseControlErrorKind::Refused, message });
            };
            reply = http.get(address, parameters)?;
        }
        Ok(reply)
    }
}

/// What an answer with an error says; Cruise Control puts it under `errorMessage`, its oldest versions under `error`.
fn refused(address: &Address, reply: &Reply) -> CruiseControlError {
    let json: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
    let said = ["errorMessage", "error"].into_iter().find_map(|key| json.as_ref()?.get(key)?.as_str());
    let said: String = match said {
        Some(said) => said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect(),
        None => reply.excerpt(),
    };
    let (kind, what) = match reply.status {
        401 | 403 => (CruiseControlErrorKind::Denied, "we are not let in"),
        404 | 405 => (CruiseControlErrorKind::NotFound, "there is no Cruise Control"),
        300..=399 => (CruiseControlErrorKind::NotFound, "it is elsewhere"),
        _ => (CruiseControlErrorKind::Refused, "Cruise Control answered with an error"),
    };
    let to = reply.location.as_ref().map(|to| format!(" (see {to})")).unwrap_or_default();
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    CruiseControlError { kind, message: format!("{address}: {what}, status {}{to}{said}", reply.status) }
}

#[cfg(test)]
mod tests;
