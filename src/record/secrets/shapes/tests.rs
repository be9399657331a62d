use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::*;

/// `count` characters of `from`, over and over: a key that nobody would take for one.
fn fill(from: &str, count: usize) -> String {
    from.chars().cycle().take(count).collect()
}

/// Made-up keys, put together here so that no scanner takes this file for a leak.
fn keys() -> Vec<(&'static str, String)> {
    let word = |literal: &str, count| [literal, &fill("Fake0_key-", count)].concat();
    let alnum = |literal: &str, count| [literal, &fill("Fake0Key", count)].concat();
    let hex = |literal: &str, count| [literal, &fill("fa0e", count)].concat();
    let upper = |literal: &str, count| [literal, &fill("FAKE0", count)].concat();
    vec![
        ("anthropic", word("sk-ant-api03-", 95)),
        ("anthropic", word("sk-ant-oat01-", 95)),
        ("openrouter", hex("sk-or-v1-", 64)),
        ("openai", word("sk-proj-", 156)),
        ("openai", word("sk-svcacct-", 100)),
        ("openai", word("sk-admin-", 100)),
        ("langfuse", word("sk-lf-", 36)),
        ("sk", alnum("sk-", 48)),
        ("sk", hex("sk-", 32)),
        ("openai-session", alnum("sess-", 40)),
        ("openai-ephemeral", alnum("ek_", 32)),
        ("groq", alnum("gsk_", 52)),
        ("xai", alnum("xai-", 80)),
        ("perplexity", alnum("pplx-", 48)),
        ("cerebras", alnum("csk-", 48)),
        ("nvidia", word("nvapi-", 64)),
        ("together", word("tgp_v1_", 43)),
        ("fireworks", alnum("fw_", 24)),
        ("hugging-face", alnum("hf_", 34)),
        ("replicate", alnum("r8_", 37)),
        ("elevenlabs", hex("sk_", 48)),
        ("jina", alnum("jina_", 60)),
        ("pinecone", word("pcsk_", 70)),
        ("tavily", word("tvly-", 32)),
        ("firecrawl", hex("fc-", 32)),
        ("langsmith", hex("lsv2_pt_", 42)),
        ("google-api-key", word("AIza", 35)),
        ("google-api-key", word("AQ.A", 50)),
        ("google-access-token", word("ya29.", 120)),
        ("google-refresh-token", word("1//0", 60)),
        ("google-client-secret", word("GOCSPX-", 28)),
        ("aws-key-id", upper("AKIA", 16)),
        ("aws-key-id", upper("ASIA", 16)),
        ("aws-bedrock", alnum("ABSK", 128)),
        ("aws-bedrock", alnum("bedrock-api-key-", 100)),
        ("github", alnum("ghp_", 36)),
        ("github", alnum("gho_", 36)),
        ("github", alnum("ghu_", 36)),
        ("github", alnum("ghs_", 36)),
        ("github", alnum("ghr_", 36)),
        ("github", alnum("github_pat_", 82)),
        ("gitlab", word("glpat-", 20)),
        ("npm", alnum("npm_", 36)),
        ("pypi", word("pypi-", 100)),
        ("docker", word("dckr_pat_", 27)),
        ("slack", word("xoxb-", 50)),
        ("slack", word("xoxp-", 50)),
        ("slack", word("xoxa-", 50)),
        ("slack", word("xoxr-", 50)),
        ("slack", word("xoxs-", 50)),
        ("slack", word("xoxe-1-", 50)),
        ("slack", word("xapp-", 50)),
        ("stripe", alnum("sk_live_", 24)),
        ("stripe", alnum("sk_test_", 24)),
        ("stripe", alnum("rk_live_", 24)),
        ("stripe", alnum("rk_test_", 24)),
        ("stripe-webhook", alnum("whsec_", 32)),
        ("sendgrid", [&word("SG.", 22), ".", &word("", 43)].concat()),
        ("mailgun", hex("key-", 32)),
        ("brevo", word("xkeysib-", 81)),
        ("digitalocean", hex("dop_v1_", 64)),
        ("shopify", hex("shpat_", 32)),
        ("linear", alnum("lin_api_", 40)),
        ("figma", word("figd_", 40)),
        ("notion", alnum("ntn_", 46)),
        ("atlassian", alnum("ATATT3", 180)),
        ("postman", word("PMAK-", 59)),
        ("sentry", alnum("sntrys_", 80)),
        ("supabase", hex("sbp_", 40)),
        ("databricks", hex("dapi", 32)),
        ("grafana", word("glsa_", 41)),
        ("vault", word("hvs.", 90)),
        ("voyage", word("pa-", 43)),
        ("aws-session-token", alnum("IQoJb3JpZ2lu", 300)),
        ("aws-session-token", alnum("FwoGZXIvYXdz", 300)),
        ("azure-openai", [alnum("", 52), alnum("JQQJ99", 26)].concat()),
        ("azure-client-secret", word("abc8Q~", 34)),
        ("alibaba", alnum("LTAI", 20)),
        ("yandex", word("AQVN", 36)),
        ("gitlab", word("gldt-", 20)),
        ("gitlab", word("glrt-", 20)),
        ("gitlab", word("glcbt-64_", 20)),
        ("gitlab", hex("glptt-", 40)),
        ("gitlab", word("gloas-", 64)),
        ("gitlab", word("glagent-", 50)),
        ("rubygems", hex("rubygems_", 48)),
        ("square", word("sq0csp-", 43)),
        ("square", word("EAAA", 60)),
        ("twilio", hex("SK", 32)),
        ("digitalocean", hex("doo_v1_", 64)),
        ("digitalocean", hex("dor_v1_", 64)),
        ("shopify", hex("shpca_", 32)),
        ("shopify", hex("shppa_", 32)),
        ("shopify", hex("shpss_", 32)),
        ("notion", alnum("secret_", 43)),
        ("airtable", [alnum("pat", 14), hex(".", 64)].concat()),
        ("hubspot", "pat-na1-fake0000-1fa2-3fa4-5fa6-fake00000000".to_owned()),
        ("resend", alnum("re_Fake0Key_", 24)),
        ("newrelic", upper("NRAK-", 27)),
        ("circleci", alnum("CCIPAT_", 70)),
        ("buildkite", hex("bkua_", 40)),
        ("pulumi", hex("pul-", 40)),
        ("doppler", alnum("dp.pt.", 43)),
        ("terraform", [alnum("", 14), word(".atlasv1.", 67)].concat()),
        ("heroku", word("HRKU-AA", 58)),
        ("fly", word("fo1_", 43)),
        ("fly", alnum("fm2_", 200)),
        ("netlify", alnum("nfp_", 36)),
        ("planetscale", word("pscale_tkn_", 43)),
        ("planetscale", word("pscale_pw_", 43)),
        ("wandb", word("wandb_v1_", 77)),
        ("e2b", hex("e2b_", 40)),
        ("mapbox", [word("sk.eyJ", 60), word(".", 22)].concat()),
        ("dropbox", word("sl.", 135)),
        ("openshift", word("sha256~", 43)),
        ("jfrog", alnum("AKCp", 69)),
        ("jfrog", alnum("cmVmd", 59)),
        ("facebook", alnum("EAA", 180)),
        ("sentry", hex("sntryu_", 64)),
        ("supabase", word("sb_secret_", 40)),
        ("grafana", alnum("glc_eyJ", 100)),
        ("vault", word("hvb.", 150)),
        ("1password", word("ops_eyJ", 200)),
        ("age", upper("AGE-SECRET-KEY-1", 58)),
        ("jwt", [&word("eyJ", 30), ".", &word("eyJ", 60), ".", &word("", 43)].concat()),
        ("telegram", [fill("1234567890", 10), word(":AA", 33)].concat()),
        (
            "private-key",
            [
                "-----BEGIN ",
                "RSA PRIVATE KEY-----\n",
                &alnum("MII", 61),
                "\n",
                &alnum("", 20),
                "==\n-----END ",
                "RSA PRIVATE KEY-----",
            ]
            .concat(),
        ),
        (
            "private-key",
            [
                "-----BEGIN ",
                "PRIVATE KEY-----\\n",
                &alnum("MII", 61),
                "\\n",
                &alnum("", 20),
                "==\\n-----END ",
                "PRIVATE KEY-----",
            ]
            .concat(),
        ),
    ]
}

/// Keys that only what stands before them gives away: text before, key, text behind.
fn keys_behind() -> Vec<(&'static str, &'static str, String, &'static str)> {
    let mixed = |count| fill("Fake0key", count);
    vec![
        ("azure-storage", "AccountKey=", [&mixed(86), "=="].concat(), ";x"),
        ("azure-shared-access", "SharedAccessKey=", [&mixed(43), "="].concat(), ";"),
        (
            "slack-webhook",
            "https://hooks.slack.com/services/",
            ["T0FAKE000/B0FAKE000/", &mixed(24)].concat(),
            " ",
        ),
        (
            "discord-webhook",
            "https://discord.com/api/webhooks/",
            ["123456789012345678/", &mixed(68)].concat(),
            ")",
        ),
        (
            "discord-webhook",
            "https://discordapp.com/api/webhooks/",
            ["123456789012345678/", &mixed(68)].concat(),
            ")",
        ),
        (
            "slack-webhook",
            "https://hooks.slack.com/workflows/",
            ["T0FAKE000/A0FAKE000/", &mixed(24)].concat(),
            " ",
        ),
        (
            "slack-webhook",
            "https://hooks.slack.com/triggers/",
            ["T0FAKE000/123/", &mixed(24)].concat(),
            " ",
        ),
        (
            "teams-webhook",
            "https://fake.webhook.office.com/webhookb2/",
            [&mixed(36), "@", &mixed(36), "/IncomingWebhook/", &mixed(32)].concat(),
            "\"",
        ),
        ("google-firebase", "fakefakefake:APA91b", mixed(134), "\""),
        ("basic", "Basic ", STANDARD_NO_PAD.encode("fake-user:hunter2fake"), "\n"),
        ("aws-secret-key", "a\\nAKIAFAKEFAKEFAKE2345,", mixed(40), "\\n"),
        (
            "private-key",
            "Private-Lines: 2\\n",
            [&mixed(64), "\\n", &mixed(40), "=="].concat(),
            "\\nPrivate-MAC: 00",
        ),
        ("private-key", "Private-Lines: 1\n", mixed(64), "\nPrivate-MAC: 00"),
        ("bearer", "Bearer ", fill("fake0opaque1", 40), "\n"),
        ("url-password", "postgres://user:", "hunter2fake".to_owned(), "@db:5432/x"),
        ("url-password", "redis://:", "hunter2fake".to_owned(), "@cache"),
        ("url-password", "https://", fill("fake0token1", 30), "@host/x"),
    ]
}

fn all(text: &str) -> Vec<(&'static str, &str)> {
    let mut found = Vec::new();
    for shapes in Shapes::all() {
        let mut from = 0;
        while let Some((kind, range)) = shapes.find(text.as_bytes(), from) {
            from = range.end;
            found.push((kind, &text[range]));
        }
    }
    found
}

#[test]
fn every_shape_is_found_whole_wherever_a_word_begins() {
    for (kind, key) in keys() {
        for (before, after) in [
            ("", ""),
            ("\"", "\""),
            ("my key is ", ", keep it"),
            ("a line\\n", "\\nnext"),
            ("KEY=", "\n"),
            ("(", ")."),
            ("\n+", "\n"),
            ("key%3D", "&x"),
            ("`", "`"),
        ] {
            let text = [before, &key, after].concat();
            assert_eq!(all(&text), [(kind, key.as_str())], "{text}");
        }
    }
    for (kind, before, key, after) in keys_behind() {
        let text = [before, &key, after].concat();
        assert_eq!(all(&text), [(kind, key.as_str())], "{text}");
    }
}

#[test]
fn no_shape_is_found_in_a_word_or_cut_short() {
    for (kind, key) in keys() {
        // A private key that was cut is still one.
        if kind == "private-key" {
            continue;
        }
        let literal = SHAPES.iter().find(|s| s.kind == kind).unwrap().literal;
        let short = &key[..literal.len() + 8];
        assert_eq!(all(&format!("\"{short}\"")), [], "{kind} cut short: {short}");
        if kind != "telegram" {
            assert_eq!(all(&format!("word{key}")), [], "{kind} in a word");
        }
    }
}

#[test]
fn every_shape_has_a_key_here_and_a_line_in_the_documentation() {
    let documented = include_str!("../../../../docs/secrets.md");
    let mut tried: Vec<&str> = keys().iter().map(|(kind, _)| *kind).collect();
    tried.extend(keys_behind().iter().map(|(kind, ..)| *kind));
    for shape in SHAPES {
        assert!(tried.contains(&shape.kind), "no key of kind {}", shape.kind);
        let line = format!("| `{}` |", shape.kind);
        assert!(documented.contains(&line), "docs/secrets.md has no {line}");
        let literal = shape.literal.trim_end();
        assert!(documented.contains(literal), "docs/secrets.md has no {literal}");
    }
}

#[test]
fn prose_code_and_pictures_have_no_shape() {
    for text in [
        "a risk-free task-force uses sk-learn and scikit-learn",
        "class=\"sk-estimator-doc-link sk-toggleable__content-arrow sk-parallel-item\"",
        "hf_hub_download(repo_id, filename) and npm_config_registry=x and r8_int",
        "https://example.com/a:b@c and http://localhost:8080/@scope/pkg",
        "git clone git@github.com:owner/name.git ssh://git@host/x",
        "eyJhbGciOiJIUzI1NiJ9 alone is a header, eyJhbGciOiJIUzI1NiJ9.notjson is nothing",
        "-----BEGIN CERTIFICATE-----\nMIIFakeFakeFakeFakeFakeFakeFakeFakeFake\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMIIFakeFakeFakeFakeFakeFakeFakeFakeFake\n-----END PUBLIC KEY-----",
        "-----BEGIN PRIVATE KEY----- is how a key begins",
        "12:30:AA and 1234567890:AAshort",
        "Bearer tokens are described in RFC 6750; Bearer authentication_is_required",
        "ASIAN DEVELOPMENT, AKIA, xai-model-name-with-many-dashes, whsec_",
        "call_0123456789abcdef0123 toolu_0123456789abcdef0123 msg_0123456789abcdef",
        "primary key-value-store-with-a-long-name, monkey-0123456789abcdef0123456789abcdef",
    ] {
        assert_eq!(all(text), [], "{text}");
    }
}

#[test]
fn a_private_key_that_is_cut_is_hidden_to_its_cut() {
    let begin = ["-----BEGIN ", "PRIVATE KEY-----"].concat();
    let lines = fill("Fake0Key", 60);
    for (rule, rest, expected) in [
        ("at the end", format!("\n{lines}"), lines.len()),
        ("at a quote", format!("\\n{lines}\",\"b\":1"), lines.len()),
        ("in an escape", format!("\\n{lines}\\"), lines.len()),
    ] {
        let text = format!("{begin}{rest}");
        let found = all(&text);
        assert_eq!(found.len(), 1, "{rule}");
        assert!(found[0].1.ends_with(&lines[lines.len() - 8..]), "{rule}: {}", found[0].1);
        assert!(found[0].1.len() >= begin.len() + expected, "{rule}");
    }
}
