//! The built-in scenarios within the program, for when its folder is not at hand.
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
    "R10.toml"
    "R11.toml"
    "R12-date.toml"
    "R12.toml"
    "R13.toml"
    "R14-garbage.toml"
    "R14-redirect.toml"
    "R14-wrong-accept.toml"
    "R14.toml"
    "R15-close.toml"
    "R15.toml"
    "R16.toml"
    "R17.toml"
    "R18-peak.toml"
    "R18.toml"
    "R19-kill.toml"
    "R19.toml"
    "R20-1012.toml"
    "R20-1013.toml"
    "R20-restart.toml"
    "R20.toml"
    "R21-1008.toml"
    "R21-4001.toml"
    "R21.toml"
    "R22-3000.toml"
    "R22-4999.toml"
    "R22-none.toml"
    "R22.toml"
    "R23-close.toml"
    "R23-cut-between.toml"
    "R23-cut-in-header.toml"
    "R23-cut-in-length.toml"
    "R23-cut-in-payload.toml"
    "R23-cut-reset.toml"
    "R23-cut.toml"
    "R23-reset.toml"
    "R24-cut.toml"
    "R24-trickle.toml"
    "R25.toml"
    "R26-duplicate.toml"
    "R26.toml"
    "R27.toml"
    "R28.toml"
    "R29-connecting.toml"
    "R29.toml"
    "R30.toml"
    "R31-away.toml"
    "R31.toml"
    "R32-resume.toml"
    "R32.toml"
    "R33-bound.toml"
    "R33-doubled.toml"
    "R33-early.toml"
    "R33-order.toml"
    "R33.toml"
    "R34-pong.toml"
    "R34.toml"
    "R35-frozen.toml"
    "R35-hidden.toml"
    "R35-left.toml"
    "R35-offline.toml"
    "R35-slept.toml"
    "R36-alert.toml"
    "R36-expired.toml"
    "R36-half.toml"
    "R36-plain.toml"
    "R36-stall.toml"
    "R36-truncate.toml"
    "R36-wrong-host.toml"
    "R37.toml"
    "R38.toml"
    "R39.toml"
    "R40.toml"
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_embedded_catalogue_is_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/catalogue");
        let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, std::fs::read_to_string(path).unwrap())
            })
            .collect();
        files.sort();
        let embedded = super::FILES.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(files, embedded);
    }
}
