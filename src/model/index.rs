//! Indices into a [`Snapshot`](super::Snapshot)'s tables.
//!
//! Each table has its own index type, so that a broker's place in the table can never be mistaken for its Kafka id or
//! for another table's place. They are stored off by one, which makes `Option<…Idx>` as small as the index itself: a
//! million replicas are held in 24 bytes each.

use std::num::NonZeroU32;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU32);

        impl $name {
            /// The index of row `row` (0-based). Rows beyond `u32::MAX - 1` do not exist: ingestion refuses such files.
            #[must_use]
            pub fn new(row: usize) -> Self {
                let stored = u32::try_from(row).unwrap_or(u32::MAX - 1) + 1;
                Self(NonZeroU32::new(stored).unwrap_or(NonZeroU32::MAX))
            }

            /// The row (0-based).
            #[must_use]
            pub fn row(self) -> usize {
                self.0.get() as usize - 1
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}#{}", stringify!($name), self.row())
            }
        }
    };
}

index!(
    /// A row of [`Snapshot::brokers`](super::Snapshot::brokers).
    BrokerIdx
);
index!(
    /// A row of [`Snapshot::log_dirs`](super::Snapshot::log_dirs).
    LogDirIdx
);
index!(
    /// A row of [`Snapshot::topics`](super::Snapshot::topics).
    TopicIdx
);
index!(
    /// A row of [`Snapshot::partitions`](super::Snapshot::partitions).
    PartitionIdx
);
index!(
    /// A row of [`Snapshot::racks`](super::Snapshot::racks).
    RackIdx
);
index!(
    /// A row of [`Snapshot::groups`](super::Snapshot::groups).
    GroupIdx
);
