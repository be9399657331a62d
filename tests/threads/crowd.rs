//! Many agents at once, each in the manner of one that exists: what they send beside their
//! conversations, what they change in them, and all their ids hidden.

use overhear::model::{Message, Part};
use serde_json::json;

use super::stage::{Outcome, Stage, Talk, call, tool, user};
use crate::support::chance::Chance;

/// Share of the pairs that must be right, of those together and of those that should be.
const RIGHT: f64 = 0.99;

#[test]
fn of_a_crowd_of_agents_ninety_nine_pairs_in_a_hundred_are_right() {
    for seed in [1, 2, 3] {
        let mut stage = Stage::new();
        let mut chance = Chance::new(seed);
        let mut agents: Vec<Agent> = (0..24).map(|n| Agent::new(n, &mut chance)).collect();
        while !agents.is_empty() {
            let n = chance.of(0..agents.len());
            agents[n].act(&mut stage, &mut chance);
            if agents[n].left == 0 {
                agents.swap_remove(n);
            }
            if chance.is_one_of(40) {
                stage.wait(300);
            }
        }
        let pairs = stage.pairs();
        let (precision, recall) = (pairs.precision(), pairs.recall());
        println!("{} exchanges: {precision:.4} {recall:.4}", stage.truth.len());
        assert!(precision >= RIGHT && recall >= RIGHT, "seed {seed}: {pairs:#?}");
    }
}

/// In whose manner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Reminders, titles, sub-agents, counts, summaries as the user's words.
    Coder,
    /// Old results cleared, summaries as its own words, other models in between.
    Switcher,
    /// A system prompt that changes, the oldest messages dropped.
    Retriever,
    /// Titles that quote the chat, answers asked for anew, turns edited.
    Chat,
    /// The same prompt over and over, each a conversation of its own.
    Script,
}

struct Agent {
    manner: Manner,
    talk: Talk,
    left: usize,
    turn: usize,
    sub: usize,
    /// Every provider makes up ids, some the same in each conversation.
    call: String,
}

const MANNERS: [Manner; 5] =
    [Manner::Coder, Manner::Switcher, Manner::Retriever, Manner::Chat, Manner::Script];

/// Tasks that several agents get word for word.
const TASKS: [&str; 4] = [
    "Please mend the failing test of the parser and tell me why it failed.",
    "hello",
    "Write a program that counts the words of a file, in Rust.",
    "Review the last commit; be brief, and name the worst fault first.",
];

impl Agent {
    fn new(n: usize, chance: &mut Chance) -> Self {
        let manner = MANNERS[n % MANNERS.len()];
        let name = ["coder/2", "switcher/1", "retriever/1", "chat/3", "script/1"][n % 5];
        let mut talk = Talk::new(&format!("{manner:?} {n}"), name);
        talk.flow = 100 + n as u128;
        talk.pid = chance.is_one_of(2).then_some(1000 + n as u32);
        if !matches!(manner, Manner::Coder | Manner::Switcher) {
            talk.tools.clear();
        }
        let call = if chance.is_one_of(3) { "call".to_owned() } else { format!("toolu_{n}") };
        Self { manner, talk, left: chance.of(6..40), turn: 0, sub: 0, call }
    }

    fn act(&mut self, stage: &mut Stage, chance: &mut Chance) {
        self.left -= 1;
        self.turn += 1;
        // One whose process is not known is known by its connection; else nothing tells two that
        // got one task, and were answered alike.
        if self.talk.pid.is_some() && chance.is_one_of(4) {
            self.talk.flow += 1000;
        }
        match self.manner {
            Manner::Coder => self.code(stage, chance),
            Manner::Switcher => self.switch(stage, chance),
            Manner::Retriever => self.retrieve(stage, chance),
            Manner::Chat => self.chat(stage, chance),
            Manner::Script => self.script(stage, chance),
        }
    }

    fn begin(&mut self, stage: &mut Stage, chance: &mut Chance) {
        let task = TASKS[chance.of(0..TASKS.len())].to_owned();
        let task = if chance.is_one_of(2) { task } else { words(chance, 12) };
        let reminder = format!("<system-reminder>{}</system-reminder>", words(chance, 9));
        if task.len() > 20 {
            let title = self.talk.beside("Give this a title.", &task);
            stage.aside(&title, &words(chance, 3));
        }
        self.talk.messages.push(user(vec![Part::text(reminder), Part::text(task)]));
    }

    fn use_tool(&mut self, stage: &mut Stage, chance: &mut Chance) {
        let id = format!("{}_{}", self.call, self.turn);
        let command = ["ls", "cargo test", "git diff", "cat src/main.rs"][chance.of(0..4)];
        let mut parts = vec![call(&id, "shell", json!({"command": command}))];
        if chance.is_one_of(2) {
            parts.insert(0, Part::text(words(chance, 8)));
        }
        if chance.is_one_of(12) {
            let stored = stage.exchange(&self.talk, parts.clone(), Outcome::Failed);
            stage.store([stored]);
        }
        stage.answer(&mut self.talk, parts);
        self.talk.result(&id, &words(chance, 30));
    }

    fn code(&mut self, stage: &mut Stage, chance: &mut Chance) {
        if self.turn == 1 {
            self.begin(stage, chance);
        }
        match chance.of(0..10) {
            0 => {
                let count = Talk { operation: "count_tokens", ..self.talk.clone() };
                stage.aside(&count, "");
                self.use_tool(stage, chance);
            }
            1 => self.delegate(stage, chance),
            2 if self.turn > 12 => self.summarise(stage, chance),
            3 => {
                let mut reminded = self.talk.clone();
                reminded.say(&format!("<system-reminder>{}</system-reminder>", words(chance, 5)));
                let answer = vec![Part::text(words(chance, 10))];
                let stored = stage.exchange(&reminded, answer.clone(), Outcome::Answered);
                stage.store([stored]);
                self.talk.messages.push(Message { role: "assistant".into(), parts: answer });
                self.talk.say(&words(chance, 7));
            }
            _ => self.use_tool(stage, chance),
        }
    }

    fn delegate(&mut self, stage: &mut Stage, chance: &mut Chance) {
        self.sub += 1;
        let id = format!("{}_{}", self.call, self.turn);
        let prompt = format!("Search for {} and report.", words(chance, 6));
        stage.answer(&mut self.talk, vec![call(&id, "task", json!({"prompt": prompt}))]);
        let mut agent = Talk {
            truth: format!("{} sub {}", self.talk.truth, self.sub),
            tools: vec![tool("grep")],
            messages: vec![],
            system: Some("You search.".into()),
            ..self.talk.clone()
        };
        agent.say(&prompt);
        for turn in 0..chance.of(1..5) {
            let id = format!("{id}_{turn}");
            stage.answer(&mut agent, vec![call(&id, "grep", json!({"for": words(chance, 1)}))]);
            agent.result(&id, &words(chance, 20));
        }
        let report = words(chance, 25);
        stage.answer(&mut agent, vec![Part::text(report.clone())]);
        self.talk.result(&id, &report);
    }

    fn summarise(&mut self, stage: &mut Stage, chance: &mut Chance) {
        let lines: Vec<_> = (0..8).map(|n| format!("{n}. {}", words(chance, 9))).collect();
        let summary = lines.join("\n");
        let mut asked = self.talk.clone();
        asked.say("Write a detailed summary of the conversation so far.");
        let answer = format!("<analysis>\n{}\n</analysis>\n{summary}", words(chance, 20));
        stage.aside(&asked, &answer);
        self.talk.messages = vec![];
        self.talk.say(&format!("The conversation goes on. Summary:\n{summary}\nContinue."));
        self.use_tool(stage, chance);
    }

    fn switch(&mut self, stage: &mut Stage, chance: &mut Chance) {
        if self.turn == 1 {
            self.begin(stage, chance);
        }
        if chance.is_one_of(9) {
            self.talk.agent = ["switcher/1", "sdk-two/1"][chance.of(0..2)];
        }
        if chance.is_one_of(9) && self.talk.messages.len() > 12 {
            let mut asked = self.talk.clone();
            asked.say("Summarise this for another agent.");
            let summary = words(chance, 60);
            stage.aside(&asked, &summary);
            self.talk.messages.clear();
            self.talk.say("What did we do so far?");
            let parts = vec![Part::text(summary)];
            self.talk.messages.push(Message { role: "assistant".into(), parts });
            self.talk.say("Go on.");
        }
        self.use_tool(stage, chance);
        let clear = self.talk.messages.len().saturating_sub(8);
        for message in &mut self.talk.messages[..clear] {
            for part in &mut message.parts {
                if let Part::ToolResult { parts, .. } = part {
                    *parts = vec![Part::text("[old result cleared]")];
                }
            }
        }
    }

    fn retrieve(&mut self, stage: &mut Stage, chance: &mut Chance) {
        self.talk.system = Some(format!("Answer from this:\n{}", words(chance, 40)));
        let question = if self.turn == 1 { TASKS[0].to_owned() } else { words(chance, 8) };
        let answer = words(chance, 20);
        stage.ask(&mut self.talk, &question, &answer);
        if self.talk.messages.len() > 10 {
            self.talk.messages.drain(..2);
        }
    }

    fn chat(&mut self, stage: &mut Stage, chance: &mut Chance) {
        let question = if self.turn == 1 { TASKS[1].to_owned() } else { words(chance, 9) };
        let before = self.talk.clone();
        self.talk.say(&question);
        if self.turn > 1 && chance.is_one_of(5) {
            stage.aside(&self.talk, &words(chance, 12));
        }
        let answer = words(chance, 15);
        stage.answer(&mut self.talk, vec![Part::text(answer.clone())]);
        if self.turn == 2 {
            let history = format!("USER: {question}\nASSISTANT: {answer}");
            let title = Talk { messages: vec![], ..self.talk.clone() };
            let mut title = Talk { system: None, ..title };
            title.say(&format!("Give a title:\n{history}"));
            stage.aside(&title, &words(chance, 3));
        }
        if self.turn > 1 && chance.is_one_of(6) {
            self.talk = before;
            stage.ask(&mut self.talk, &words(chance, 9), &words(chance, 9));
        }
    }

    /// Each is a conversation of its own.
    fn script(&mut self, stage: &mut Stage, chance: &mut Chance) {
        self.talk.truth = format!("{} run {}", self.talk.truth, self.turn);
        self.talk.messages.clear();
        let answer = ["42", "It is 42."][chance.of(0..2)];
        stage.ask(&mut self.talk, "What is 6 times 7?", answer);
        stage.ask(&mut self.talk, "Sure?", &words(chance, 5));
    }
}

fn words(chance: &mut Chance, count: usize) -> String {
    const SYLLABLES: [&str; 20] = [
        "ba", "ke", "lo", "mi", "nu", "ra", "se", "ti", "vo", "zu", "an", "el", "ir", "os", "un",
        "da", "fe", "go", "hi", "ju",
    ];
    let mut word = || -> String {
        let length = chance.of(1..4);
        (0..length).map(|_| SYLLABLES[chance.of(0..SYLLABLES.len())]).collect()
    };
    (0..count).map(|_| word()).collect::<Vec<_>>().join(" ")
}
