//! The adapters within the program, for when their folder is not at hand.
//!
//! Invariant: equal to `scenarios/clients`, file by file (tested). They are
//! unpacked into a cache folder named for what is in them, so that a setup is
//! done once and never mixed with that of another version.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use environment::tag;

/// One file of one adapter.
struct Shipped {
    client: &'static str,
    name: &'static str,
    text: &'static str,
}

macro_rules! shipped {
    ($($client:literal / $name:literal)*) => {
        const SHIPPED: &[Shipped] = &[$(Shipped {
            client: $client,
            name: $name,
            text: include_str!(concat!("../../clients/", $client, "/", $name)),
        }),*];
    };
}

shipped! {
    "eventsource" / ".npmrc"
    "eventsource" / "client.js"
    "eventsource" / "client.toml"
    "eventsource" / "package-lock.json"
    "eventsource" / "package.json"
    "eventsource" / "profile.json"
    "eventsource" / "server.js"
    "eventsource" / "setup.sh"
    "ezsockets" / "Cargo.lock"
    "ezsockets" / "Cargo.toml"
    "ezsockets" / "client.rs"
    "ezsockets" / "client.toml"
    "ezsockets" / "profile.json"
    "ezsockets" / "setup.sh"
    "gql" / ".npmrc"
    "gql" / "client.py"
    "gql" / "client.toml"
    "gql" / "package-lock.json"
    "gql" / "package.json"
    "gql" / "requirements.txt"
    "gql" / "server.js"
    "gql" / "setup.sh"
    "graphql-ws" / ".npmrc"
    "graphql-ws" / "chance.js"
    "graphql-ws" / "client.js"
    "graphql-ws" / "client.toml"
    "graphql-ws" / "package-lock.json"
    "graphql-ws" / "package.json"
    "graphql-ws" / "server.js"
    "graphql-ws" / "setup.sh"
    "mqtt" / ".npmrc"
    "mqtt" / "chance.js"
    "mqtt" / "client.js"
    "mqtt" / "client.toml"
    "mqtt" / "package-lock.json"
    "mqtt" / "package.json"
    "mqtt" / "profile.json"
    "mqtt" / "server.js"
    "mqtt" / "setup.sh"
    "page" / "client.toml"
    "page-partysocket" / ".npmrc"
    "page-partysocket" / "client.toml"
    "page-partysocket" / "index.html"
    "page-partysocket" / "main.js"
    "page-partysocket" / "package-lock.json"
    "page-partysocket" / "package.json"
    "page-partysocket" / "setup.sh"
    "page-react-use-websocket" / ".npmrc"
    "page-react-use-websocket" / "client.toml"
    "page-react-use-websocket" / "index.html"
    "page-react-use-websocket" / "main.jsx"
    "page-react-use-websocket" / "package-lock.json"
    "page-react-use-websocket" / "package.json"
    "page-react-use-websocket" / "setup.sh"
    "page-react-use-websocket" / "vite.config.js"
    "page-socket.io" / ".npmrc"
    "page-socket.io" / "client.toml"
    "page-socket.io" / "index.html"
    "page-socket.io" / "main.js"
    "page-socket.io" / "package-lock.json"
    "page-socket.io" / "package.json"
    "page-socket.io" / "server.js"
    "page-socket.io" / "setup.sh"
    "paho-mqtt" / ".npmrc"
    "paho-mqtt" / "client.py"
    "paho-mqtt" / "client.toml"
    "paho-mqtt" / "package-lock.json"
    "paho-mqtt" / "package.json"
    "paho-mqtt" / "requirements.txt"
    "paho-mqtt" / "server.js"
    "paho-mqtt" / "setup.sh"
    "partysocket" / ".npmrc"
    "partysocket" / "client.js"
    "partysocket" / "client.toml"
    "partysocket" / "package-lock.json"
    "partysocket" / "package.json"
    "partysocket" / "profile.json"
    "partysocket" / "setup.sh"
    "python-socketio" / ".npmrc"
    "python-socketio" / "client.py"
    "python-socketio" / "client.toml"
    "python-socketio" / "package-lock.json"
    "python-socketio" / "package.json"
    "python-socketio" / "requirements.txt"
    "python-socketio" / "server.js"
    "python-socketio" / "setup.sh"
    "reconnecting-websocket" / ".npmrc"
    "reconnecting-websocket" / "chance.js"
    "reconnecting-websocket" / "client.js"
    "reconnecting-websocket" / "client.toml"
    "reconnecting-websocket" / "known.toml"
    "reconnecting-websocket" / "package-lock.json"
    "reconnecting-websocket" / "package.json"
    "reconnecting-websocket" / "profile.json"
    "reconnecting-websocket" / "setup.sh"
    "rumqttc" / ".npmrc"
    "rumqttc" / "Cargo.lock"
    "rumqttc" / "Cargo.toml"
    "rumqttc" / "client.rs"
    "rumqttc" / "client.toml"
    "rumqttc" / "package-lock.json"
    "rumqttc" / "package.json"
    "rumqttc" / "profile.json"
    "rumqttc" / "server.js"
    "rumqttc" / "setup.sh"
    "rxjs" / ".npmrc"
    "rxjs" / "client.js"
    "rxjs" / "client.toml"
    "rxjs" / "package-lock.json"
    "rxjs" / "package.json"
    "rxjs" / "profile.json"
    "rxjs" / "setup.sh"
    "socket.io-client" / ".npmrc"
    "socket.io-client" / "chance.js"
    "socket.io-client" / "client.js"
    "socket.io-client" / "client.toml"
    "socket.io-client" / "package-lock.json"
    "socket.io-client" / "package.json"
    "socket.io-client" / "profile.json"
    "socket.io-client" / "server.js"
    "socket.io-client" / "setup.sh"
    "sockette" / ".npmrc"
    "sockette" / "client.js"
    "sockette" / "client.toml"
    "sockette" / "package-lock.json"
    "sockette" / "package.json"
    "sockette" / "profile.json"
    "sockette" / "setup.sh"
    "websocket-client" / "client.py"
    "websocket-client" / "client.toml"
    "websocket-client" / "profile.json"
    "websocket-client" / "requirements.txt"
    "websocket-client" / "setup.sh"
    "websocket-client-ping" / "client.py"
    "websocket-client-ping" / "client.toml"
    "websocket-client-ping" / "profile.json"
    "websocket-client-ping" / "requirements.txt"
    "websocket-client-ping" / "setup.sh"
    "websockets" / "client.py"
    "websockets" / "client.toml"
    "websockets" / "known.toml"
    "websockets" / "profile.json"
    "websockets" / "requirements.txt"
    "websockets" / "setup.sh"
}

/// Everybody who is in here.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|file| file.client)
}

/// The folder of this adapter, made if it is not there yet; `None` if there is
/// none of this name.
///
/// # Errors
/// The cache folder cannot be written.
pub(super) fn unpacked(client: &str) -> io::Result<Option<PathBuf>> {
    match &own(client)[..] {
        [] => Ok(None),
        files => unpack(client, files).map(Some),
    }
}

/// Likewise of any files that are within this program.
pub(super) fn unpack(name: &str, files: &[(&str, &str)]) -> io::Result<PathBuf> {
    unpack_into(&cache(), name, files)
}

fn own(client: &str) -> Vec<(&'static str, &'static str)> {
    let own = SHIPPED.iter().filter(|file| file.client == client);
    own.map(|file| (file.name, file.text)).collect()
}

/// Where programs keep what they can make again.
fn cache() -> PathBuf {
    let given = |name| std::env::var_os(name).filter(|path| Path::new(path).is_absolute());
    let home = || Some(PathBuf::from(given("HOME")?).join(".cache"));
    let folder = given("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    folder
        .unwrap_or_else(std::env::temp_dir)
        .join("chaos/clients")
}

fn unpack_into(cache: &Path, name: &str, files: &[(&str, &str)]) -> io::Result<PathBuf> {
    let all: String = files
        .iter()
        .flat_map(|(name, text)| [*name, *text])
        .collect();
    let folder = cache.join(format!("{name}-{}", tag(&all)));
    if folder.is_dir() {
        return Ok(folder);
    }
    // Made beside it and then moved, so that it is there whole or not at all.
    // Made beside it and then moved, so that it is there whole or not at all.
    fs::create_dir_all(cache)?;
    let everyones = Permissions::from_mode(0o777);
    let beside = tempfile::Builder::new()
        .permissions(everyones)
        .tempdir_in(cache)?;
    for (name, text) in files {
        let path = beside.path().join(name);
        fs::write(&path, text)?;
        if text.starts_with("#!") {
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
    }
    match fs::rename(beside.path(), &folder) {
        Ok(()) => {
            // It has moved, and there is nothing left to remove.
            let _ = beside.keep();
            Ok(folder)
        }
        // Somebody else was faster.
        Err(_) if folder.is_dir() => Ok(folder),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_that_is_in_the_folder_is_in_the_program() {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        let mut files = BTreeSet::new();
        for client in fs::read_dir(&clients).unwrap() {
            let client = client.unwrap();
            if !client.path().is_dir() {
                continue;
            }
            for file in fs::read_dir(client.path()).unwrap() {
                let file = file.unwrap();
                // What a setup makes, it makes in folders.
                if file.path().is_file() {
                    let names = [client.file_name(), file.file_name()];
                    files.insert(names.map(|name| name.into_string().unwrap()));
                }
            }
        }
        let shipped = SHIPPED.iter();
        let shipped = shipped.map(|file| [file.client.to_owned(), file.name.to_owned()]);
        assert_eq!(files, shipped.collect());
    }

    #[test]
    fn many_that_unpack_it_at_once_get_the_same() {
        let cache = tempfile::tempdir().unwrap();
        let unpack = || unpack_into(cache.path(), "websockets", &own("websockets")).unwrap();
        let folders: BTreeSet<PathBuf> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(unpack)).collect();
            let joined = threads.into_iter().map(|thread| thread.join().unwrap());
            joined.collect()
        });
        assert_eq!(folders.len(), 1);
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
    }

    #[test]
    fn it_is_unpacked_once_and_can_be_run() {
        let cache = tempfile::tempdir().unwrap();
        let folder = unpack_into(cache.path(), "websockets", &own("websockets")).unwrap();
        let setup = folder.join("setup.sh").metadata().unwrap();
        assert_eq!(setup.permissions().mode() & 0o111, 0o111);
        fs::write(folder.join("made by setup"), "").unwrap();
        assert_eq!(
            unpack_into(cache.path(), "websockets", &own("websockets")).unwrap(),
            folder
        );
        assert!(folder.join("made by setup").exists());
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
        assert!(unpacked("nobody").unwrap().is_none());
    }
}
