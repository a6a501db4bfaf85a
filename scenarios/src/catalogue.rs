//! The catalogue within the program, for when its folder is not at hand.
//!
//! Invariant: equal to the folder `scenarios/catalogue`, file by file (tested).

macro_rules! files {
    ($($name:literal)*) => {
        /// Every file's name and text, in the order of the names.
        pub(crate) const FILES: [(&str, &str); [$($name),*].len()] =
            [$(($name, include_str!(concat!("../catalogue/", $name)))),*];
    };
}

files! {
    "R01.toml"
    "R02.toml"
    "R03.toml"
    "R04-gone.toml"
    "R04-stall.toml"
    "R05.toml"
    "R06.toml"
    "R07.toml"
    "R08.toml"
    "R09-refuse.toml"
    "R09-reject.toml"
    "R15-close.toml"
    "R15.toml"
    "R16.toml"
    "R17.toml"
    "R18-peak.toml"
    "R18.toml"
    "R19-kill.toml"
    "R19.toml"
    "R20-restart.toml"
    "R23-close.toml"
    "R23-cut-reset.toml"
    "R23-cut.toml"
    "R23-reset.toml"
    "R24-trickle.toml"
    "R25.toml"
    "R26.toml"
    "R27.toml"
    "R29-connecting.toml"
    "R29.toml"
    "R30.toml"
    "R31-away.toml"
    "R31.toml"
    "R32-resume.toml"
    "R32.toml"
    "R34.toml"
}
