//! Which variables make a child trust us and come through the proxy.
//!
//! One table, tried with 57 set-ups of real clients; no variable does for all.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::bundle::{Bundle, JAVA_PASSWORD, Roots};
use super::{Authority, Error, files};

/// One variable of a child's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What the child gets, the user's own value merged in where there is one.
    pub value: OsString,
    /// Who reads it.
    pub why: &'static str,
}

/// The files that the variables point at.
#[derive(Clone, Debug)]
pub struct Files {
    /// Our root alone, for variables that add to a runtime's roots.
    pub root: PathBuf,
    /// The system's roots and ours, for variables that replace them.
    pub bundle: PathBuf,
    /// The same for Java.
    pub java: PathBuf,
    /// For a variable that the user had set: the certificates it named, and ours.
    pub own: BTreeMap<&'static str, PathBuf>,
    /// What Node is told to load first, if anything.
    pub preload: Option<PathBuf>,
    /// What is in `bundle`.
    pub told: Bundle,
}

impl Files {
    /// Writes the files into `folder`, which the caller removes when the child is gone.
    /// `parent` is the environment that the child would have without us.
    ///
    /// A variable that the user had set keeps to what it named, with our root added: a tool
    /// that was told to trust an inner CA still does, and trusts nothing more but us.
    pub fn write(
        authority: &Authority,
        folder: &Path,
        parent: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Error> {
        files::private_folder(folder)?;
        let mut all = Roots::of_system();
        let mut own = BTreeMap::new();
        let names = TRUST.iter().map(|trust| trust.name);
        for name in names.chain(["SSL_CERT_DIR"]) {
            let Some(value) = parent(name) else { continue };
            let mut roots = Roots::default();
            roots.add_given(&value);
            all.add_given(&value);
            if roots.count() > 0 && name != "SSL_CERT_DIR" {
                let path = folder.join(format!("{name}.pem"));
                roots.write_pem(authority, &path)?;
                own.insert(name, path);
            }
        }
        let (root, bundle) = (folder.join("root.pem"), folder.join("bundle.pem"));
        Roots::default().write_pem(authority, &root)?;
        let told = all.write_pem(authority, &bundle)?;
        let java = folder.join("trust.p12");
        all.write_java(authority, &java)?;
        Ok(Self { root, bundle, java, own, preload: None, told })
    }
}

/// The variables for a child whose proxy listens on `proxy`, each with its reason.
///
/// `parent` is the environment that the child would have without us: what the user put into
/// `NO_PROXY`, `NODE_OPTIONS` and `JAVA_TOOL_OPTIONS` is kept.
pub fn environment(
    proxy: SocketAddr,
    files: &Files,
    parent: &dyn Fn(&str) -> Option<OsString>,
) -> Vec<Variable> {
    let mut variables = Vec::new();
    let mut set = |name, value: OsString, why| variables.push(Variable { name, value, why });
    // `http://`, also for HTTPS: aiohttp ignores a proxy of another scheme, and Codex's
    // WebSocket refuses it.
    let url = format!("http://{proxy}");
    for (name, why) in PROXY {
        set(name, url.clone().into(), why);
    }
    let exempt = exempt(parent);
    for name in ["NO_PROXY", "no_proxy"] {
        set(name, exempt.clone(), "what runs on this machine is left alone");
    }
    set("NODE_USE_ENV_PROXY", "1".into(), "Node from 22.21 and 24.5 on obeys HTTPS_PROXY with it");
    for trust in TRUST {
        let value = match (files.own.get(trust.name), trust.reads) {
            (Some(merged), _) => merged,
            (None, Reads::AsMore) => &files.root,
            (None, Reads::InsteadOfItsOwn) => &files.bundle,
            (None, Reads::OnlyIfUserSetIt) => continue,
        };
        set(trust.name, value.into(), trust.why);
    }
    if let Some(preload) = &files.preload {
        let require = join("--require ", preload.as_os_str());
        set(
            "NODE_OPTIONS",
            appended(parent("NODE_OPTIONS"), &require),
            "Node that does not know NODE_USE_ENV_PROXY, and clients with an agent of their own",
        );
    }
    let users = parent("JAVA_TOOL_OPTIONS");
    let java = java_options(proxy, &files.java, users.as_deref());
    set("JAVA_TOOL_OPTIONS", appended(users, &java), "Java reads no variable but this one");
    variables
}

/// How a runtime takes the certificates of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// Beside its own roots.
    AsMore,
    /// Instead of its own roots.
    InsteadOfItsOwn,
    /// Instead of another variable's: with that one set, this one must not be.
    OnlyIfUserSetIt,
}

struct Trust {
    name: &'static str,
    reads: Reads,
    why: &'static str,
}

const PROXY: [(&str, &str); 4] = [
    ("HTTPS_PROXY", "nearly every client"),
    ("https_proxy", "curl and others that read lower case only"),
    ("HTTP_PROXY", "calls to plain-HTTP servers, such as a local network's Ollama"),
    ("http_proxy", "the same in lower case, the only one that curl reads"),
];

const TRUST: [Trust; 10] = [
    Trust {
        name: "NODE_EXTRA_CA_CERTS",
        reads: Reads::AsMore,
        why: "Node, Bun, Electron's Node side: Claude Code, Gemini CLI, Copilot CLI, opencode",
    },
    Trust { name: "DENO_CERT", reads: Reads::AsMore, why: "Deno" },
    Trust {
        name: "SSL_CERT_FILE",
        reads: Reads::InsteadOfItsOwn,
        why: "OpenSSL, Go, rustls, httpx, LiteLLM, curl",
    },
    Trust {
        name: "REQUESTS_CA_BUNDLE",
        reads: Reads::InsteadOfItsOwn,
        why: "Python requests, which brings roots of its own",
    },
    Trust {
        name: "CURL_CA_BUNDLE",
        reads: Reads::InsteadOfItsOwn,
        why: "curl built without OpenSSL",
    },
    Trust {
        name: "AWS_CA_BUNDLE",
        reads: Reads::InsteadOfItsOwn,
        why: "the AWS SDKs and CLI: Bedrock",
    },
    Trust {
        name: "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
        reads: Reads::InsteadOfItsOwn,
        why: "gRPC's C core: Google's clients",
    },
    Trust { name: "GIT_SSL_CAINFO", reads: Reads::InsteadOfItsOwn, why: "git, which agents call" },
    Trust { name: "CODEX_CA_CERTIFICATE", reads: Reads::InsteadOfItsOwn, why: "Codex" },
    Trust {
        name: "NIX_SSL_CERT_FILE",
        reads: Reads::OnlyIfUserSetIt,
        why: "programs built by Nix, which prefer it to SSL_CERT_FILE",
    },
];

/// Always exempt from the proxy: a local model server or an editor's socket is no business of
/// ours, and a proxy in between has broken many.
const EXEMPT: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The user's `NO_PROXY` with ours added. Of two that differ, the lower case one counts, as
/// with curl.
fn exempt(parent: &dyn Fn(&str) -> Option<OsString>) -> OsString {
    let users = parent("no_proxy").filter(|value| !value.is_empty());
    let users = users.or_else(|| parent("NO_PROXY")).unwrap_or_default();
    let users = users.to_string_lossy();
    let mut hosts: Vec<&str> = users.split(',').map(str::trim).collect();
    hosts.retain(|host| !host.is_empty() && !EXEMPT.contains(host));
    hosts.extend(EXEMPT);
    hosts.join(",").into()
}

fn java_options(proxy: SocketAddr, store: &Path, users: Option<&OsStr>) -> OsString {
    let mut options = OsString::from(format!(
        "-Dhttp.proxyHost={host} -Dhttp.proxyPort={port} \
         -Dhttps.proxyHost={host} -Dhttps.proxyPort={port}",
        host = proxy.ip(),
        port = proxy.port()
    ));
    let users = users.unwrap_or_default().to_string_lossy();
    // The user's own store may be of any format and password: it stays, and ours is left out.
    if !users.contains("-Djavax.net.ssl.trustStore=") {
        options.push(" ");
        options.push(join("-Djavax.net.ssl.trustStore=", store.as_os_str()));
        options.push(" -Djavax.net.ssl.trustStoreType=PKCS12");
        options.push(format!(" -Djavax.net.ssl.trustStorePassword={JAVA_PASSWORD}"));
    }
    options
}

fn appended(users: Option<OsString>, ours: &OsStr) -> OsString {
    match users {
        Some(users) if !users.is_empty() => {
            let mut all = users;
            all.push(" ");
            all.push(ours);
            all
        }
        _ => ours.to_owned(),
    }
}

/// An option and its path, in the double quotes that Node and Java both understand if the
/// path has a space.
fn join(option: &str, path: &OsStr) -> OsString {
    let mut joined = OsString::from(option);
    let quote = match path.to_string_lossy().contains(char::is_whitespace) {
        true => "\"",
        false => "",
    };
    joined.push(quote);
    joined.push(path);
    joined.push(quote);
    joined
}

#[cfg(test)]
mod tests {
    use super::super::Scope;
    use super::*;

    fn variables(parent: &[(&str, &str)], folder: &Path) -> BTreeMap<&'static str, String> {
        let authority = Authority::ephemeral(&Scope::Everything).unwrap();
        let parent = |name: &str| {
            let found = parent.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let mut files = Files::write(&authority, folder, &parent).unwrap();
        files.preload = Some(folder.join("preload.cjs"));
        environment("127.0.0.1:8484".parse().unwrap(), &files, &parent)
            .into_iter()
            .map(|v| (v.name, v.value.into_string().unwrap()))
            .collect()
    }

    #[test]
    fn each_variable_is_given_and_keeps_what_the_user_had() {
        let folder = tempfile::tempdir().unwrap();
        let at = |file: &str| folder.path().join(file).display().to_string();
        let java = format!("-Djavax.net.ssl.trustStore={}", at("trust.p12"));
        for (rule, parent, name, expected) in [
            ("the proxy is http", &[][..], "HTTPS_PROXY", "http://127.0.0.1:8484".to_owned()),
            ("no proxy", &[], "NO_PROXY", "localhost,127.0.0.1,::1".to_owned()),
            (
                "the user's exempt hosts stay",
                &[("NO_PROXY", ".corp, ::1")],
                "no_proxy",
                ".corp,localhost,127.0.0.1,::1".to_owned(),
            ),
            (
                "lower case counts",
                &[("NO_PROXY", "a"), ("no_proxy", "b")],
                "NO_PROXY",
                "b,localhost,127.0.0.1,::1".to_owned(),
            ),
            ("an adding variable", &[], "NODE_EXTRA_CA_CERTS", at("root.pem")),
            ("a replacing variable", &[], "SSL_CERT_FILE", at("bundle.pem")),
            (
                "Node's options stay",
                &[("NODE_OPTIONS", "--max-old-space-size=1")],
                "NODE_OPTIONS",
                format!("--max-old-space-size=1 --require {}", at("preload.cjs")),
            ),
            (
                "a file that is not there",
                &[("SSL_CERT_FILE", "/nowhere")],
                "SSL_CERT_FILE",
                at("bundle.pem"),
            ),
        ] {
            assert_eq!(variables(parent, folder.path())[name], expected, "{rule}");
        }
        let options = &variables(&[("JAVA_TOOL_OPTIONS", "-Xmx1g")], folder.path());
        let options = &options["JAVA_TOOL_OPTIONS"];
        assert!(options.starts_with("-Xmx1g ") && options.contains(&java), "{options}");
        let mine = [("JAVA_TOOL_OPTIONS", "-Djavax.net.ssl.trustStore=/mine")];
        let options = &variables(&mine, folder.path())["JAVA_TOOL_OPTIONS"];
        assert!(!options.contains("trust.p12") && options.contains("proxyPort"));
        assert!(!variables(&[], folder.path()).contains_key("NIX_SSL_CERT_FILE"));
    }

    #[test]
    fn certificates_the_user_named_stay_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let inner = Authority::ephemeral(&Scope::Everything).unwrap().root_pem();
        let path = folder.path().join("inner.pem");
        std::fs::write(&path, &inner).unwrap();
        let path = path.to_str().unwrap();
        for name in ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "NIX_SSL_CERT_FILE"] {
            let variables = variables(&[(name, path)], folder.path());
            let merged = std::fs::read_to_string(&variables[name]).unwrap();
            assert!(merged.starts_with(&inner), "{name}");
            assert_eq!(merged.matches("BEGIN CERT").count(), 2, "{name}: no more than that");
            let bundle = std::fs::read_to_string(&variables["REQUESTS_CA_BUNDLE"]).unwrap();
            assert!(bundle.contains(&inner), "{name}: the others trust it too");
        }
    }

    #[test]
    fn a_path_with_a_space_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("a b");
        let variables = variables(&[], &folder);
        let quoted = format!("--require \"{}\"", folder.join("preload.cjs").display());
        assert_eq!(variables["NODE_OPTIONS"], quoted);
    }
}
