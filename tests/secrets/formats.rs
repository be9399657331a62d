//! Secrets of every format, drawn by lot: none opens anything.

/// A format of secrets: what stands before one and behind it, and the secret itself.
pub struct Format {
    pub name: &'static str,
    before: &'static str,
    literal: &'static str,
    alphabet: &'static str,
    length: usize,
    after: &'static str,
}

/// A secret as it stands in a text.
pub struct Planted {
    /// The text: a line of a settings file, a command, a sentence.
    pub text: String,
    /// What must not be kept.
    pub secret: String,
}

impl Format {
    /// The `n`th secret of this format.
    pub fn plant(&self, n: u32) -> Planted {
        let secret = [self.literal, &drawn(self.name, n, self.alphabet, self.length)].concat();
        Planted { text: [self.before, &secret, self.after].concat(), secret }
    }
}

/// So many characters of `alphabet`, always the same ones.
fn drawn(name: &str, n: u32, alphabet: &str, length: usize) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(name.as_bytes()).update(&n.to_be_bytes());
    let mut lots = vec![0; length];
    hasher.finalize_xof().fill(&mut lots);
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut drawn: String =
        lots.iter().map(|lot| alphabet[usize::from(*lot) % alphabet.len()]).collect();
    // A shape may ask for a digit and a letter; a lot need not have them.
    if length > 16 && alphabet.contains(&'7') {
        drawn.replace_range(9..11, if alphabet.contains(&'f') { "7f" } else { "7F" });
    }
    drawn
}

const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const WORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const fn format(
    name: &'static str,
    before: &'static str,
    literal: &'static str,
    (alphabet, length): (&'static str, usize),
    after: &'static str,
) -> Format {
    Format { name, before, literal, alphabet, length, after }
}

/// The formats.
pub const FORMATS: &[Format] = &[
    format("OpenAI, project", "OPENAI_API_KEY=", "sk-proj-", (WORD, 156), "\n"),
    format("OpenAI, service", "key: ", "sk-svcacct-", (WORD, 120), "\n"),
    format("OpenAI, first", "my key is ", "sk-", (ALNUM, 48), ", keep it"),
    format("OpenAI, session", "", "sess-", (ALNUM, 40), " "),
    format("Anthropic", "ANTHROPIC_API_KEY=", "sk-ant-api03-", (WORD, 95), "\n"),
    format("Anthropic, OAuth", "token ", "sk-ant-oat01-", (WORD, 95), "\n"),
    format("Google", "?key=", "AIzaSy", (WORD, 33), "&alt=sse "),
    format("Google, OAuth", "token ", "ya29.", (WORD, 180), " "),
    format("Google, client", "secret ", "GOCSPX-", (WORD, 28), " "),
    format("Hugging Face", "HF_TOKEN=", "hf_", (ALNUM, 34), "\n"),
    format("Groq", "GROQ_API_KEY=", "gsk_", (ALNUM, 52), "\n"),
    format("xAI", "", "xai-", (ALNUM, 80), " "),
    format("Perplexity", "", "pplx-", (ALNUM, 48), " "),
    format("OpenRouter", "", "sk-or-v1-", (HEX, 64), " "),
    format("Replicate", "", "r8_", (ALNUM, 37), " "),
    format("NVIDIA", "", "nvapi-", (WORD, 64), " "),
    format("Cerebras", "", "csk-", (ALNUM, 48), " "),
    format("Fireworks", "", "fw_", (ALNUM, 24), " "),
    format("Tavily", "", "tvly-dev-", (ALNUM, 32), " "),
    format("LangSmith", "", "lsv2_pt_", (HEX, 42), " "),
    format("Mistral, by name", "MISTRAL_API_KEY=", "", (ALNUM, 32), "\n"),
    format("Azure, by name", "AZURE_OPENAI_API_KEY=", "", (HEX, 32), "\n"),
    format("Deepgram, by name", "export DEEPGRAM_API_KEY=", "", (HEX, 40), "\n"),
    format("AWS, id", "aws_access_key_id = ", "AKIA", (UPPER, 16), "\n"),
    format("AWS, secret", "aws_secret_access_key = ", "", (BASE64, 40), "\n"),
    format("AWS, session", "aws_session_token = ", "IQoJb3JpZ2lu", (BASE64, 400), "\n"),
    format("Azure, storage", "AccountName=a;AccountKey=", "", (BASE64, 86), "==;Endpoint=x"),
    format("Azure, SAS", "https://a.blob.core.windows.net/b?sv=1&sig=", "", (ALNUM, 43), "&se=1 "),
    format("GitHub", "GITHUB_TOKEN=", "ghp_", (ALNUM, 36), "\n"),
    format("GitHub, fine-grained", "", "github_pat_", (ALNUM, 82), " "),
    format("GitLab", "", "glpat-", (WORD, 20), " "),
    format("Slack", "", "xoxb-", (ALNUM, 50), " "),
    format("Slack, hook", "https://hooks.slack.com/services/", "T0/B0/", (ALNUM, 24), " "),
    format("Discord, hook", "https://discord.com/api/webhooks/", "1/", (WORD, 68), " "),
    format("Stripe", "", "sk_live_", (ALNUM, 24), " "),
    format("npm", "//registry.npmjs.org/:_authToken=", "npm_", (ALNUM, 36), "\n"),
    format("PyPI", "password = ", "pypi-AgEIcHlwaS5vcmc", (WORD, 120), "\n"),
    format("Twilio", "", "SK", (HEX, 32), " "),
    format("DigitalOcean", "", "dop_v1_", (HEX, 64), " "),
    format("Vault", "", "hvs.", (WORD, 90), " "),
    format("Telegram", "bot ", "1234567890:AA", (WORD, 33), " "),
    format("a bearer token", "curl -H 'Authorization: Bearer ", "", (ALNUM, 40), "' https://x"),
    format("PostgreSQL", "DATABASE_URL=postgres://app:", "", (ALNUM, 20), "@db:5432/app\n"),
    format("MongoDB", "mongodb+srv://app:", "", (ALNUM, 20), "@cluster0.example.net/app "),
    format("Redis", "redis://:", "", (ALNUM, 24), "@cache:6379/0 "),
    format("a password", "DB_PASSWORD=", "", (ALNUM, 20), "\n"),
    format(
        "a connection string",
        "Server=db;User Id=sa;Password=",
        "",
        (ALNUM, 18),
        ";Encrypt=true",
    ),
    format("JDBC", "jdbc:mysql://db/app?user=app&password=", "", (ALNUM, 18), "&useSSL=true "),
    format("a properties file", "spring.datasource.password=", "", (ALNUM, 18), "\n"),
    format("YAML", "db:\n  password: ", "", (ALNUM, 18), "\n"),
    format(
        "a JSON web token",
        "cookie ",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmYWtlIn0.",
        (WORD, 43),
        " ",
    ),
    format(
        "a private key",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        "",
        (ALNUM, 70),
        "\n-----END OPENSSH PRIVATE KEY-----\n",
    ),
    format("age", "# public key: x\n", "AGE-SECRET-KEY-1", (UPPER, 58), "\n"),
];
