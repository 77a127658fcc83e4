//! Running clusters: what a cluster is asked and told, and by whom. Input: addresses and `client.properties`; for
//! `apply`, a plan as well. Output: what the cluster says of itself, as ingestion takes it; or the plan carried out, a
//! journal of it on disk. The only module that talks to a cluster.

pub mod admin;
pub mod apply;
mod capture;
pub mod codes;
mod connection;
pub mod cruise_control;
pub mod http;
mod kerberos;
mod krafka_admin;
mod metrics_topic;
pub mod prometheus;
pub mod properties;
mod quotas;
mod rdkafka_client;
pub mod surroundings;
mod visible;

pub use admin::{Admin, AdminError};
pub use capture::capture;
pub use connection::Connection;
pub use metrics_topic::reported;
pub use properties::ClientProperties;
