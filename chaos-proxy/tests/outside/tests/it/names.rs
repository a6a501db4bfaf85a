//! What is wrong is an error, and leaves everything as it was.

use chaos_proxy::{ChaosProxy, Fault, InjectError, Rule, Side, StartError, Way};

use crate::pair::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_taken_for_as_long_as_its_guard_lives() {
    let server =
        Server::with(|builder| builder.rule(Rule::new("planned", Fault::Reject).on_attempt(99)))
            .await;
    let mut pair = server.pair().await;
    let inject = async |name| {
        server
            .proxy
            .inject(name, Fault::Stall(Way::Downstream))
            .await
    };
    let held = inject("held").await.unwrap();
    for name in ["held", "planned"] {
        let taken = InjectError::NameTaken {
            name: name.to_owned(),
        };
        assert_eq!(inject(name).await.unwrap_err(), taken);
    }
    pair.is_held(b"x").await;
    drop(held);
    inject("held").await.unwrap().heal().await;
    pair.hears(b"x").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_is_no_strike() {
    let server = Server::new().await;
    let mut pair = server.pair().await;
    for fault in [
        Fault::Stall(Way::Both),
        Fault::Discard(Way::Both),
        Fault::Refuse,
    ] {
        let refused = server.proxy.strike("once", fault).await;
        assert!(
            matches!(refused, Err(InjectError::NoStrike { .. })),
            "{refused:?}"
        );
    }
    pair.passes(b"x").await;
    for _ in 0..2 {
        let mut pair = server.pair().await;
        server
            .proxy
            .strike("once", Fault::Reset(Side::Client))
            .await
            .unwrap();
        pair.is_reset().await;
        server
            .pair()
            .await
            .passes(b"later ones are not struck")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_cannot_be_is_not_started() {
    let twice = "[[fault]]\nname = \"twice\"\nat = \"1s\"\ninject.stall = {}";
    let builder = || ChaosProxy::builder().upstream("127.0.0.1:1");
    let started = builder().rules(twice).rules(twice).start().await;
    assert!(matches!(started, Err(StartError::Rules(_))));
    for upstream in ["ws://127.0.0.1:1", "nonsense", "127.0.0.1:0", ""] {
        let started = builder().upstream(upstream).start().await;
        assert!(
            matches!(started, Err(StartError::Upstream { .. })),
            "{upstream}"
        );
    }
    let nowhere = ChaosProxy::builder().start().await;
    assert!(matches!(nowhere, Err(StartError::NoUpstream)));
}
