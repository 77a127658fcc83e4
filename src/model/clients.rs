//! Clients as quotas see them: by user, client id, or both (contract §1, `clients.csv`); and the quotas in force.

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

/// What a part of a quota's entity is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A certain user or client id.
    Named(String),
    /// Every one without a quota of their own.
    Default,
    /// Not part of the entity.
    Absent,
}

/// What a quota is set for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entity {
    /// By user.
    pub user: Part,
    /// By client id.
    pub client_id: Part,
}

/// The quotas of an entity, each per broker and none where it is not set. A row of `quotas.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quota {
    /// Whose.
    pub entity: Entity,
    /// `producer_byte_rate`, bytes per second.
    pub producer_byte_rate: Option<f64>,
    /// `consumer_byte_rate`, bytes per second.
    pub consumer_byte_rate: Option<f64>,
    /// `request_percentage`: percent of one thread's time.
    pub request_percentage: Option<f64>,
    /// `controller_mutation_rate`: partitions created or deleted per second.
    pub controller_mutation_rate: Option<f64>,
}
