//! Invoices calculated by hand, for each provider's way of counting.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::model::{Annotations, App, Choice, Part, Reply, Request, State, Usage};

/// An exchange of `provider`, as far as a bill looks at it.
fn exchange(provider: &str, origin: &str, model: &str, usage: Usage) -> Exchange {
    let request = Request { model: Some(model.to_owned()), ..Request::default() };
    Exchange {
        id: Uuid::nil(),
        flow: Uuid::nil(),
        thread: None,
        thread_rule: None,
        parent: None,
        inherited: None,
        state: State::Complete,
        started_at: "2026-11-20T12:00:00Z".parse().unwrap(),
        first_byte_ms: None,
        first_token_ms: None,
        duration_ms: None,
        app: App::default(),
        provider: Some(provider.to_owned()),
        dialect: None,
        operation: None,
        origin: origin.to_owned(),
        method: "POST".to_owned(),
        path: "/v1".to_owned(),
        http_version: "HTTP/1.1".to_owned(),
        status: Some(200),
        streamed: true,
        request,
        reply: Some(Reply::default()),
        usage: Some(usage),
        cost_usd: None,
        cost_source: None,
        error: None,
        notes: Vec::new(),
        annotations: Annotations::default(),
    }
}

fn usage(counts: Value) -> Usage {
    let mut all = json!({"source": "provider", "raw": null});
    all.as_object_mut().unwrap().extend(counts.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

fn cost(exchange: &Exchange) -> Result<f64, Unknown> {
    Prices::default().price(exchange).map(|priced| priced.usd)
}

#[track_caller]
fn assert_dollars(found: Result<f64, Unknown>, expected: f64, rule: &str) {
    let found = found.unwrap_or_else(|why| panic!("{rule}: {why}"));
    assert!((found - expected).abs() < 1e-12, "{rule}: {found} and not {expected}");
}

#[test]
fn invoices_by_hand() {
    for (rule, provider, origin, model, counts, dollars) in [
        // https://developers.openai.com/api/docs/pricing: gpt-4o 2.50, cached 1.25, output 10.
        (
            "OpenAI: cached inside the prompt",
            "openai",
            "https://api.openai.com",
            "gpt-4o-2024-08-06",
            json!({"input": 10_000, "input_cached": 4_096, "output": 500}),
            (5_904.0 * 2.5 + 4_096.0 * 1.25 + 500.0 * 10.0) / 1e6,
        ),
        (
            "OpenAI: reasoning is a part of the answer and costs what it does",
            "openai",
            "https://api.openai.com",
            "gpt-5-2025-08-07",
            json!({"input": 1_000, "output": 2_000, "reasoning": 1_920}),
            (1_000.0 * 1.25 + 2_000.0 * 10.0) / 1e6,
        ),
        // https://platform.claude.com/docs/en/about-claude/pricing: Opus 5 costs 5 and 25, a hit
        // a tenth, writes 1.25 times and twice the input.
        (
            "Anthropic: two ages of cache",
            "anthropic",
            "https://api.anthropic.com",
            "claude-opus-5",
            json!({"input": 30_100, "input_cached": 20_000, "input_cache_written": 10_000,
                "input_cache_written_1h": 4_000, "output": 700}),
            (100.0 * 5.0 + 20_000.0 * 0.5 + 6_000.0 * 6.25 + 4_000.0 * 10.0 + 700.0 * 25.0) / 1e6,
        ),
        (
            "Anthropic: a long prompt costs more, as a whole",
            "anthropic",
            "https://api.anthropic.com",
            "claude-sonnet-4-5-20250929",
            json!({"input": 250_000, "input_cached": 200_000, "output": 1_000}),
            (50_000.0 * 6.0 + 200_000.0 * 0.6 + 1_000.0 * 22.5) / 1e6,
        ),
        (
            "Anthropic: a dated name",
            "anthropic",
            "https://api.anthropic.com",
            "claude-sonnet-4-5-20250929",
            json!({"input": 1_000, "output": 1_000}),
            (1_000.0 * 3.0 + 1_000.0 * 15.0) / 1e6,
        ),
        // https://ai.google.dev/gemini-api/docs/pricing: 2.5 Flash 0.30, sound 1.00, cached 0.03
        // and 0.10, output 2.50.
        (
            "Gemini: sound, some of it cached; thoughts in the output",
            "gemini",
            "https://generativelanguage.googleapis.com",
            "models/gemini-2.5-flash",
            json!({"input": 10_000, "input_cached": 5_000, "input_audio": 6_000,
                "input_audio_cached": 2_000, "output": 900, "reasoning": 600}),
            (1_000.0 * 0.3 + 3_000.0 * 0.03 + 2_000.0 * 0.1 + 4_000.0 * 1.0 + 900.0 * 2.5) / 1e6,
        ),
        // https://api-docs.deepseek.com/quick_start/pricing
        (
            "OpenRouter without a cost: its list",
            "openrouter",
            "https://openrouter.ai",
            "deepseek/deepseek-r1:free",
            json!({"input": 10_000, "output": 10}),
            0.0,
        ),
        // https://aws.amazon.com/bedrock/pricing/: a profile of a region costs a tenth more.
        (
            "Bedrock: a profile of a region",
            "bedrock",
            "https://bedrock-runtime.eu-central-1.amazonaws.com",
            "eu.anthropic.claude-sonnet-5-5",
            json!({"input": 1_000, "output": 100}),
            (1_000.0 * 2.2 + 100.0 * 11.0) / 1e6,
        ),
        (
            "Bedrock: the ARN of a profile",
            "bedrock",
            "https://bedrock-runtime.us-east-1.amazonaws.com",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-5-5",
            json!({"input": 1_000, "output": 100}),
            (1_000.0 * 2.2 + 100.0 * 11.0) / 1e6,
        ),
        // https://deepinfra.com/pricing
        (
            "DeepInfra: our own list",
            "deepinfra",
            "https://api.deepinfra.com",
            "Gryphe/MythoMax-L2-13b",
            json!({"input": 1_000, "output": 500}),
            (1_000.0 * 0.4 + 500.0 * 0.4) / 1e6,
        ),
    ] {
        let exchange = exchange(provider, origin, model, usage(counts));
        assert_dollars(cost(&exchange), dollars, rule);
        assert_eq!(Prices::default().price(&exchange).unwrap().source, Cost::Table, "{rule}");
    }
}

#[test]
fn the_date_of_the_request_decides() {
    // DeepSeek's chat cost half at night, https://api-docs.deepseek.com/quick_start/pricing.
    let counts = json!({"input": 1_000_000, "input_cached": 400_000, "output": 1_000_000});
    let mut exchange =
        exchange("deepseek", "https://api.deepseek.com", "deepseek-chat", usage(counts));
    let mut at = |time: &str| {
        exchange.started_at = time.parse::<Timestamp>().unwrap();
        cost(&exchange)
    };
    assert_dollars(at("2025-03-01T12:00:00Z"), 0.6 * 0.27 + 0.4 * 0.07 + 1.1, "by day");
    assert_dollars(at("2025-03-01T18:00:00Z"), 0.6 * 0.135 + 0.4 * 0.035 + 0.55, "by night");
}

#[test]
fn what_cannot_be_known_is_unknown() {
    let words = json!({"input": 1_000, "output": 100});
    let openai = "https://api.openai.com";
    for (rule, provider, origin, model, counts) in [
        ("a gateway of somebody's", "", "https://llm.example.com", "gpt-4o", words.clone()),
        ("a model that nobody lists", "openai", openai, "gpt-77", words.clone()),
        ("a model on this machine", "ollama", "http://127.0.0.1:11434", "llama3.2", words.clone()),
        ("a region of OpenAI's", "openai", "https://eu.api.openai.com", "gpt-4o", words.clone()),
        (
            "sound of a model that is listed without",
            "openai",
            openai,
            "gpt-4o-audio-preview",
            json!({"input": 1_000, "input_audio": 900, "output": 100}),
        ),
        (
            "a spoken answer of a model that is listed without",
            "openai",
            openai,
            "gpt-4o-audio-preview",
            json!({"input": 1_000, "output": 100, "output_audio": 90}),
        ),
        (
            "cached tokens and sound, and nobody says how much of it is both",
            "gemini",
            "https://generativelanguage.googleapis.com",
            "gemini-2.5-flash",
            json!({"input": 1_000, "input_cached": 500, "input_audio": 900, "output": 100}),
        ),
        (
            "a route of OpenRouter's",
            "openrouter",
            "https://openrouter.ai",
            "deepseek/deepseek-chat:floor",
            words.clone(),
        ),
        (
            "a fine-tuned model that is not listed",
            "openai",
            openai,
            "ft:gpt-77:acme::x",
            words.clone(),
        ),
        (
            "an open model in another region",
            "bedrock",
            "https://bedrock-runtime.eu-west-1.amazonaws.com",
            "meta.llama3-1-8b-instruct-v1:0",
            words.clone(),
        ),
        (
            "a profile with a name of the user's own",
            "bedrock",
            "https://bedrock-runtime.us-east-1.amazonaws.com",
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3",
            words.clone(),
        ),
        (
            "a new Claude in a region of Vertex",
            "vertex",
            "https://us-east5-aiplatform.googleapis.com",
            "claude-opus-5",
            words.clone(),
        ),
        ("a search model", "perplexity", "https://api.perplexity.ai", "sonar-pro", words.clone()),
    ] {
        let provider = Some(provider).filter(|name| !name.is_empty()).map(str::to_owned);
        let exchange = Exchange { provider, ..exchange("", origin, model, usage(counts)) };
        assert!(cost(&exchange).is_err(), "{rule}: {:?}", cost(&exchange));
    }
}

#[test]
fn ways_of_serving_have_their_price_or_none() {
    let words = json!({"input": 1_000_000, "output": 1_000_000});
    let anthropic = "https://api.anthropic.com";
    let asked = |name: &str, value: &str, model: &str| {
        let mut had = exchange("openai", "https://api.openai.com", model, usage(words.clone()));
        had.request.params.insert(name.to_owned(), value.into());
        cost(&had)
    };
    // https://developers.openai.com/api/docs/pricing: flex is half of o3's 2 and 8.
    assert_dollars(asked("service_tier", "flex", "o3"), 5.0, "flex");
    assert_dollars(asked("service_tier", "auto", "o3"), 10.0, "auto");
    assert_dollars(asked("service_tier", "default", "o3"), 10.0, "default");
    let unlisted = asked("service_tier", "flex", "gpt-4o");
    assert_eq!(unlisted, Err(Unknown::Terms("service_tier `flex`".to_owned())));

    let claude = |raw: Value, params: Value| {
        let usage = Usage { raw, ..usage(words.clone()) };
        let mut had = exchange("anthropic", anthropic, "claude-opus-5", usage);
        had.request.params = params.as_object().unwrap().clone();
        cost(&had)
    };
    assert_dollars(claude(json!({"service_tier": "standard"}), json!({})), 30.0, "standard");
    assert_dollars(claude(json!({"service_tier": "batch"}), json!({})), 15.0, "batch");
    assert!(claude(json!({"service_tier": "priority"}), json!({})).is_err(), "priority");
    assert!(claude(json!({}), json!({"speed": "fast"})).is_err(), "fast");
    assert!(claude(json!({}), json!({"inference_geo": "us"})).is_err(), "in the US");
    let searched = json!({"server_tool_use": {"web_search_requests": 3}});
    assert_dollars(claude(searched, json!({})), 30.03, "three searches at a cent");
}

#[test]
fn what_the_provider_does_beside_is_counted_or_makes_it_unknown() {
    let did = |provider: &str, origin: &str, model: &str, value: Value| {
        let words = json!({"input": 1_000_000, "output": 0});
        let mut had = exchange(provider, origin, model, usage(words));
        let parts = vec![Part::text("found"), Part::Other { value }];
        had.reply = Some(Reply {
            choices: vec![Choice { parts, ..Choice::default() }],
            ..Reply::default()
        });
        cost(&had)
    };
    let openai = |value| did("openai", "https://api.openai.com", "gpt-5", value);
    let searched = json!({"type": "web_search_call", "action": {"type": "search"}});
    assert_dollars(openai(searched), 1.26, "a search costs a cent");
    let looked = json!({"type": "web_search_call", "action": {"type": "open_page"}});
    assert_dollars(openai(looked), 1.25, "looking at a page does not");
    assert!(openai(json!({"type": "code_interpreter_call"})).is_err(), "running code");
    let google = json!({"groundingMetadata": {"webSearchQueries": ["a"]}});
    let gemini = "https://generativelanguage.googleapis.com";
    assert!(did("gemini", gemini, "gemini-2.5-flash", google).is_err(), "so many are free");
}

#[test]
fn reported_goes_before_the_users_prices_before_the_table() {
    let user = Sheet::parse(
        "[[price]]\nprovider = \"openai\"\nmodel = \"gpt-4o*\"\ninput = 1\noutput = 2\n\
         [[price]]\nmodel = \"local/*\"\nprovider = \"llm.example.com\"\ninput = 0\noutput = 0\n\
         [[price]]\nmodel = \"gpt-4o\"\nprovider = \"openai\"\nsince = 2026-11-01\ninput = 3\ncache-read = 1\noutput = 4\n",
    );
    let prices = Prices::new(user.unwrap(), Table::default());
    let words = json!({"input": 1_000_000, "input_cached": 500_000, "output": 1_000_000});
    let of =
        |model: &str| exchange("openai", "https://api.openai.com", model, usage(words.clone()));
    let priced = |exchange: &Exchange| {
        let priced = prices.price(exchange).unwrap();
        (priced.usd, priced.source)
    };
    assert_eq!(priced(&of("gpt-4o-mini")), (3.0, Cost::Override), "any that begins so");
    assert_eq!(priced(&of("gpt-4o")), (6.0, Cost::Override), "the last one in the file");
    let earlier = Exchange { started_at: "2026-10-31T23:59:59Z".parse().unwrap(), ..of("gpt-4o") };
    assert_eq!(priced(&earlier), (3.0, Cost::Override), "before its first day");
    assert_eq!(priced(&of("gpt-5")).1, Cost::Table, "not in the user's");
    let gateway =
        Exchange { origin: "http://llm.example.com:8080".into(), provider: None, ..of("local/a") };
    assert_eq!(priced(&gateway), (0.0, Cost::Override), "free, since the user says so");
    let reported =
        Exchange { cost_usd: Some(0.25), cost_source: Some(Cost::Reported), ..of("gpt-4o") };
    assert_eq!(priced(&reported), (0.25, Cost::Reported));
    let mut litellm = Exchange { provider: None, ..of("a") };
    let header = ("X-LiteLLM-Response-Cost".to_owned(), "0.5".to_owned());
    litellm.reply = Some(Reply { headers: vec![header], ..Reply::default() });
    assert_eq!(priced(&litellm), (0.5, Cost::Reported), "a gateway says so in a header");
    let estimated = usage(json!({"input": 1_000_000, "output": 0, "source": "estimated"}));
    let estimated = exchange("openai", "https://api.openai.com", "gpt-4o", estimated);
    assert_eq!(priced(&estimated), (3.0, Cost::Estimated), "of what we counted");
}

#[test]
fn an_answer_that_broke_off_has_no_cost() {
    let words = usage(json!({"input": 1_000, "output": 1}));
    let had = exchange("anthropic", "https://api.anthropic.com", "claude-opus-5", words);
    let had = Exchange { state: State::Interrupted, ..had };
    assert_eq!(cost(&had), Err(Unknown::Interrupted));
}

#[test]
fn what_only_tells_of_tokens_is_not_charged() {
    let words = usage(json!({"input": 1_000}));
    let had = exchange("anthropic", "https://api.anthropic.com", "claude-opus-5", words);
    let counted = Exchange { operation: Some("count_tokens".to_owned()), ..had.clone() };
    let fetched = Exchange { method: "GET".to_owned(), ..had.clone() };
    let turn = Exchange { method: "GET".to_owned(), status: Some(101), ..had };
    assert_eq!(cost(&counted), Err(Unknown::NotCharged), "a count of a prompt");
    assert_eq!(cost(&fetched), Err(Unknown::NotCharged), "an answer that is fetched again");
    assert_dollars(cost(&turn), 0.005, "a turn of a WebSocket");
}

#[test]
fn our_own_list_can_be_read_and_the_table_goes_before_it() {
    let own = Sheet::parse(include_str!("own.toml")).unwrap();
    assert!(own.prices().count() > 100);
    assert!(own.prices().all(|price| price.input > 0.0 && price.provider.is_some()));
    for price in own.prices() {
        let listed =
            Table::default().models().any(|(provider, _)| Some(provider) == price.provider);
        assert!(!listed, "the table has {:?}", price.provider);
    }
}

#[test]
fn rates_of_a_model() {
    let at: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let rates = |provider: &str, model: &str| Prices::default().rates(provider, model, at);
    let (opus, source) = rates("anthropic", "claude-opus-5").unwrap();
    assert_eq!(source, Cost::Table);
    assert_eq!(
        opus,
        Rates {
            model: "claude-opus-5".to_owned(),
            input: Some(5.0),
            cache_read: Some(0.5),
            cache_write_5m: Some(6.25),
            cache_write_1h: Some(10.0),
            output: Some(25.0),
            ..Rates::default()
        }
    );
    let (sonnet, _) = rates("anthropic", "claude-sonnet-4-5").unwrap();
    let (from, long) = *sonnet.long.unwrap();
    assert_eq!((from, long.input, long.output), (200_000, Some(6.0), Some(22.5)));
    let (flash, _) = rates("gemini", "gemini-2.5-flash").unwrap();
    assert_eq!((flash.input, flash.input_audio), (Some(0.3), Some(1.0)));
    let (own, _) = rates("deepinfra", "Gryphe/MythoMax-L2-13b").unwrap();
    assert_eq!((own.input, own.output), (Some(0.4), Some(0.4)));
    assert_eq!(rates("openai", "gpt-77").unwrap_err(), Unknown::NoPrice);
}

#[test]
fn a_table_is_checked_before_it_is_used() {
    for (rule, json) in [("no JSON", "<html>"), ("no table", "{}"), ("empty", "[]")] {
        assert!(Table::parse(json.as_bytes()).is_err(), "{rule}");
    }
}
