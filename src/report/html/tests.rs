//! The page as structure: what is on it, that nothing gets through as markup, that it stays small.
