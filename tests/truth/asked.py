"""What a request says, read from its JSON by the wire formats; SDKs have no parser for it.

Gives {model_asked, system, messages: [{role, text}], tools: [name]}, with `text` the words of a
message, those of tool results in it included. A role of `None` matches any.
"""

import json
import urllib.parse


def asked(row):
    """None where the request was not recorded or is not JSON."""
    if not row.request_body:
        return None
    try:
        body = json.loads(row.request_body)
    except ValueError:
        return None
    read = READERS.get(row.api)
    return read(body, urllib.parse.unquote(row.path)) if read and isinstance(body, dict) else None


def result(model, system, messages, tools):
    return {
        "model_asked": model,
        "system": system,
        "messages": [{"role": role, "text": text} for role, text in messages],
        "tools": tools,
    }


def joined(texts):
    texts = list(texts)
    return "\n\n".join(texts) if texts else None


def items(value):
    """The objects and texts of a list."""
    return (
        [item for item in value if isinstance(item, (dict, str))] if isinstance(value, list) else []
    )


def objects(value):
    return [item for item in items(value) if isinstance(item, dict)]


def texts(content, kinds=("text", "input_text", "output_text")):
    """The words of a content: a text, or blocks of which some are text."""
    if isinstance(content, str):
        return [content] if content else []
    if isinstance(content, dict):
        content = [content]
    found = []
    for block in items(content):
        if isinstance(block, str):
            found.append(block)
        elif (
            isinstance(block, dict)
            and isinstance(block.get("text"), str)
            and block.get("type", "text") in kinds
        ):
            found.append(block["text"])
    return found


def segment_after(path, word):
    """The part of a path after `word`, without what follows a colon behind the model."""
    parts = path.split("?")[0].strip("/").split("/")
    return parts[parts.index(word) + 1] if word in parts[:-1] else None


def head(messages):
    """The words of the system and developer messages before the first other one."""
    found = []
    for message in messages:
        if message.get("role") not in ("system", "developer"):
            break
        found += texts(message.get("content"))
    return joined(found)


def openai_chat(body, path):
    said = objects(body.get("messages"))
    messages = [(m.get("role") or "", "".join(texts(m.get("content")))) for m in said]
    if isinstance(body.get("prompt"), str):
        messages.append(("user", body["prompt"]))
    tools = [
        (t.get("function") or t.get("custom") or t).get("name") or t.get("type") or ""
        for t in objects(body.get("tools"))
    ]
    tools += [f.get("name") for f in items(body.get("functions"))]
    return result(
        body.get("model") or segment_after(path, "deployments"), head(said), messages, tools
    )


def prompts(given):
    """One message each: a text, or a list of texts, or tokens, which have no words."""
    if given is None or given == "":
        return []
    if not isinstance(given, list) or given and all(isinstance(token, int) for token in given):
        given = [given]
    return [("user", one if isinstance(one, str) else "") for one in given]


def openai_completions(body, path):
    return result(
        body.get("model") or segment_after(path, "deployments"),
        None,
        prompts(body.get("prompt")),
        [],
    )


def openai_embeddings(body, path):
    return result(
        body.get("model") or segment_after(path, "deployments"),
        None,
        prompts(body.get("input")),
        [],
    )


def openai_responses(body, path):
    messages = []
    given = body.get("input")
    if isinstance(given, str):
        messages.append(("user", given))
    for item in items(given):
        if not isinstance(item, dict):
            continue
        if "role" in item and item.get("type", "message") == "message":
            messages.append((item["role"], "".join(texts(item.get("content")))))
        elif str(item.get("type")).endswith("_output"):
            messages.append((None, "".join(texts(item.get("output", item.get("result"))))))
        elif item.get("type") in ("function_call", "custom_tool_call", "reasoning"):
            messages.append(("assistant", ""))
        else:
            messages.append((None, ""))
    tools = [
        t.get("name") or (t.get("function") or {}).get("name") or t.get("type") or ""
        for t in objects(body.get("tools"))
    ]
    for item in objects(given):  # Codex sends its tools so.
        if item.get("type") == "additional_tools":
            tools += [tool.get("name") or tool.get("type") for tool in objects(item.get("tools"))]
    system = body.get("instructions") or None
    if not isinstance(system, str):
        system = joined(texts(system)) if system else None
    among = head(objects(given))
    if system is None or among is None:
        system = system or among
    else:  # Whether what stands among the items counts as well is a matter of taste.
        system = [system, system + "\n\n" + among]
    return result(body.get("model") or segment_after(path, "deployments"), system, messages, tools)


def anthropic_messages(body, path):
    def words(content):
        if isinstance(content, list):
            return "".join(
                "".join(texts(b.get("content")))
                if isinstance(b, dict) and b.get("type") in RESULTS
                else "".join(texts([b]))
                for b in content
            )
        return "".join(texts(content))

    model = body.get("model") or segment_after(path, "models") or segment_after(path, "model")
    system = joined(texts(body.get("system")))
    messages = [
        (m.get("role") or "", words(m.get("content"))) for m in objects(body.get("messages"))
    ]
    tools = [t.get("name") or t.get("type") or "" for t in objects(body.get("tools"))]
    if model and not body.get("model"):
        model = model.split(":rawPredict")[0].split(":streamRawPredict")[0]
    return result(model, system, messages, tools)


# Blocks of a message whose `content` is what a tool gave.
RESULTS = (
    "tool_result",
    "mcp_tool_result",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
)


def either(body, camel):
    """Google takes `systemInstruction` and `system_instruction`."""
    snake = "".join("_" + c.lower() if c.isupper() else c for c in camel)
    return body.get(camel, body.get(snake))


def gemini(body, path):
    body = body.get("request") if isinstance(body.get("request"), dict) else body
    asked_inside = either(body, "generateContentRequest")
    if isinstance(asked_inside, dict):  # countTokens
        body = asked_inside

    def words(content):
        if isinstance(content, str):
            return content
        found = ""
        parts = content.get("parts") or []
        for part in parts if isinstance(parts, list) else [parts]:
            if isinstance(part, str):
                found += part
            elif isinstance(part.get("text"), str) and not part.get("thought"):
                found += part["text"]
        return found

    contents = body.get("contents") or []
    contents = contents if isinstance(contents, list) else [contents]
    messages = [(c.get("role") if isinstance(c, dict) else None, words(c)) for c in contents]
    system = either(body, "systemInstruction")
    if isinstance(system, dict):
        parts = system.get("parts") or []
        parts = parts if isinstance(parts, list) else [parts]
        system = joined(p["text"] for p in parts if isinstance(p.get("text"), str))
    tools = []
    given = body.get("tools") or []
    for tool in given if isinstance(given, list) else [given]:
        for name, value in tool.items():
            if value is None:
                continue
            if name in ("functionDeclarations", "function_declarations"):
                declared = value if isinstance(value, list) else [value]
                tools += [d.get("name") for d in declared]
            else:
                tools.append(name)
    model = segment_after(path, "models") or segment_after(path, "endpoints")
    model = model.rsplit(":", 1)[0] if model else body.get("model")
    return result(model, system or None, messages, tools)


def interactions(body, path):
    given = body.get("input")
    messages = []
    if isinstance(given, str):
        messages.append(("user", given))
    else:
        loose = []
        for item in items(given if isinstance(given, list) else [given]):
            content, kind = item.get("content"), item.get("type")
            for block in objects(content):  # A result of a tool inside what the user said.
                if block.get("type") == "function_result":
                    content = texts(block.get("result"))
            if "role" in item:
                messages.append((item["role"], "".join(texts(content))))
            elif kind in ("user_input", "model_output"):
                role = "user" if kind == "user_input" else "model"
                messages.append((role, "".join(texts(content))))
            elif kind == "text":
                loose.append(item["text"])
            elif kind in ("function_result", "mcp_server_tool_result"):
                messages.append((None, "".join(texts(item.get("result")))))
            else:
                messages.append((None, ""))
        if loose:
            messages.append((None, "".join(loose)))
    tools = [t.get("name") or t.get("type") or "" for t in objects(body.get("tools"))]
    return result(body.get("model"), body.get("system_instruction") or None, messages, tools)


def bedrock_model(path):
    """An ARN has slashes of its own."""
    return path.split("?")[0].split("/model/")[-1].rsplit("/", 1)[0]


def bedrock_converse(body, path):
    def words_of(block):
        guarded = (block.get("guardContent") or {}).get("text") or {}
        found = block.get("text", guarded.get("text"))
        return found if isinstance(found, str) else None

    def words(blocks):
        found = ""
        for block in items(blocks):
            if words_of(block) is not None:
                found += words_of(block)
            elif isinstance(block.get("citationsContent"), dict):
                found += "".join(texts(block["citationsContent"].get("content")))
            elif isinstance(block.get("toolResult"), dict):
                found += "".join(
                    b["text"]
                    for b in items(block["toolResult"].get("content"))
                    if isinstance(b.get("text"), str)
                )
        return found

    messages = [
        (m.get("role") or "", words(m.get("content"))) for m in objects(body.get("messages"))
    ]
    system = joined(words_of(b) for b in objects(body.get("system")) if words_of(b) is not None)
    tools = []
    for tool in items((body.get("toolConfig") or {}).get("tools")):
        for kind in ("toolSpec", "systemTool"):
            if isinstance(tool.get(kind), dict):
                tools.append(tool[kind].get("name"))
    return result(bedrock_model(path), system, messages, tools)


def bedrock_invoke(body, path):
    """The body is the model family's own; only what is named alike everywhere is checked."""
    model = bedrock_model(path)
    if "anthropic_version" in body:
        return {**anthropic_messages(body, path), "model_asked": model}
    if "message" in body:
        return {**cohere_v1(body, path), "model_asked": model}
    for name in ("prompt", "inputText"):
        if isinstance(body.get(name), str):
            return {"model_asked": model, "messages": [{"role": None, "text": body[name]}]}
    if isinstance(body.get("messages"), list) and isinstance(body.get("system"), list):
        return bedrock_converse(body, path)
    return {"model_asked": model}


def cohere_v1(body, path):
    said = objects(body.get("chat_history"))
    messages = [(m.get("role"), m.get("message") or "") for m in said]
    system = body.get("preamble") or None
    if system is None and said and said[0].get("role") in ("SYSTEM", "System"):
        system = said[0].get("message")
    if body.get("message"):
        messages.append((None, body["message"]))
    if body.get("tool_results"):
        messages.append((None, ""))
    return result(
        body.get("model"), system, messages, [t.get("name") for t in objects(body.get("tools"))]
    )


def cohere_v2(body, path):
    said = objects(body.get("messages"))
    messages = [(m.get("role") or "", "".join(texts(m.get("content")))) for m in said]
    tools = [(t.get("function") or {}).get("name") for t in objects(body.get("tools"))]
    return result(body.get("model"), head(said), messages, tools)


def ollama_chat(body, path):
    said = objects(body.get("messages"))
    messages = [(m.get("role") or "", m.get("content") or "") for m in said]
    tools = [(t.get("function") or {}).get("name") for t in objects(body.get("tools"))]
    return result(body.get("model"), head(said), messages, tools)


def ollama_generate(body, path):
    messages = [("user", body["prompt"])] if body.get("prompt") else []
    return result(body.get("model"), body.get("system") or None, messages, [])


READERS = {
    "openai.chat": openai_chat,
    "openai.completions": openai_completions,
    "openai.embeddings": openai_embeddings,
    "openai.responses": openai_responses,
    "anthropic.messages": anthropic_messages,
    "anthropic.count_tokens": anthropic_messages,
    "gemini.generateContent": gemini,
    "gemini.streamGenerateContent": gemini,
    "gemini.countTokens": gemini,
    "gemini.interactions": interactions,
    "bedrock.converse": bedrock_converse,
    "bedrock.converse_stream": bedrock_converse,
    "bedrock.invoke": bedrock_invoke,
    "bedrock.invoke_stream": bedrock_invoke,
    "cohere.chat.v1": cohere_v1,
    "cohere.chat.v2": cohere_v2,
    "ollama.chat": ollama_chat,
    "ollama.generate": ollama_generate,
}
