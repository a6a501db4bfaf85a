//! `chaos play`.

use std::path::Path;

use anyhow::{Context, bail};
use chaos_judge::plain;
use chaos_proxy::{Faults, read_faults};
use environment::text::{Document, Source};
use environment::{Observer, Seed, output};
use scenarios::play::{Game, Keyboard, MILD, PlayKey, Window, command, keys};
use scenarios::subjects::{Subject, of_page};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::EXIT_PASSED;
use super::args::PlayArgs;

pub(super) fn play(args: &PlayArgs) -> anyhow::Result<u8> {
    let faults = faults(args)?;
    let seed = args.seed.or(faults.seed).unwrap_or(Seed(1));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start")?;
    runtime.block_on(async {
        let own = own_page(args)?;
        let game = match &own {
            None => Game::new(args.server, args.listen, faults, seed),
            Some((_, socket)) => Game::before(socket.clone(), args.listen, faults, seed),
        };
        let game = game.map_err(|(address, error)| {
            anyhow::anyhow!("failed to listen on {address}: {error}")
        })?;
        let shutdown = CancellationToken::new();
        // Before a word is said: who reads it may answer with Ctrl-C.
        let mut interrupted =
            signal(SignalKind::interrupt()).context("failed to watch for SIGINT")?;
        let mut terminated =
            signal(SignalKind::terminate()).context("failed to watch for SIGTERM")?;
        let _keyboard = Keyboard::take().context("failed to read single keys")?;
        let _window = match (&own, &args.page) {
            (Some((subject, socket)), Some(page)) => {
                let proxy = game.proxy().to_string();
                say(&own_welcome(page, socket, &proxy));
                open(subject, &proxy).await?
            }
            _ => {
                say(&welcome(&game));
                None
            }
        };
        let playing = game.play(
            keys(),
            Observer::new(|line: String| say(&line)),
            shutdown.clone(),
        );
        tokio::pin!(playing);
        tokio::select! {
            biased;
            () = &mut playing => return Ok(()),
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        say("stopping");
        shutdown.cancel();
        playing.await;
        anyhow::Ok(())
    })?;
    Ok(EXIT_PASSED)
}

/// The page and what it dials, if it is not the ticker's.
fn own_page(args: &PlayArgs) -> anyhow::Result<Option<(Subject, String)>> {
    let (Some(page), Some(socket)) = (&args.page, &args.socket) else {
        return Ok(None);
    };
    let subject = of_page(page, Some(socket))?;
    Ok(Some((subject, socket.clone())))
}

/// A window, where somebody could see it.
async fn open(subject: &Subject, proxy: &str) -> anyhow::Result<Option<Window>> {
    let is_seen = ["DISPLAY", "WAYLAND_DISPLAY"].map(std::env::var_os);
    if is_seen.iter().all(Option::is_none) {
        return Ok(None);
    }
    let window = Window::open(subject, proxy).await;
    window.context("failed to open a browser window")
}

fn own_welcome(page: &str, socket: &str, proxy: &str) -> String {
    format!(
        "A browser window opens with {page}; its connections to {socket} go through the\n\
         proxy. Where there is no display, open it yourself:\n\n    {}\n\n{}",
        command(page, socket, proxy),
        pressed()
    )
}

/// What the keys do.
fn pressed() -> String {
    let keys = PlayKey::ALL.iter();
    let keys: Vec<String> = keys
        .map(|(key, _, does)| format!("    {key}   {does}"))
        .collect();
    format!("Press:\n\n{}\n", keys.join("\n"))
}

fn faults(args: &PlayArgs) -> anyhow::Result<Faults> {
    let source = match &args.scenario {
        _ if args.quiet => Source::new("nothing", ""),
        None => Source::new("play.toml", MILD),
        Some(path) => read_source(path)?,
    };
    read_faults(&source)
        .map_err(|mistakes| anyhow::anyhow!("{}", mistakes.render(&source).trim_end()))
}

fn read_source(path: &Path) -> anyhow::Result<Source> {
    let shown = path.display();
    let size = std::fs::metadata(path)
        .with_context(|| format!("scenario {shown}"))?
        .len();
    if size > Document::MAX_BYTES as u64 {
        bail!(
            "scenario {shown}: {size} bytes; a scenario has at most {}",
            Document::MAX_BYTES
        );
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("scenario {shown}"))?;
    Ok(Source::new(shown.to_string(), text))
}

fn welcome(game: &Game) -> String {
    let (server, proxy) = (game.server(), game.proxy());
    let plain = format!("http://{server}/plain.html?ws=ws://{proxy}/ws");
    let echo = format!("http://{server}/websocket.html?ws=ws://{proxy}/echo");
    let more = format!("client-sim ws://{proxy}/ws --clients 5");
    let width = [&plain, &echo, &more]
        .map(|text| text.len())
        .into_iter()
        .max()
        .unwrap_or(0);
    format!(
        "Open in your browser:\n\n    http://{server}/?ws=ws://{proxy}/ws\n\n\
         The page comes from the server; only its WebSocket goes through the proxy,\n\
         so it stays there whatever you do to the wire. Also:\n\n    \
         {plain:width$}  a page without a framework\n    \
         {echo:width$}  an echo\n    \
         {more:width$}  five more clients\n\n\
         {}",
        pressed()
    )
}

/// A line on stdout, of which a terminal obeys nothing; that nobody can read it
/// is no reason to stop.
fn say(line: &str) {
    let line = plain::lines(line, usize::MAX);
    let _ = output::print(format_args!("{line}\n"));
}
