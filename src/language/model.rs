//! The program's one model, and the data that settle it.

use super::adapted::adapted;
use super::context::Context;
use super::program::Model;
use super::settings::Placed;
use crate::components::catalogue::{find, with_defaults};
use crate::components::data::{DataFacts, Holds};
use crate::components::{Family, Spec, models};
use crate::diagnostic::{Code, Diagnostic};
use crate::nn::architecture::{Architecture, Input, Part};
use crate::source::Span;
use std::sync::Arc;

impl Context<'_> {
    /// The data in force. A language model that nobody gave some has that of the first tasks, else `quiz`.
    pub(super) fn data_here(&self) -> Placed<Spec> {
        let data = &self.current.data;
        let model = self.model.as_ref().map_or(&self.current.model.value, |model| &model.spec);
        if data.span.is_some() || !models::text::reads_text(model) {
            return data.clone();
        }
        if let Some(tasks) = &self.first_tasks {
            return Placed { value: tasks.clone(), span: None };
        }
        let quiz = find(Family::Data, "quiz").and_then(with_defaults);
        quiz.map_or(data.clone(), |value| Placed { value, span: None })
    }

    /// The model in force. Conversations that nobody gave one are read by `tiny_llava`.
    fn model_in_force(&self, facts: &DataFacts) -> Placed<Spec> {
        let model = &self.current.model;
        if model.span.is_some() || facts.texts().is_none() {
            return model.clone();
        }
        let tiny = find(Family::Model, "tiny_llava").and_then(with_defaults);
        tiny.map_or(model.clone(), |value| Placed { value, span: None })
    }

    /// The program's one model, settled by the first step that needs it.
    pub(super) fn fixed_model(&mut self, facts: &DataFacts, span: Span) -> Option<Arc<Model>> {
        let Placed { value: spec, span: placed } = self.model_in_force(facts);
        if let Some(model) = &self.model {
            let (same, first) = (model.spec == spec, model.span);
            let fits = match &facts.holds {
                Holds::Images(shape) => model.architecture.input == Input::Image(*shape),
                Holds::Texts(texts) => {
                    let sees = model.architecture.vision().is_some() || !texts.pictures;
                    matches!(model.architecture.input, Input::Text { .. }) && sees
                }
            };
            if !same {
                let mut d = Diagnostic::new(Code::SECOND_MODEL, placed.unwrap_or(span), "a second model after steps");
                if let Some(first) = first {
                    d = d.label(first, "steps have run on this model");
                }
                self.report(d.help("one program trains one model; write another file for the other one"));
                return None;
            }
            if !fits {
                self.shape_mismatch(facts, span);
                return None;
            }
            return self.model.clone();
        }
        let Placed { value: adapt, span: adapted_at } = self.current.adapt.clone();
        let built = models::build(&spec, facts, &self.options.places).map_err(|problem| (problem, placed));
        let adapted = built.and_then(|architecture| match &adapt {
            Some(adapt) => adapted(adapt, architecture).map_err(|problem| (problem, adapted_at)),
            None => Ok(architecture),
        });
        match adapted {
            Ok(architecture) => {
                let parts: Arc<[Part]> = architecture.parts().into();
                let narrow = models::text::narrow(&spec, &self.options.places, &parts).into();
                self.head_classes = architecture.classes;
                self.model = Some(Arc::new(Model { spec, adapt, architecture, parts, narrow, span: placed }));
                self.model.clone()
            }
            Err((problem, at)) => {
                self.problem(problem, at.unwrap_or(span));
                None
            }
        }
    }

    fn shape_mismatch(&mut self, facts: &DataFacts, span: Span) {
        let model = self.model.as_ref().expect("only called with a model");
        let [c, h, w] = model.architecture.input.picture();
        let [c2, h2, w2] = facts.image();
        let message = match (model.architecture.input, facts.texts()) {
            (Input::Text { .. }, Some(_)) => "the model sees no pictures, and this data has some".to_string(),
            (Input::Text { .. }, None) => {
                "the model reads conversations, this data has images with classes".to_string()
            }
            (Input::Image(_), Some(_)) => "the model was made for images, this data has conversations".to_string(),
            (Input::Image(_), None) => {
                format!("the model was made for {c}x{h}x{w} images, this data has {c2}x{h2}x{w2}")
            }
        };
        let at = self.current.data.span.unwrap_or(span);
        self.report(
            Diagnostic::new(Code::BAD_MODEL, at, message)
                .help("use data of one kind and shape (channels, height, width)"),
        );
    }

    /// The model at this point, settled now if no step has settled it yet.
    pub fn model_here(&mut self, span: Span) -> Option<Arc<Model>> {
        if self.current.poisoned {
            return None;
        }
        let data = self.data_here();
        let facts = self.facts(&data.value, data.span.unwrap_or(span))?;
        self.fixed_model(&facts, span)
    }

    /// The network as it is here: `zap head` may have given it other rows than at the start.
    pub fn architecture_here(&self, model: &Model) -> Architecture {
        if model.architecture.classes == self.head_classes {
            return model.architecture.clone();
        }
        model.architecture.clone().with_classes(self.head_classes)
    }

    /// Its tensors.
    pub fn parts_here(&mut self, model: &Model) -> Arc<[Part]> {
        let rows = self.head_classes;
        if model.architecture.classes == rows {
            return model.parts.clone();
        }
        match &self.zapped {
            Some((known, parts)) if *known == rows => parts.clone(),
            _ => {
                let parts: Arc<[Part]> = self.architecture_here(model).parts().into();
                self.zapped = Some((rows, parts.clone()));
                parts
            }
        }
    }
}
