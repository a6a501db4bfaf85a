//! The crate `toxiproxy_rust` drives the control API.
//!
//! usage: foreign API_HOST:PORT ECHO_HOST:PORT

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use toxiproxy_rust::client::Client;
use toxiproxy_rust::proxy::ProxyPack;

/// How long `ping` took to come back, or how it ended instead.
fn round_trip(address: &str) -> Result<Duration, ErrorKind> {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).map_err(|error| error.kind())?;
    let patience = Some(Duration::from_secs(1));
    stream.set_read_timeout(patience).unwrap();
    stream.write_all(b"ping").map_err(|error| error.kind())?;
    let read = stream.read_exact(&mut [0; 4]);
    read.map_err(|error| error.kind()).map(|()| begun.elapsed())
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (api, echo) = (&args[1], &args[2]);
    let client = Client::new(api);
    assert!(client.is_running());
    assert!(client.version().unwrap().contains("version"));
    let pack = |name: &str| ProxyPack::new(name.into(), "127.0.0.1:0".into(), echo.clone());
    let made = client.populate(vec![pack("rust"), pack("more")]).unwrap();
    assert_eq!(made.len(), 2);
    let (proxy, listen) = (&made[0], &made[0].proxy_pack.listen);
    round_trip(listen).unwrap();
    let apply = |expect: &dyn Fn(Result<Duration, ErrorKind>)| {
        proxy.apply(|| expect(round_trip(listen))).unwrap();
        assert!(proxy.toxics().unwrap().is_empty());
        round_trip(listen).unwrap();
    };
    let down = || "downstream".to_owned();
    proxy.with_latency(down(), 150, 0, 1.0);
    apply(&|trip| assert!(trip.unwrap() >= Duration::from_millis(150)));
    proxy.with_bandwidth(down(), 0, 1.0);
    apply(&|trip| assert_eq!(trip.unwrap_err(), ErrorKind::WouldBlock));
    proxy.with_limit_data(down(), 2, 1.0);
    apply(&|trip| assert_eq!(trip.unwrap_err(), ErrorKind::UnexpectedEof));
    proxy.with_timeout("upstream".into(), 100, 1.0);
    apply(&|trip| assert_eq!(trip.unwrap_err(), ErrorKind::UnexpectedEof));
    proxy
        .with_slicer(down(), 2, 1, 100, 1.0)
        .with_slow_close(down(), 10, 0.0);
    apply(&|trip| assert!(trip.is_ok(), "{trip:?}"));
    let refused = || assert_eq!(round_trip(listen).unwrap_err(), ErrorKind::ConnectionRefused);
    proxy.with_down(refused).unwrap();
    proxy.disable().unwrap();
    proxy.with_bandwidth(down(), 0, 1.0);
    let found = client.find_and_reset_proxy("rust").unwrap();
    assert!(found.toxics().unwrap().is_empty());
    round_trip(listen).unwrap();
    client.reset().unwrap();
    for proxy in client.all().unwrap().values() {
        proxy.delete().unwrap();
    }
    assert!(client.all().unwrap().is_empty());
    assert!(client.find_proxy("rust").is_err());
    println!("done");
}
