//! The catalogue within the program, for when its folder is not at hand.
//!
//! Invariant: equal to the folder `scenarios/catalogue`, file by file (tested).

/// Every file's name and text, in the order of the names.
pub(crate) const FILES: [(&str, &str); 7] = [
    ("R01.toml", include_str!("../catalogue/R01.toml")),
    ("R05.toml", include_str!("../catalogue/R05.toml")),
    (
        "R09-refuse.toml",
        include_str!("../catalogue/R09-refuse.toml"),
    ),
    (
        "R09-reject.toml",
        include_str!("../catalogue/R09-reject.toml"),
    ),
    (
        "R23-close.toml",
        include_str!("../catalogue/R23-close.toml"),
    ),
    (
        "R23-reset.toml",
        include_str!("../catalogue/R23-reset.toml"),
    ),
    ("R31.toml", include_str!("../catalogue/R31.toml")),
];
