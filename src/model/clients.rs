//! Clients as quotas see them: by user, client id, or both (contract §1, `clients.csv`).

/// What a quota is for: Kafka's user and client id, either of which may be left open.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientIdentity {
    /// Authenticated user; none where clients are told apart by id alone.
    pub user: Option<String>,
    /// Client id; none where all of a user's count together.
    pub client_id: Option<String>,
}

/// A row of `clients.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Who it is; both empty stands for everybody without a row of their own.
    pub identity: ClientIdentity,
    /// What it writes to the whole cluster, bytes per second.
    pub produce_bytes_per_sec: f64,
    /// What it reads from the whole cluster, bytes per second.
    pub consume_bytes_per_sec: f64,
    /// How long brokers delay its requests today, milliseconds; none where that is unknown.
    pub throttle_ms: Option<f64>,
}
