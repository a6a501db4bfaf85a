//! The types of toxics, and the attributes that each has.

/// A type of toxic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Everything passes later.
    Latency,
    /// Bytes pass no faster than a rate.
    Bandwidth,
    /// A FIN passes later.
    SlowClose,
    /// Bytes are swallowed, then the connection closes.
    Timeout,
    /// RST after a time.
    ResetPeer,
    /// Bytes pass in small pieces.
    Slicer,
    /// The connection closes after so many bytes.
    LimitData,
    /// Nothing.
    Noop,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Latency,
        Self::Bandwidth,
        Self::SlowClose,
        Self::Timeout,
        Self::ResetPeer,
        Self::Slicer,
        Self::LimitData,
        Self::Noop,
    ];

    /// The type of that word; the letter case counts.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The word of the API.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Bandwidth => "bandwidth",
            Self::SlowClose => "slow_close",
            Self::Timeout => "timeout",
            Self::ResetPeer => "reset_peer",
            Self::Slicer => "slicer",
            Self::LimitData => "limit_data",
            Self::Noop => "noop",
        }
    }

    /// Its attributes, in the order in which they are shown. Whole numbers, all
    /// of them: milliseconds, but for `rate` (1,000 bytes a second), the sizes
    /// and `bytes` (bytes), and the slicer's `delay` (microseconds).
    pub(crate) fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Latency => &["latency", "jitter"],
            Self::Bandwidth => &["rate"],
            Self::SlowClose => &["delay"],
            Self::Timeout | Self::ResetPeer => &["timeout"],
            Self::Slicer => &["average_size", "size_variation", "delay"],
            Self::LimitData => &["bytes"],
            Self::Noop => &[],
        }
    }
}
