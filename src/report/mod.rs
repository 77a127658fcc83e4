//! Shows results: text, JSON, HTML with charts. Renderers are pure functions; `writer` writes what they return.
