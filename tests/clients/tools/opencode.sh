#!/bin/sh
# One prompt to opencode, with a call of its tool; $1 is PROVIDER/MODEL. It has a small model
# make a title beside it.
set -eu
mkdir -p "$HOME/.config/opencode" "$HOME/work"
cat >"$HOME/.config/opencode/opencode.json" <<'JSON'
{
  "autoupdate": false,
  "share": "disabled",
  "permission": "allow",
  "provider": {
    "anthropic": {
      "options": { "apiKey": "sk-ant-fake-0123456789abcdef" },
      "models": {
        "claude-fake": { "tool_call": true, "limit": { "context": 200000, "output": 8000 } }
      }
    },
    "openai": {
      "options": { "apiKey": "sk-fake-0123456789abcdef" },
      "models": {
        "fake": { "tool_call": true, "limit": { "context": 200000, "output": 8000 } }
      }
    }
  }
}
JSON
export OPENCODE_DISABLE_AUTOUPDATE=1 OPENCODE_DISABLE_MODELS_FETCH=1 OPENCODE_DISABLE_LSP_DOWNLOAD=1
cd "$HOME/work"
exec "$OVERHEAR_TEST_TOOLS/bin/opencode" run -m "$1" \
  "Please use the tool, then say what the wombat says"
