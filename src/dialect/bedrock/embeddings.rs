//! Embeddings inside InvokeModel: Titan's, Cohere's, Nova's, TwelveLabs'.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::dialect::draft::{self, Draft};
use crate::dialect::json::{self, Content, Count, Text, record};
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, media, vectors};
use crate::model::{Part, Request, Usage};

record! {
    /// A request.
    Ask {
        model: Text<'a> = "model",
        text: Text<'a> = "inputText",
        image: Text<'a> = "inputImage",
        texts: Content<'a> = "texts",
        images: Content<'a> = "images",
        single: Option<Single<'a>> = "singleEmbeddingParams",
    }
    ignores []
}

record! {
    /// What Nova embeds.
    Single {
        text: Option<Valued<'a>> = "text",
    }
    ignores []
}

record! {
    /// A text inside an object.
    Valued {
        value: Text<'a> = "value",
    }
    ignores []
}

record! {
    /// A reply.
    Told {
        id: Text<'a> = "id",
        embedding: Option<&'a RawValue> = "embedding",
        embeddings: Option<&'a RawValue> = "embeddings",
        by_type: Option<&'a RawValue> = "embeddingsByType",
        data: Option<&'a RawValue> = "data",
        input: Count = "inputTextTokenCount",
    }
    ignores ["texts", "response_type"]
}

/// Embeddings being read.
pub(super) struct EmbeddingsReading {
    draft: Draft,
    input: Option<u64>,
}

impl EmbeddingsReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self { draft: Draft::read::<Ask<'static>>(asked, fill), input: None }
    }
}

fn fill(request: &mut Request, ask: Ask<'_>) {
    request.model = ask.model.own();
    json::keep_all(&mut request.params, &ask.rest);
    request.params.values_mut().for_each(media::shorten);
    let mut parts: Vec<Part> = ask.text.own().map(Part::text).into_iter().collect();
    parts.extend(strings(ask.texts).into_iter().map(Part::text));
    parts.extend(ask.image.get().map(media::image));
    parts.extend(strings(ask.images).iter().map(|image| media::image(image)));
    if let Some(single) = ask.single {
        parts.extend(single.text.and_then(|text| text.value.own()).map(Part::text));
        let mut rest = Map::new();
        json::keep_all(&mut rest, &single.rest);
        let mut rest = Value::Object(rest);
        media::shorten(&mut rest);
        request.params.insert("singleEmbeddingParams".to_owned(), rest);
    }
    if !parts.is_empty() {
        request.messages.push(draft::user(parts));
    }
}

fn strings(content: Content<'_>) -> Vec<String> {
    match content {
        Content::Text(text) => text.own().into_iter().collect(),
        Content::Blocks(raws) => raws
            .into_iter()
            .filter_map(|raw| serde_json::from_str::<Text<'_>>(raw.get()).ok()?.own())
            .collect(),
        Content::Absent | Content::Object(_) => Vec::new(),
    }
}

impl Reading for EmbeddingsReading {
    fn prompt(&self) -> &Request {
        &self.draft.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, _: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let Frame::Body { body, status } = frame else { return };
        let input = &mut self.input;
        self.draft.body::<Told<'static>>(body, status, |draft, told| {
            draft.decoded.reply.id = told.id.own();
            *input = told.input.0;
            // Where the vectors stand by type, the plain one repeats them.
            let found = told.by_type.or(told.embeddings).or(told.embedding).or(told.data);
            if let Some(raw) = found {
                let value = serde_json::json!({"embeddings": vectors::summary(raw)});
                draft.answer(0, grown, |answer, tell| answer.push(Part::Other { value }, tell));
            }
            draft.keep_all(&told.rest);
        });
    }

    fn is_complete(&self) -> bool {
        self.draft.is_complete()
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        self.draft.decoded.usage = self.input.map(|input| Usage {
            input: Some(input),
            source: "provider".to_owned(),
            raw: serde_json::json!({"inputTextTokenCount": input}),
            ..Usage::default()
        });
        self.draft.finish()
    }
}
