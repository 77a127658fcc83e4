//! The first contact, for those whom librdkafka alone can introduce. It tries again and again what is refused for good, and
//! says why only in its log, which nothing but a consumer's poll hands over.

use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{LastLog, RdkafkaClient, settings};
use crate::live::admin::{AdminError, Answer, ErrorKind};
use crate::live::properties::ClientProperties;

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(100);

/// Returns once a broker has told the cluster's id.
///
/// # Errors
/// Nobody did in time, or who we are was refused: the first refusal ends this.
pub(in crate::live) fn reach(bootstrap: &str, properties: &ClientProperties, timeout: Duration) -> Answer<()> {
    let what = format!("cannot connect to {bootstrap}");
    let log = LastLog::default();
    let made = BaseConsumer::from_config_and_context(&settings(bootstrap, properties, timeout), log.clone());
    let consumer: BaseConsumer<LastLog> = made.map_err(|error| RdkafkaClient::error_with(&log, &what, &error))?;
    let mut waited = Duration::ZERO;
    while waited < timeout {
        waited += POLL;
        let failure = match consumer.poll(POLL) {
            Some(Err(failure)) => failure,
            _ => KafkaError::MetadataFetch(RDKafkaErrorCode::BrokerTransportFailure),
        };
        if consumer.client().fetch_cluster_id(Duration::ZERO).is_some() {
            return Ok(());
        }
        let error = RdkafkaClient::error_with(&log, &what, &failure);
        if matches!(error.kind, ErrorKind::Authentication | ErrorKind::Kerberos) {
            // That libsasl2 lacks a module is told without a word of Kerberos.
            return Err(AdminError { kind: ErrorKind::Kerberos, ..error });
        }
    }
    let message = format!("{what}: no answer within {} s{}", timeout.as_secs_f64(), log.aside());
    Err(AdminError::new(ErrorKind::Unreachable, message))
}
