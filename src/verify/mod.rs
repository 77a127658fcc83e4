//! Judges any placement without the optimizer: rules, bands, movement (contract §3 and §5). Pure.
