//! What a client asks for in the query of `/ws`.
//!
//! Pure. Unknown keys are passed over (`client=` is the proxy's business); of a
//! key given twice the last one counts. Used by [`crate::routes`].

/// The wish to go on with a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resume {
    /// The id as the client wrote it.
    pub(crate) session: String,
    /// The last tick it has seen: 0, for none, if it does not say; the text
    /// itself if that is no number.
    pub(crate) last_seq: Result<u64, String>,
}

impl Resume {
    /// The wish in these pairs of the query, if there is one.
    pub(crate) fn from_query(pairs: &[(String, String)]) -> Option<Self> {
        let value = |key| pairs.iter().rev().find(|(name, _)| name == key);
        let (_, session) = value("session").filter(|(_, id)| !id.is_empty())?;
        let last_seq = match value("last_seq") {
            Some((_, text)) => text.parse().map_err(|_| text.clone()),
            None => Ok(0),
        };
        Some(Self {
            session: session.clone(),
            last_seq,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &[(&str, &str)], expected: Option<(&str, Result<u64, &str>)>) {
        let pairs: Vec<(String, String)> = query
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let expected = expected.map(|(session, last_seq)| Resume {
            session: session.to_owned(),
            last_seq: last_seq.map_err(str::to_owned),
        });
        assert_eq!(Resume::from_query(&pairs), expected, "{query:?}");
    }

    #[test]
    fn queries() {
        check(&[], None);
        check(&[("client", "c1"), ("last_seq", "3")], None);
        check(&[("session", "")], None);
        check(&[("session", "a")], Some(("a", Ok(0))));
        check(&[("session", "a"), ("last_seq", "3")], Some(("a", Ok(3))));
        check(
            &[("last_seq", "3"), ("session", "a"), ("session", "b")],
            Some(("b", Ok(3))),
        );
        for bad in ["", "-1", "1.5", "x", "18446744073709551616"] {
            check(
                &[("session", "a"), ("last_seq", bad)],
                Some(("a", Err(bad))),
            );
        }
    }
}
