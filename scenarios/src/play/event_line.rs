//! One line for the user about an event on the connection.

use chaos_proxy::{Ending, Event, EventKind, Peer};

/// One line, if the event is worth one.
pub fn event_line(event: &Event) -> Option<String> {
    let who = format!("connection {}", event.client);
    Some(match &event.what {
        EventKind::Accepted => format!("{who}: accepted"),
        EventKind::Named { ordinal } => {
            format!("connection {ordinal} calls itself {}", event.client)
        }
        EventKind::UpstreamFailed { error } => {
            format!("{who}: the server could not be reached: {error}")
        }
        EventKind::FirstData => format!("{who}: live"),
        EventKind::Resumed => format!("{who}: data again"),
        EventKind::PeerEnded { peer, how, code } => format!("{who}: {}", ended(*peer, *how, *code)),
        EventKind::Struck { rule, fault, .. } if event.attempt == 0 => {
            format!("{rule} ({fault}): new connections from now on")
        }
        EventKind::Healed { rule, .. } if event.attempt == 0 => {
            format!("{rule}: over, new connections are accepted again")
        }
        EventKind::Struck { rule, fault, .. } => format!("{who}: {rule} ({fault})"),
        EventKind::Healed { rule, .. } => format!("{who}: {rule} is over"),
        EventKind::Closed { .. } => format!("{who}: gone"),
        EventKind::NotWebSocket => format!("{who}: no WebSocket"),
        EventKind::Powerless { rule, reason } => {
            format!("{who}: {rule} could not act: {reason}")
        }
        _ => return None,
    })
}

fn ended(peer: Peer, how: Ending, code: Option<u16>) -> String {
    let peer = match peer {
        Peer::Client => "the client",
        Peer::Server => "the server",
    };
    match (how, code) {
        (Ending::Fin, _) => format!("{peer} sent FIN"),
        (Ending::Reset, _) => format!("{peer} reset it"),
        (Ending::CloseFrame, Some(code)) => format!("{peer} closed it with {code}"),
        (Ending::CloseFrame, None) => format!("{peer} closed it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::Moment;
    use std::sync::Arc;

    #[test]
    fn lines_say_who_and_what() {
        let line = |attempt, what| {
            event_line(&Event {
                at: Moment::ORIGIN,
                client: Arc::from("3"),
                attempt,
                what,
            })
        };
        let struck = EventKind::Struck {
            rule: "network cut".to_owned(),
            fault: "stall".to_owned(),
            occurrence: 1,
            planned_us: None,
            actual_us: 0,
        };
        assert_eq!(
            line(3, struck).as_deref(),
            Some("connection 3: network cut (stall)")
        );
        let ended = EventKind::PeerEnded {
            peer: Peer::Client,
            how: Ending::CloseFrame,
            code: Some(1000),
        };
        assert_eq!(
            line(3, ended).as_deref(),
            Some("connection 3: the client closed it with 1000")
        );
        assert_eq!(line(3, EventKind::UpstreamConnected), None);
    }
}
