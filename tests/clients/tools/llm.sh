#!/bin/sh
# One prompt to llm, as a stream of chat completions.
set -eu
export LLM_USER_PATH="$HOME/llm" OPENAI_API_KEY=sk-fake-0123456789abcdef
exec "$OVERHEAR_TEST_TOOLS/bin/llm" -m gpt-4o-mini -s "Be brief." "Say what the wombat says"
