"""Which SDK reads which API."""

from importlib import import_module

# API: file in `sdk/` and function in it.
READERS = {
    "openai.chat": ("openai_chat", "chat"),
    "openai.completions": ("openai_chat", "completions"),
    "openai.embeddings": ("openai_chat", "embeddings"),
    "openai.responses": ("openai_responses", "responses"),
    "openai.responses.input_tokens": ("openai_responses", "input_tokens"),
    "anthropic.messages": ("anthropic_messages", "messages"),
    "anthropic.count_tokens": ("anthropic_messages", "count_tokens"),
    "gemini.generateContent": ("google_genai", "generate"),
    "gemini.streamGenerateContent": ("google_genai", "generate"),
    "gemini.countTokens": ("google_genai", "count_tokens"),
    "gemini.interactions": ("google_interactions", "interactions"),
    "bedrock.converse": ("bedrock", "converse"),
    "bedrock.converse_stream": ("bedrock", "converse_stream"),
    "bedrock.invoke": ("bedrock", "invoke"),
    "bedrock.invoke_stream": ("bedrock", "invoke_stream"),
    "cohere.chat.v1": ("cohere_chat", "v1"),
    "cohere.chat.v2": ("cohere_chat", "v2"),
    "ollama.chat": ("ollama_native", "chat"),
    "ollama.generate": ("ollama_native", "generate"),
}


def reader_of(row):
    file, name = READERS.get(row.api, (None, None))
    if row.api == "openai.chat" and row.vendor == "mistral":
        file = "mistral_chat"
    return getattr(import_module("sdk." + file), name) if file else None
