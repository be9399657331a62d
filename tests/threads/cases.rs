//! What apps do with a conversation, one case each.

use overhear::model::{Message, Part, ThreadRule};
use serde_json::json;

use super::stage::{Outcome, Stage, Talk, call, result, tool, user};

/// Leads conversations on a stage; which exchanges are of which says each [`Talk`].
type Case = fn(&mut Stage);

const LONG: &str = "The build fails because the linker finds two symbols of one name; \
                    rename the one in `net.c` and build again.";

#[test]
fn exchanges_of_one_conversation_are_one_thread_and_others_are_not() {
    let cases: [(&str, Case); 23] = [
        ("turn after turn", |s| {
            let mut talk = Talk::new("a", "app/1");
            (0..5).for_each(|n| _ = s.ask(&mut talk, &format!("q{n}"), &format!("a{n}")));
        }),
        ("equal first prompts that were answered are apart", |s| {
            for run in ["a", "b", "c"] {
                let mut talk = Talk::new(run, "bench/1");
                s.ask(&mut talk, "What is 6 times 7?", "42");
            }
        }),
        ("runs that say the same word for word go side by side", |s| {
            let mut runs = ["a", "b"].map(|run| Talk::new(run, "bench/1"));
            for turn in 0..4 {
                for talk in &mut runs {
                    s.ask(talk, &format!("step {turn}"), "ok");
                }
            }
            // Whose turn is whose cannot be known; that there are two runs can.
            let rows = s.truth.len();
            s.truth.truncate(rows - 6);
        }),
        ("a failed first prompt that is sent again", |s| {
            let mut talk = Talk::new("a", "app/1");
            talk.say("Mend the tests");
            for outcome in [Outcome::Failed, Outcome::CutOff] {
                let stored = s.exchange(&talk, vec![Part::text("Let me")], outcome);
                s.store([stored]);
            }
            s.answer(&mut talk, vec![Part::text("Done.")]);
            s.ask(&mut talk, "Thanks", "Welcome.");
        }),
        ("an answer asked for anew", |s| {
            let mut talk = Talk::new("a", "app/1");
            s.ask(&mut talk, "Hello", "Hi");
            talk.say("A joke, please");
            s.aside(&talk, "one joke");
            s.answer(&mut talk, vec![Part::text("another joke")]);
            s.ask(&mut talk, "Ha", "Ha ha");
        }),
        ("an edited turn", |s| {
            let mut talk = Talk::new("a", "app/1");
            s.ask(&mut talk, "Hello", "Hi");
            let mut edited = talk.clone();
            s.ask(&mut talk, "Tell me of cats", "Cats purr");
            s.ask(&mut edited, "Tell me of dogs", "Dogs bark");
            s.ask(&mut edited, "And of wolves", "They howl");
        }),
        ("a system prompt that is another each turn", |s| {
            let mut talk = Talk { tools: vec![], ..Talk::new("a", "AnythingLLM/1") };
            for turn in 0..4 {
                talk.system = Some(format!("Context {turn}: something else was found"));
                s.ask(&mut talk, &format!("q{turn}"), &format!("a{turn}"));
            }
        }),
        ("tools that change", |s| {
            let mut talk = Talk::new("a", "app/1");
            s.ask(&mut talk, "Hello", "Hi");
            talk.tools.push(tool("mcp"));
            s.ask(&mut talk, "Now with more tools", "Fine");
        }),
        ("reasoning and empty texts left out, texts trimmed, arguments written anew", |s| {
            let mut talk = Talk::new("a", "app/1");
            talk.say("List the files");
            let thought = Part::Reasoning { text: "hm".into(), signature: Some("c2ln".into()) };
            let arguments = json!({"command": "ls", "timeout": 5});
            let parts = vec![thought, Part::text("\n\nSure. "), call("c1", "shell", arguments)];
            s.aside(&talk, "");
            let stored = s.exchange(&talk, parts, Outcome::Answered);
            s.store([stored]);
            s.truth.remove(0);
            let arguments = json!({"timeout": 5.0, "command": "ls"});
            let parts = vec![Part::text("Sure."), Part::text(""), call("x9", "shell", arguments)];
            talk.messages.push(Message { role: "assistant".into(), parts });
            talk.result("x9", "a.c");
            s.answer(&mut talk, vec![Part::text("One file.")]);
        }),
        ("messages of one role split and merged", |s| {
            let mut talk = Talk::new("a", "app/1");
            s.ask(&mut talk, "One\nTwo", "Three Four");
            talk.messages = vec![
                user(vec![Part::text("One")]),
                user(vec![Part::text("Two")]),
                Message { role: "model".into(), parts: vec![Part::text("Three")] },
                Message { role: "model".into(), parts: vec![Part::text("Four")] },
            ];
            s.ask(&mut talk, "Five", "Six");
        }),
        ("a reminder that is there once", |s| {
            let mut talk = Talk::new("a", "app/1");
            s.ask(&mut talk, "Hello", "Hi");
            let reminder = Part::text("<system-reminder>\nThe list is empty.\n</system-reminder>");
            talk.messages.push(user(vec![Part::text("Go on"), reminder]));
            s.aside(&talk, "Fine");
            talk.messages.pop();
            talk.say("Go on");
            talk.messages
                .push(Message { role: "assistant".into(), parts: vec![Part::text("Fine")] });
            s.ask(&mut talk, "And on", "Fine again");
        }),
        ("thoughts inside an answer, left out later", |s| {
            let mut talk = Talk::new("a", "app/1");
            talk.say("Hello");
            s.aside(&talk, "<think>They greet.</think>\nHi");
            talk.messages.push(Message { role: "assistant".into(), parts: vec![Part::text("Hi")] });
            s.ask(&mut talk, "How are you?", "Well");
        }),
        ("old results cut", |s| {
            let mut talk = Talk::new("a", "app/1");
            talk.say("Look around");
            for turn in 0..5 {
                let id = format!("call_{turn}");
                s.answer(&mut talk, vec![call(&id, "shell", json!({"command": turn}))]);
                talk.result(&id, &format!("much of what was found {turn}"));
                if turn == 3 {
                    talk.messages[2].parts = vec![result("call_0", "[cleared]")];
                }
            }
            s.answer(&mut talk, vec![Part::text("Done")]);
        }),
        ("the oldest messages dropped", |s| {
            let mut talk = Talk::new("a", "app/1");
            for turn in 0..8 {
                s.ask(&mut talk, &format!("question {turn}"), &format!("{LONG} {turn}"));
                if talk.messages.len() > 6 {
                    talk.messages.drain(..2);
                }
            }
        }),
        ("a summary in place of the history", |s| {
            let mut talk = Talk::new("a", "app/1");
            s.ask(&mut talk, "Mend it", "Mended");
            s.ask(&mut talk, "Test it", "Tested");
            let lines =
                (0..6).map(|n| format!("{n}. In file number {n} the fault {n} was mended."));
            let summary = lines.collect::<Vec<_>>().join("\n");
            let mut asked = talk.clone();
            asked.say("Write a summary of all that was done");
            s.aside(&asked, &format!("<analysis>hm</analysis>\n<summary>\n{summary}\n</summary>"));
            talk.messages.clear();
            s.ask(&mut talk, &format!("This goes on from before.\n{summary}\nGo on."), "Going on");
        }),
        ("a sub-agent is a thread below", |s| {
            let mut talk = Talk::new("a", "app/1");
            let prompt = "Search the repository for the parser and tell where it begins.";
            talk.say("Where is the parser?");
            s.answer(&mut talk, vec![call("t1", "task", json!({"prompt": prompt}))]);
            let mut agent = Talk { tools: vec![tool("grep")], ..Talk::new("a/1", "app/1") };
            s.ask(&mut agent, prompt, "In parser.rs");
            s.ask(&mut agent, "Go on", "At line 5");
            talk.result("t1", "In parser.rs");
            s.answer(&mut talk, vec![Part::text("It is in parser.rs")]);
        }),
        ("a title is asked for before", |s| {
            let mut talk = Talk::new("a", "app/1");
            let title = talk.beside("Write a title.", "Please mend the parser");
            s.aside(&title, "Mending");
            s.ask(&mut talk, "Please mend the parser", "Mended");
            s.ask(&mut talk, "Thanks", "Welcome");
        }),
        ("a title is asked for after, and a topic with each turn", |s| {
            let mut talk = Talk::new("a", "app/1");
            s.ask(&mut talk, "Please mend the parser", "Mended");
            let title = talk.beside("Write a title.", "<chat>Please mend the parser</chat>");
            s.aside(&title, "Mending");
            let topic = talk.beside("New topic?", "Now mend the printer as well");
            s.aside(&topic, "no");
            s.ask(&mut talk, "Now mend the printer as well", "Mended");
        }),
        ("a title in a chat without tools quotes both sides", |s| {
            let mut talk = Talk { tools: vec![], system: None, ..Talk::new("a", "ui/1") };
            s.ask(&mut talk, "Why is the sky blue?", "Because of Rayleigh scattering.");
            let history = "USER: Why is the sky blue?\nASSISTANT: Because of Rayleigh scattering.";
            let mut title = Talk { messages: vec![], ..talk.clone() };
            title.say(&format!("Give a title of:\n{history}"));
            s.aside(&title, "Sky");
            s.ask(&mut talk, "And red?", "Longer ways.");
        }),
        ("the count of a prompt", |s| {
            let mut talk = Talk::new("a", "app/1");
            talk.say("Mend it");
            s.aside(&Talk { operation: "count_tokens", ..talk.clone() }, "");
            s.answer(&mut talk, vec![Part::text("Mended")]);
            talk.say("More");
            s.aside(&Talk { operation: "count_tokens", ..talk.clone() }, "");
            s.answer(&mut talk, vec![Part::text("Mended more")]);
        }),
        ("another provider in the middle", |s| {
            let mut talk = Talk::new("a", "sdk-one/1");
            s.ask(&mut talk, "Hello", LONG);
            talk.agent = "sdk-two/1";
            s.ask(&mut talk, "Go on", "Fine");
        }),
        ("an answer cut off that the app drops", |s| {
            let mut talk = Talk::new("a", "app/1");
            s.ask(&mut talk, "Hello", "Hi");
            talk.say("Write much");
            let stored = s.exchange(&talk, vec![Part::text("It was a")], Outcome::CutOff);
            s.store([stored]);
            s.ask(&mut talk, "Stop. Write less", "Fine");
        }),
        ("what the provider keeps", |s| {
            let mut talk = Talk::new("a", "app/1");
            for turn in 0..3 {
                talk.messages.clear();
                s.ask(&mut talk, &format!("turn {turn}"), "ok");
                let reply = format!("reply-{}", turn + 1);
                talk.params.insert("previous_response_id".into(), reply.into());
            }
        }),
    ];
    let mut wrong = Vec::new();
    for (rule, case) in cases {
        let mut stage = Stage::new();
        case(&mut stage);
        let pairs = stage.pairs();
        if pairs.merged + pairs.split > 0 {
            let stored = stage.stored();
            let rows: Vec<_> = stage
                .truth
                .iter()
                .map(|(id, truth)| {
                    let e = &stored[id];
                    format!("\n    {truth} {:?} {:?} {:?}", e.thread, e.thread_rule, e.inherited)
                })
                .collect();
            wrong.push(format!("{rule}: {pairs:?}{}", rows.concat()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_turn_knows_what_it_continues_and_what_was_said_before() {
    let mut stage = Stage::new();
    let mut talk = Talk::new("a", "app/1");
    let first = stage.ask(&mut talk, "one", "first");
    let second = stage.ask(&mut talk, "two", "second");
    talk.say("three");
    let third = stage.aside(&talk, "third");
    let again = stage.aside(&talk, "third, otherwise");
    let stored = stage.stored();
    for (id, parent, inherited, rule) in [
        (first, None, 0, ThreadRule::First),
        (second, Some(first), 2, ThreadRule::Chain),
        (third, Some(second), 4, ThreadRule::Chain),
        (again, Some(second), 5, ThreadRule::Again),
    ] {
        let exchange = &stored[&id];
        assert_eq!(exchange.thread.as_deref(), Some(first.to_string().as_str()));
        assert_eq!(exchange.parent, parent);
        assert_eq!(exchange.inherited, Some(inherited));
        assert_eq!(exchange.thread_rule, Some(rule));
    }
}

#[test]
fn the_apps_own_name_comes_first_and_the_parent_is_found_all_the_same() {
    let mut stage = Stage::new();
    let mut talk = Talk::new("a", "app/1");
    talk.named = Some(("session-1".into(), ThreadRule::Header));
    let first = stage.ask(&mut talk, "one", "first");
    let second = stage.ask(&mut talk, "two", "second");
    let mut agent = Talk { messages: vec![], ..talk.clone() };
    agent.named = Some(("session-1/agent-1".into(), ThreadRule::Header));
    let below = stage.ask(&mut agent, "Look", "Seen");
    let stored = stage.stored();
    assert_eq!(stored[&first].thread.as_deref(), Some("session-1"));
    assert_eq!(stored[&second].parent, Some(first));
    assert_eq!(stored[&second].thread_rule, Some(ThreadRule::Header));
    assert_eq!(stored[&below].thread.as_deref(), Some("session-1/agent-1"));
    let selection =
        overhear::store::Selection { thread: Some("session-1".into()), ..Default::default() };
    let page = stage.reader().list(&selection, overhear::store::Order::OldestFirst, None, 9);
    assert_eq!(page.unwrap().exchanges.len(), 3, "a sub-agent's exchanges are its session's");
}

#[test]
fn what_is_stored_in_another_order_is_one_thread_all_the_same() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1], [0, 2, 1], [1, 0, 2]] {
        let mut stage = Stage::new();
        let mut talk = Talk::new("a", "app/1");
        let mut exchanges = Vec::new();
        for turn in 0..3 {
            talk.say(&format!("question {turn}"));
            let answer = vec![Part::text(format!("answer {turn}"))];
            exchanges.push(stage.exchange(&talk, answer.clone(), Outcome::Answered));
            talk.messages.push(Message { role: "assistant".into(), parts: answer });
        }
        let ids: Vec<_> = exchanges.iter().map(|stored| stored.exchange.id).collect();
        for n in order {
            stage.store([exchanges[n].clone()]);
        }
        let stored = stage.stored();
        for (n, id) in ids.iter().enumerate() {
            let parent = n.checked_sub(1).map(|n| ids[n]);
            assert_eq!(stored[id].thread, stored[&ids[0]].thread, "{order:?}");
            assert_eq!(stored[id].parent, parent, "{order:?}");
            assert_eq!(stored[id].inherited, Some(2 * n as u32), "{order:?}");
        }
    }
}

#[test]
fn an_exchange_that_is_stored_twice_stays_where_it_is() {
    let mut stage = Stage::new();
    let mut talk = Talk::new("a", "app/1");
    stage.ask(&mut talk, "one", "first");
    talk.say("two");
    let mut open = stage.exchange(&talk, vec![Part::text("sec")], Outcome::CutOff);
    let whole = stage.exchange(&talk, vec![Part::text("second")], Outcome::Answered);
    let id = open.exchange.id;
    open.is_open = true;
    stage.truth.pop();
    stage.store([open.clone()]);
    let before = stage.stored()[&id].clone();
    open.is_open = false;
    open.exchange.reply = whole.exchange.reply;
    stage.store([open]);
    talk.messages.push(Message { role: "assistant".into(), parts: vec![Part::text("second")] });
    let third = stage.ask(&mut talk, "three", "third");
    let stored = stage.stored();
    assert_eq!(stored[&id].thread, before.thread);
    assert_eq!(stored[&id].parent, before.parent);
    assert_eq!(stored[&third].parent, Some(id));
}
