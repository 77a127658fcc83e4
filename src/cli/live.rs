//! What the commands that talk to a cluster share: how it is reached, and how its refusals reach the reader.

use std::path::PathBuf;
use std::time::Duration;

use super::common::{self, EndOfHeading};
use super::exit::CliError;
use crate::live::admin::ErrorKind;
use crate::live::{AdminError, ClientProperties, Connection};

/// How a cluster is reached.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterArgs {
    /// Brokers to start from; any that answers will do
    #[arg(long, value_name = "HOST:PORT[,…]")]
    pub bootstrap_server: String,
    /// How to connect: the client.properties that Kafka's tools take (security.protocol, sasl.*, ssl.*; PEM)
    #[arg(long, value_name = "FILE")]
    pub command_config: Option<PathBuf>,
    /// How long any call to the cluster may take
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = common::parse_duration)]
    pub timeout: Duration,
    #[command(flatten)]
    end: EndOfHeading,
}

impl ClusterArgs {
    /// Connects.
    ///
    /// # Errors
    /// Faults of the properties file; a cluster that does not answer or refuses who we are.
    pub fn connect(&self) -> Result<Connection, CliError> {
        let properties = match &self.command_config {
            Some(path) => {
                let (properties, warnings) = ClientProperties::read(path)?;
                common::warn(&warnings);
                properties
            }
            None => ClientProperties::default(),
        };
        Ok(Connection::open(&self.bootstrap_server, &properties, self.timeout)?)
    }
}

impl From<AdminError> for CliError {
    fn from(error: AdminError) -> Self {
        let help = match error.kind {
            ErrorKind::Unreachable => {
                "check the address, that the brokers run and advertise names that resolve here, and that \
                 security.protocol is the listener's"
            }
            ErrorKind::Authentication => {
                "check user and password, or certificates and ssl.truststore.location, in the file given with \
                 --command-config"
            }
            ErrorKind::Kerberos => {
                "check keyTab and principal in the file given with --command-config, without a keytab the ticket that \
                 `klist` shows, and KRB5_CONFIG; libsasl2 needs its GSSAPI module (libsasl2-modules-gssapi-mit)"
            }
            ErrorKind::Denied => "the principal needs Describe on the cluster and topics, and Alter to apply a plan",
            ErrorKind::Configuration => "check --bootstrap-server and the file given with --command-config",
            ErrorKind::Unsupported => "the brokers or the way to authenticate do not serve for this",
            _ => return Self::Failed(error.to_string()),
        };
        Self::Failed(format!("{error}\n  help: {help}"))
    }
}
