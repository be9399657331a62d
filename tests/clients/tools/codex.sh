#!/bin/sh
# One prompt to Codex, with a call of its tool. `codex.sh key` speaks to api.openai.com,
# `codex.sh login` as somebody signed in to ChatGPT, to chatgpt.com: then request bodies are
# compressed. A provider that refuses WebSockets makes it take HTTP instead.
set -eu
codex=$OVERHEAR_TEST_TOOLS/bin/codex
export CODEX_HOME="$HOME/.codex"
mkdir -p "$CODEX_HOME" "$HOME/work"
cat >"$CODEX_HOME/config.toml" <<'TOML'
model_reasoning_effort = "low"
check_for_update_on_startup = false
[analytics]
enabled = false
TOML
if [ "$1" = login ]; then
  encoded() { printf %s "$1" | base64 | tr -d '=\n' | tr '/+' '_-'; }
  account='{"chatgpt_plan_type":"plus","chatgpt_account_id":"account-fake"}'
  claims='{"exp":4102444800,"https://api.openai.com/auth":'$account'}'
  token=$(encoded '{"alg":"none"}').$(encoded "$claims").$(encoded nobody)
  cat >"$CODEX_HOME/auth.json" <<JSON
{
  "auth_mode": "chatgpt",
  "OPENAI_API_KEY": null,
  "tokens": {
    "id_token": "$token",
    "access_token": "$token",
    "refresh_token": "rt_fake",
    "account_id": "account-fake"
  },
  "last_refresh": "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
}
JSON
else
  export CODEX_API_KEY=sk-fake-0123456789abcdef
fi
cd "$HOME/work"
exec "$codex" exec --skip-git-repo-check "Please use the tool, then say what the wombat says"
