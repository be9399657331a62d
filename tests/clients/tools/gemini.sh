#!/bin/sh
# One prompt to the Gemini CLI, with a call of its tool. It asks a small model first which model
# is to answer.
set -eu
mkdir -p "$HOME/.gemini" "$HOME/work"
cat >"$HOME/.gemini/settings.json" <<'JSON'
{
  "security": { "auth": { "selectedType": "gemini-api-key" } },
  "privacy": { "usageStatisticsEnabled": false },
  "general": { "disableAutoUpdate": true }
}
JSON
export GEMINI_API_KEY=AIza-fake-0123456789abcdef GEMINI_CLI_TRUST_WORKSPACE=true
cd "$HOME/work"
exec "$OVERHEAR_TEST_TOOLS/bin/gemini" --yolo \
  -p "Please use the tool, then say what the wombat says"
