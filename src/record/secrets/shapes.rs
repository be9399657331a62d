//! What well-known keys look like. `docs/secrets.md` shows this table to users.

use std::ops::Range;

use super::needles::{FAST_LITERAL_BYTES_MIN, FAST_LITERALS_MAX, Needles};
use super::text::{Alphabet, begins_word, has_digit, has_letter, looks_random};

mod special;

/// The shape of one kind of key.
pub(super) struct Shape {
    /// The kind of its fingerprint.
    pub kind: &'static str,
    /// What it begins with, or the part that gives it away.
    pub literal: &'static str,
    /// What is around the literal.
    pub rest: Rest,
}

/// What is around a shape's literal.
pub(super) enum Rest {
    /// The literal begins the key; so many bytes of an alphabet follow, and no more.
    Run(Alphabet, usize, usize),
    /// Likewise, and what follows passes a test, because the literal is in prose as well.
    Likely(Alphabet, usize, usize, fn(&[u8]) -> bool),
    /// The literal only announces the key, so many bytes of an alphabet behind it.
    After(Alphabet, usize, usize, fn(&[u8]) -> bool),
    /// A rule of its own: the secret's range, given where the literal begins.
    Special(fn(&[u8], usize) -> Option<Range<usize>>),
}

/// All shapes. Of two that fit, the first decides: longer literals stand before shorter ones.
pub(super) const SHAPES: &[Shape] = &[
    run("anthropic", "sk-ant-", Alphabet::Word, 16, 256),
    run("openrouter", "sk-or-v1-", Alphabet::Word, 16, 128),
    run("openai", "sk-proj-", Alphabet::Word, 16, 256),
    run("openai", "sk-svcacct-", Alphabet::Word, 16, 256),
    run("openai", "sk-admin-", Alphabet::Word, 16, 256),
    run("langfuse", "sk-lf-", Alphabet::Word, 16, 64),
    // OpenAI's first keys, and DeepSeek, Moonshot, DashScope, LiteLLM after them.
    likely("sk", "sk-", Alphabet::Word, 16, 256, is_mixed),
    run("openai-session", "sess-", Alphabet::Alnum, 30, 64),
    likely("openai-ephemeral", "ek_", Alphabet::Alnum, 20, 128, has_digit),
    likely("voyage", "pa-", Alphabet::Word, 40, 64, looks_random),
    run("groq", "gsk_", Alphabet::Alnum, 20, 128),
    run("xai", "xai-", Alphabet::Alnum, 20, 128),
    run("perplexity", "pplx-", Alphabet::Alnum, 30, 128),
    run("cerebras", "csk-", Alphabet::Alnum, 30, 128),
    run("nvidia", "nvapi-", Alphabet::Word, 32, 128),
    run("together", "tgp_v1_", Alphabet::Word, 30, 128),
    likely("fireworks", "fw_", Alphabet::Alnum, 22, 64, has_digit),
    run("hugging-face", "hf_", Alphabet::Alnum, 30, 64),
    run("replicate", "r8_", Alphabet::Alnum, 30, 64),
    likely("elevenlabs", "sk_", Alphabet::Hex, 40, 64, has_digit),
    run("jina", "jina_", Alphabet::Word, 40, 128),
    run("pinecone", "pcsk_", Alphabet::Word, 40, 128),
    run("tavily", "tvly-", Alphabet::Word, 20, 64),
    likely("firecrawl", "fc-", Alphabet::Hex, 32, 32, has_digit),
    run("langsmith", "lsv2_", Alphabet::Word, 36, 128),
    run("google-api-key", "AIza", Alphabet::Word, 30, 45),
    likely("google-api-key", "AQ.A", Alphabet::Word, 30, 128, has_digit),
    after("google-firebase", ":APA91b", Alphabet::Word, 100, 256, has_digit),
    run("google-access-token", "ya29.", Alphabet::Dotted, 20, 2048),
    likely("google-refresh-token", "1//0", Alphabet::Word, 30, 512, has_letter),
    run("google-client-secret", "GOCSPX-", Alphabet::Word, 20, 64),
    special("aws-secret-key", "AKIA", special::aws_secret),
    special("aws-secret-key", "ASIA", special::aws_secret),
    run("aws-key-id", "AKIA", Alphabet::Upper, 16, 28),
    run("aws-key-id", "ASIA", Alphabet::Upper, 16, 28),
    run("aws-session-token", "IQoJb3JpZ2lu", Alphabet::Base64, 100, 4096),
    run("aws-session-token", "FwoGZXIvYXdz", Alphabet::Base64, 100, 4096),
    likely("aws-bedrock", "ABSK", Alphabet::Base64, 60, 1024, has_digit),
    run("aws-bedrock", "bedrock-api-key-", Alphabet::Base64, 40, 8192),
    after("azure-storage", "AccountKey=", Alphabet::Base64, 40, 100, has_letter),
    after("azure-shared-access", "SharedAccessKey=", Alphabet::Base64, 30, 100, has_letter),
    special("azure-openai", "JQQJ99", special::azure_openai),
    special("azure-client-secret", "8Q~", special::azure_client_secret),
    likely("alibaba", "LTAI", Alphabet::Alnum, 16, 26, has_digit),
    run("yandex", "AQVN", Alphabet::Word, 35, 40),
    run("github", "ghp_", Alphabet::Alnum, 30, 255),
    run("github", "gho_", Alphabet::Alnum, 30, 255),
    run("github", "ghu_", Alphabet::Alnum, 30, 255),
    run("github", "ghs_", Alphabet::Alnum, 30, 255),
    run("github", "ghr_", Alphabet::Alnum, 30, 255),
    run("github", "github_pat_", Alphabet::Word, 30, 255),
    run("gitlab", "glpat-", Alphabet::Dotted, 20, 300),
    run("gitlab", "gldt-", Alphabet::Dotted, 20, 64),
    run("gitlab", "glrt-", Alphabet::Dotted, 20, 300),
    run("gitlab", "glcbt-", Alphabet::Dotted, 20, 64),
    run("gitlab", "glptt-", Alphabet::Hex, 40, 40),
    run("gitlab", "gloas-", Alphabet::Word, 40, 80),
    run("gitlab", "glagent-", Alphabet::Word, 40, 80),
    run("npm", "npm_", Alphabet::Alnum, 30, 64),
    run("pypi", "pypi-", Alphabet::Word, 50, 1024),
    run("rubygems", "rubygems_", Alphabet::Hex, 48, 48),
    run("docker", "dckr_pat_", Alphabet::Word, 20, 64),
    run("slack", "xoxb-", Alphabet::Word, 20, 512),
    run("slack", "xoxp-", Alphabet::Word, 20, 512),
    run("slack", "xoxa-", Alphabet::Word, 20, 512),
    run("slack", "xoxr-", Alphabet::Word, 20, 512),
    run("slack", "xoxs-", Alphabet::Word, 20, 512),
    run("slack", "xoxe", Alphabet::Dotted, 30, 512),
    run("slack", "xapp-", Alphabet::Word, 20, 512),
    after("slack-webhook", "hooks.slack.com/workflows/", Alphabet::Path, 20, 128, has_letter),
    after("slack-webhook", "hooks.slack.com/triggers/", Alphabet::Path, 20, 128, has_letter),
    after("slack-webhook", "hooks.slack.com/services/", Alphabet::Path, 20, 128, has_letter),
    after("discord-webhook", "discord.com/api/webhooks/", Alphabet::Path, 40, 160, has_letter),
    after("discord-webhook", "discordapp.com/api/webhooks/", Alphabet::Path, 40, 160, has_letter),
    after("teams-webhook", ".webhook.office.com/webhookb2/", Alphabet::Host, 60, 260, has_digit),
    run("stripe", "sk_live_", Alphabet::Alnum, 16, 255),
    run("stripe", "sk_test_", Alphabet::Alnum, 16, 255),
    run("stripe", "rk_live_", Alphabet::Alnum, 16, 255),
    run("stripe", "rk_test_", Alphabet::Alnum, 16, 255),
    run("stripe-webhook", "whsec_", Alphabet::Base64, 24, 128),
    likely("square", "sq0", Alphabet::Word, 26, 64, looks_random),
    likely("square", "EAAA", Alphabet::Word, 56, 64, looks_random),
    likely("twilio", "SK", Alphabet::Hex, 32, 32, has_digit),
    likely("sendgrid", "SG.", Alphabet::Dotted, 40, 128, special::is_two_parts),
    likely("mailgun", "key-", Alphabet::Hex, 32, 32, has_digit),
    run("brevo", "xkeysib-", Alphabet::Word, 60, 128),
    run("digitalocean", "dop_v1_", Alphabet::Hex, 40, 64),
    run("digitalocean", "doo_v1_", Alphabet::Hex, 40, 64),
    run("digitalocean", "dor_v1_", Alphabet::Hex, 40, 64),
    likely("shopify", "shpat_", Alphabet::Alnum, 32, 64, has_digit),
    likely("shopify", "shpca_", Alphabet::Alnum, 32, 64, has_digit),
    likely("shopify", "shppa_", Alphabet::Alnum, 32, 64, has_digit),
    likely("shopify", "shpss_", Alphabet::Alnum, 32, 64, has_digit),
    run("linear", "lin_api_", Alphabet::Alnum, 30, 64),
    run("figma", "figd_", Alphabet::Word, 30, 128),
    likely("notion", "ntn_", Alphabet::Alnum, 40, 64, has_digit),
    run("notion", "secret_", Alphabet::Alnum, 43, 43),
    likely("airtable", "pat", Alphabet::Dotted, 70, 90, special::is_airtable),
    likely("hubspot", "pat-", Alphabet::Word, 38, 48, looks_random),
    likely("resend", "re_", Alphabet::Word, 24, 48, looks_random),
    run("newrelic", "NRAK-", Alphabet::Alnum, 27, 32),
    run("circleci", "CCIPAT_", Alphabet::Word, 40, 90),
    run("buildkite", "bkua_", Alphabet::Hex, 40, 40),
    run("pulumi", "pul-", Alphabet::Hex, 40, 40),
    run("doppler", "dp.", Alphabet::Dotted, 43, 80),
    special("terraform", ".atlasv1.", special::terraform),
    run("heroku", "HRKU-AA", Alphabet::Word, 50, 70),
    run("fly", "fo1_", Alphabet::Word, 40, 60),
    run("fly", "fm2_", Alphabet::Base64, 100, 2048),
    run("netlify", "nfp_", Alphabet::Alnum, 36, 48),
    run("planetscale", "pscale_tkn_", Alphabet::Dotted, 32, 64),
    run("planetscale", "pscale_pw_", Alphabet::Dotted, 32, 64),
    run("wandb", "wandb_v1_", Alphabet::Word, 40, 128),
    run("e2b", "e2b_", Alphabet::Hex, 40, 64),
    run("mapbox", "sk.eyJ", Alphabet::Dotted, 60, 200),
    likely("dropbox", "sl.", Alphabet::Dotted, 100, 2048, has_digit),
    run("openshift", "sha256~", Alphabet::Word, 43, 43),
    run("jfrog", "AKCp", Alphabet::Alnum, 60, 80),
    run("jfrog", "cmVmd", Alphabet::Alnum, 59, 59),
    likely("facebook", "EAA", Alphabet::Alnum, 100, 300, has_digit),
    run("atlassian", "ATATT3", Alphabet::Base64, 100, 512),
    run("postman", "PMAK-", Alphabet::Word, 40, 128),
    run("sentry", "sntrys_", Alphabet::Base64, 40, 512),
    run("sentry", "sntryu_", Alphabet::Hex, 64, 64),
    run("supabase", "sbp_", Alphabet::Hex, 40, 64),
    run("supabase", "sb_secret_", Alphabet::Word, 30, 64),
    run("databricks", "dapi", Alphabet::Hex, 32, 34),
    run("grafana", "glsa_", Alphabet::Word, 32, 64),
    run("grafana", "glc_eyJ", Alphabet::Base64, 32, 400),
    run("vault", "hvs.", Alphabet::Word, 24, 256),
    run("vault", "hvb.", Alphabet::Word, 80, 300),
    run("1password", "ops_eyJ", Alphabet::Word, 100, 2048),
    run("age", "AGE-SECRET-KEY-1", Alphabet::Upper, 40, 64),
    after("bearer", "Bearer ", Alphabet::Token, 16, 8192, looks_random),
    after("basic", "Basic ", Alphabet::Base64, 8, 1024, special::is_basic),
    special("jwt", "eyJ", special::jwt),
    special("private-key", "-----BEGIN ", special::pem),
    special("private-key", "Private-Lines: ", special::putty),
    special("telegram", ":AA", special::telegram),
    special("url-password", "://", special::url_password),
];

/// A part of the table, ready to be searched.
pub(super) struct Shapes {
    literals: Needles,
    /// For each literal, the shapes that begin with it.
    shapes: Vec<Vec<&'static Shape>>,
}

impl Shapes {
    /// The whole table, in parts that are fast to search.
    pub fn all() -> Vec<Self> {
        // A literal that begins with another one is found by that.
        let literals = SHAPES.iter().map(|shape| shape.literal).filter(|literal| {
            !SHAPES.iter().any(|other| {
                literal.len() > other.literal.len() && literal.starts_with(other.literal)
            })
        });
        let (long, short): (Vec<&str>, Vec<&str>) =
            literals.partition(|literal| literal.len() >= FAST_LITERAL_BYTES_MIN);
        [short, long]
            .iter()
            .flat_map(|literals| literals.chunks(FAST_LITERALS_MAX))
            .map(Self::of)
            .collect()
    }

    fn of(literals: &[&str]) -> Self {
        let beginning_with = |literal: &&str| {
            let shapes = SHAPES.iter();
            shapes.filter(|shape| shape.literal.starts_with(literal)).collect()
        };
        Self {
            literals: Needles::new(literals.iter().map(|literal| literal.as_bytes())),
            shapes: literals.iter().map(beginning_with).collect(),
        }
    }

    /// The next secret of this part of the table that begins at or after `from`: its kind and
    /// where it is.
    pub fn find(&self, bytes: &[u8], from: usize) -> Option<(&'static str, Range<usize>)> {
        let mut at = from;
        while let Some(hit) = self.literals.find(bytes, at) {
            let shapes = self.shapes.get(hit.which).into_iter().flatten();
            for shape in shapes {
                // What was found before `from` is replaced already.
                if let Some(range) = shape.at(bytes, hit.start).filter(|r| r.start >= from) {
                    return Some((shape.kind, range));
                }
            }
            at = hit.start + 1;
        }
        None
    }
}

impl Shape {
    /// The secret whose literal begins at `at`.
    fn at(&self, bytes: &[u8], at: usize) -> Option<Range<usize>> {
        let behind = at + self.literal.len();
        if !bytes.get(at..)?.starts_with(self.literal.as_bytes()) {
            return None;
        }
        match self.rest {
            Rest::Run(alphabet, min, max) => {
                let end = run_end(bytes, behind, alphabet, min, max)?;
                begins_word(bytes, at).then_some(at..end)
            }
            Rest::Likely(alphabet, min, max, is_likely) => {
                let end = run_end(bytes, behind, alphabet, min, max)?;
                let likely = begins_word(bytes, at) && is_likely(bytes.get(behind..end)?);
                likely.then_some(at..end)
            }
            Rest::After(alphabet, min, max, is_likely) => {
                let end = run_end(bytes, behind, alphabet, min, max)?;
                is_likely(bytes.get(behind..end)?).then_some(behind..end)
            }
            Rest::Special(find) => find(bytes, at),
        }
    }
}

/// The end of a run of `min` to `max` bytes that begins at `start` and ends with its word.
fn run_end(
    bytes: &[u8],
    start: usize,
    alphabet: Alphabet,
    min: usize,
    max: usize,
) -> Option<usize> {
    let rest = bytes.get(start..)?;
    let mut run = alphabet.run(rest, max);
    if run > max {
        return None;
    }
    if rest.get(run).is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_') {
        return None;
    }
    // The dot that ends a sentence is none of the key's.
    while run > 0 && rest.get(run - 1) == Some(&b'.') {
        run -= 1;
    }
    (run >= min).then_some(start + run)
}

/// Whether what follows `sk-` is a key and no name of a style sheet (`sk-estimator-doc-link`).
fn is_mixed(rest: &[u8]) -> bool {
    let long = rest
        .split(|byte| matches!(byte, b'-' | b'_'))
        .any(|part| part.len() >= 32 || part.len() >= 14 && has_digit(part));
    long || looks_random(rest) && rest.iter().any(u8::is_ascii_uppercase)
}

const fn run(
    kind: &'static str,
    literal: &'static str,
    alphabet: Alphabet,
    min: usize,
    max: usize,
) -> Shape {
    Shape { kind, literal, rest: Rest::Run(alphabet, min, max) }
}

const fn likely(
    kind: &'static str,
    literal: &'static str,
    alphabet: Alphabet,
    min: usize,
    max: usize,
    is_likely: fn(&[u8]) -> bool,
) -> Shape {
    Shape { kind, literal, rest: Rest::Likely(alphabet, min, max, is_likely) }
}

const fn after(
    kind: &'static str,
    literal: &'static str,
    alphabet: Alphabet,
    min: usize,
    max: usize,
    is_likely: fn(&[u8]) -> bool,
) -> Shape {
    Shape { kind, literal, rest: Rest::After(alphabet, min, max, is_likely) }
}

const fn special(
    kind: &'static str,
    literal: &'static str,
    find: fn(&[u8], usize) -> Option<Range<usize>>,
) -> Shape {
    Shape { kind, literal, rest: Rest::Special(find) }
}

#[cfg(test)]
mod tests;
