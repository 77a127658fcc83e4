//! What end-to-end tests share.

pub(crate) mod lab;
pub(crate) mod observed;
