//! Prompts compared as a whole.

use std::time::Duration;

use serde_json::json;

use super::*;

fn message(role: &str, text: &str) -> Message {
    Message { role: role.into(), parts: vec![Part::text(text)] }
}

fn prompt(system: &str, messages: &[(&str, &str)]) -> Request {
    Request {
        model: Some("model-1".into()),
        system: Some(system.into()),
        messages: messages.iter().map(|(role, text)| message(role, text)).collect(),
        ..Request::default()
    }
}

fn between(old: &Request, new: &Request) -> Difference {
    let deadline = Instant::now() + Duration::from_secs(5);
    Difference::between(old, new, &Section::ALL, deadline)
}

/// Steps of messages as a line.
fn told(diff: &Difference) -> String {
    let steps = diff.messages.iter().flat_map(|messages| &messages.steps);
    let told = steps.map(|step| match step {
        MessageStep::Alike { count, .. } => format!("{count} alike"),
        MessageStep::Removed { old, .. } => format!("-{old}"),
        MessageStep::Added { new, .. } => format!("+{new}"),
        MessageStep::Changed { old, new, blocks, .. } => {
            format!("~{old}:{new}({})", blocks.len())
        }
    });
    told.collect::<Vec<_>>().join(" ")
}

#[test]
fn alike_prompts_have_no_difference() {
    let one = prompt("be brief", &[("user", "hi")]);
    assert!(between(&one, &one).is_alike());
}

#[test]
fn each_section_is_compared_for_itself() {
    let old = prompt("be brief", &[("user", "hi")]);
    for (rule, change) in [
        ("model", json!({"model": "model-2"})),
        ("params", json!({"params": {"temperature": 0.7}})),
        ("system", json!({"system": "be exact"})),
        ("tools", json!({"tools": [{"name": "shell", "description": null, "schema": {}}]})),
        ("messages", json!({"messages": []})),
    ] {
        let mut new = serde_json::to_value(&old).unwrap();
        new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let new: Request = serde_json::from_value(new).unwrap();
        let found = serde_json::to_value(between(&old, &new)).unwrap();
        let changed: Vec<_> =
            found.as_object().unwrap().iter().filter(|(_, v)| !v.is_null()).collect();
        assert_eq!(changed.len(), 1, "{rule}: {found}");
        assert_eq!(changed[0].0, rule);
    }
}

#[test]
fn messages_are_aligned() {
    let (first, answer) = (("user", "read the file a.rs for me"), ("assistant", "it is empty"));
    let old = prompt("be brief", &[first, answer]);
    for (rule, new, expected) in [
        ("a turn more", vec![first, answer, ("user", "so fill it")], "2 alike +2"),
        ("a turn less", vec![first], "1 alike -1"),
        ("a changed one", vec![("user", "read the file b.rs for me"), answer], "~0:0(1) 1 alike"),
        ("another role is another", vec![("tool", first.1), answer], "-0 +0 1 alike"),
        ("one before", vec![("user", "hello"), first, answer], "+0 2 alike"),
    ] {
        assert_eq!(told(&between(&old, &prompt("be brief", &new))), expected, "{rule}");
    }
}

#[test]
fn the_system_prompt_among_the_messages_is_told_once() {
    let old = prompt("be brief", &[("system", "be brief"), ("user", "hi")]);
    let new = prompt("be exact", &[("developer", "be exact"), ("user", "hi")]);
    let diff = between(&old, &new);
    assert!(diff.system.is_some() && diff.messages.is_none());
}

#[test]
fn a_changed_call_is_told_by_path_and_its_id_is_no_change() {
    let call = |id: &str, command: &str| {
        let call = Part::ToolCall {
            id: Some(id.into()),
            name: "shell".into(),
            arguments: json!({"command": command, "timeout": 10, "workdir": "here"}),
        };
        let message = Message { role: "assistant".into(), parts: vec![call] };
        Request { messages: vec![message], ..Request::default() }
    };
    assert!(between(&call("call_1", "ls"), &call("call_2", "ls")).is_alike());
    let diff = between(&call("call_1", "ls"), &call("call_2", "pwd"));
    let steps = diff.messages.unwrap().steps;
    let [MessageStep::Changed { blocks, .. }] = steps.as_slice() else { panic!("{steps:?}") };
    let [BlockStep::Value { label, changes }] = blocks.as_slice() else { panic!("{blocks:?}") };
    assert_eq!((label.as_str(), changes[0].path.as_str()), ("call shell", "command"));
}

#[test]
fn four_megabytes_are_compared_in_time() {
    let said = |from: usize| -> String {
        (from..from + 9_000)
            .map(|n| format!("word{} of the many {}\n", n * n % 7919, n % 31))
            .collect()
    };
    let messages = |from: usize| -> Vec<Message> {
        (0..20).map(|n| message("user", &said(n * 1000 + from))).collect()
    };
    let [old, new] = [0, 7].map(|from| Request { messages: messages(from), ..Request::default() });
    let begun = Instant::now();
    let deadline = begun + Duration::from_secs(1);
    assert!(!Difference::between(&old, &new, &Section::ALL, deadline).is_alike());
    println!("{:?}", begun.elapsed());
}
