use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// Variables of a user who has keys for everything.
fn variable(name: &str) -> Option<String> {
    let value = match name {
        "LANGFUSE_PUBLIC_KEY" => "pk-lf-fake",
        "LANGFUSE_SECRET_KEY" => "sk-lf-fake",
        "PHOENIX_API_KEY" => "phoenix-fake",
        "OTEL_EXPORTER_OTLP_HEADERS" => "x-team=blue, x-key=a%20b",
        "TOKEN" => "token-fake",
        _ => return None,
    };
    Some(value.to_owned())
}

fn read(text: &str) -> Result<Settings, String> {
    Settings::from_url(text, &variable).map_err(|error| error.to_string())
}

fn without_keys(text: &str) -> Result<Settings, String> {
    Settings::from_url(text, &|_| None).map_err(|error| error.to_string())
}

fn table(text: &str) -> Result<Settings, String> {
    let table: Table = toml::from_str(text).map_err(|error| error.to_string())?;
    Settings::from_table(table, &variable).map_err(|error| error.to_string())
}

fn header<'a>(settings: &'a Settings, name: &str) -> Option<&'a str> {
    settings.headers.iter().find(|(had, _)| had == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_url_says_all() {
    let sink = read("phoenix+http://127.0.0.1:6006#project=demo&cut=100").unwrap();
    assert_eq!((sink.kind, sink.name.as_str()), (Kind::Phoenix, "phoenix@127.0.0.1:6006-demo"));
    assert_eq!(sink.option("project"), Some("demo"));
    assert_eq!(sink.content, Content::Cut(100));
    assert_eq!(header(&sink, "authorization"), Some("Bearer phoenix-fake"));
    let sink = read("genai+https://otel.example.com/otlp#name=team&content=false").unwrap();
    assert_eq!((sink.kind, sink.name.as_str()), (Kind::Otlp, "team"));
    assert_eq!(sink.content, Content::None);
    assert_eq!(header(&sink, "x-key"), Some("a b"));
}

#[test]
fn credentials_are_headers_and_stand_nowhere_else() {
    let sink = read("langfuse+https://pk:s%40k@langfuse.example.com").unwrap();
    let expected = format!("Basic {}", STANDARD.encode("pk:s@k"));
    assert_eq!(header(&sink, "authorization"), Some(expected.as_str()));
    assert_eq!(sink.sink().target, "https://langfuse.example.com/");
    let own = read("langfuse+https://langfuse.example.com").unwrap();
    let expected = format!("Basic {}", STANDARD.encode("pk-lf-fake:sk-lf-fake"));
    assert_eq!(header(&own, "authorization"), Some(expected.as_str()));
    let hook = read("webhook+https://h.example.com/hook?key=hunter2").unwrap();
    assert!(!hook.sink().target.contains("hunter2") && !hook.name.contains("hunter2"));
    for text in [
        "langfuse+ftp://pk:hunter2@h",
        "nothing+https://pk:hunter2@h",
        "pk:hunter2@h",
        "webhook+http://pk:hunt?er2@h/",
        "webhook+http://pk:hunt#er2@h/",
        "webhook+pk:hunter2@h",
        "webhook+http:pk:hunter2@h",
    ] {
        let error = read(text).unwrap_err();
        assert!(!error.contains("hunt") && !error.contains("er2"), "{error}");
    }
}

#[test]
fn what_a_receiver_repeats_is_hidden() {
    let lf = read("langfuse+https://pk-fake:sk-fake-1@h.example.com").unwrap();
    let pair = STANDARD.encode("pk-fake:sk-fake-1");
    let told = format!("401 you sent Basic {pair} which is pk-fake and sk-fake-1");
    assert_eq!(lf.hide(&told), "401 you sent … which is … and …");
    let hook = table(
        r#"
        type = "webhook"
        url = "https://h.example.com/services/${TOKEN}"
        headers = { X-Key = "key-fake-1" }
        "#,
    )
    .unwrap();
    assert_eq!(hook.sink().target, "https://h.example.com/…");
    assert!(!hook.hide("404 /services/token-fake for key-fake-1").contains("fake"));
    let collector = table("type = \"otlp\"\nurl = \"https://h/${TOKEN}\"").unwrap();
    assert_eq!(collector.sink().target, "https://h/…");
}

#[test]
fn another_place_is_another_sink() {
    let name = |text: &str| read(text).unwrap().name;
    assert_eq!(name("otlp+http://h:4318"), "otlp@h:4318");
    assert_eq!(name("otlp+http://h:4318/team/a"), "otlp@h:4318-team-a");
    assert_eq!(name("loki+http://h:3100#tenant=a"), "loki@h:3100-a");
    let [one, other] = ["webhook+http://h/one", "webhook+http://h/two"].map(name);
    assert!(one != other && !one.contains("one"));
}

#[test]
fn a_table_says_the_same() {
    let sink = table(
        r#"
        name = "lf"
        type = "otlp"
        profile = "langfuse"
        url = "https://langfuse.example.com"
        headers = { Authorization = "Bearer ${TOKEN}" }
        environment = "test"
        settle = 5
        "#,
    )
    .unwrap();
    assert_eq!((sink.kind, sink.name.as_str()), (Kind::Langfuse, "lf"));
    // What is said outweighs the environment, upper and lower case alike.
    assert_eq!(sink.headers, [("Authorization".to_owned(), "Bearer token-fake".to_owned())]);
    assert_eq!(sink.settle(), Duration::from_secs(5));
    let genai = table("type = \"otlp\"\nprofile = \"genai\"\nurl = \"http://h\"").unwrap();
    assert_eq!(genai.kind, Kind::Otlp);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (rule, found, expected) in [
        ("no kind", read("http://h"), "begins with no kind"),
        ("another kind", read("jaeger+http://h"), "kinds are otlp"),
        ("no URL", read("loki+h"), "lacks http://"),
        ("no scheme", read("phoenix+127.0.0.1:6006"), "lacks http://"),
        ("Langfuse without a key", without_keys("langfuse+https://h"), "LANGFUSE_PUBLIC_KEY"),
        ("no HTTP", read("loki+ftp://h"), "neither http"),
        ("an option of another", read("loki+http://h#project=x"), "no option of loki"),
        ("half an option", read("loki+http://h#tenant"), "NAME=VALUE"),
        ("a name to break out with", read("loki+http://h#name=a/../b"), "letters, digits"),
        (
            "a variable that is not set",
            table("type = \"webhook\"\nurl = \"https://h/${ABSENT}\""),
            "`ABSENT` is not set",
        ),
        (
            "a profile of something else",
            table("type = \"loki\"\nprofile = \"phoenix\"\nurl = \"http://h\""),
            "for the type `otlp`",
        ),
        (
            "a type as a profile",
            table("type = \"otlp\"\nprofile = \"loki\"\nurl = \"http://h\""),
            "not a profile",
        ),
        ("a word too much", table("type = \"loki\"\nurl = \"http://h\"\nfoo = 1"), "foo"),
    ] {
        let error = found.unwrap_err();
        assert!(error.contains(expected), "{rule}: {error}");
    }
}
