//! The names that tensors have in files of several makers and ages, and those that they have here: Hugging Face's of
//! LLaMA, of LLaVA 1.5 and of CLIP.

use super::config::Form;

/// The name here of a tensor in a file; `None` for what is no weight: tables that are formed anew.
///
/// LLaVA's names have changed twice: `language_model.model.…` with `vision_tower.vision_model.…` in files, in memory since
/// transformers 4.52 `model.language_model.…`, and from transformers 5 files without `vision_model.`. All are read.
pub fn canonical(form: Form, name: &str) -> Option<String> {
    if name.ends_with("rotary_emb.inv_freq") || name.ends_with("embeddings.position_ids") {
        return None;
    }
    let tower = |rest: &str| {
        let rest = rest.strip_prefix("vision_tower.").unwrap_or(rest);
        format!("vision_tower.vision_model.{}", rest.strip_prefix("vision_model.").unwrap_or(rest))
    };
    let found = |prefix: &str| name.strip_prefix(prefix);
    Some(match form {
        Form::Llama => name.to_string(),
        Form::Clip => {
            let others = ["text_model.", "text_projection.", "visual_projection.", "logit_scale"];
            if others.iter().any(|other| name.starts_with(other)) {
                return None;
            }
            tower(name)
        }
        Form::Llava => {
            if let Some(rest) = found("model.language_model.") {
                format!("language_model.model.{rest}")
            } else if let Some(rest) = found("model.vision_tower.").or_else(|| found("vision_tower.")) {
                tower(rest)
            } else if let Some(rest) = found("model.multi_modal_projector.") {
                format!("multi_modal_projector.{rest}")
            } else if let Some(rest) = found("lm_head.") {
                format!("language_model.lm_head.{rest}")
            } else {
                name.to_string()
            }
        }
        Form::OriginalLlava => {
            if let Some(rest) = found("model.mm_projector.0.") {
                format!("multi_modal_projector.linear_1.{rest}")
            } else if let Some(rest) = found("model.mm_projector.2.") {
                format!("multi_modal_projector.linear_2.{rest}")
            } else if let Some(rest) = found("model.vision_tower.") {
                tower(rest)
            } else {
                format!("language_model.{name}")
            }
        }
    })
}

/// The name that a layer has in memory where transformers (since 4.52) or LLaVA's authors run it: what PEFT calls it by.
pub fn in_memory(form: Form, name: &str) -> String {
    let found = |prefix: &str| name.strip_prefix(prefix);
    match form {
        Form::Llama | Form::Clip => name.to_string(),
        Form::Llava => match found("language_model.model.") {
            Some(rest) => format!("model.language_model.{rest}"),
            None => found("language_model.").map_or_else(|| format!("model.{name}"), str::to_string),
        },
        Form::OriginalLlava => match found("multi_modal_projector.linear_") {
            Some("1") => "model.mm_projector.0".into(),
            Some(_) => "model.mm_projector.2".into(),
            None => match found("language_model.") {
                Some(rest) => rest.to_string(),
                None => format!("model.vision_tower.{name}"),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layout_comes_to_the_same_names() {
        let layer = "layers.1.mlp.up_proj.weight";
        let same = [
            (Form::Llava, format!("language_model.model.{layer}")),
            (Form::Llava, format!("model.language_model.{layer}")),
            (Form::OriginalLlava, format!("model.{layer}")),
        ];
        for (form, name) in same {
            assert_eq!(canonical(form, &name).unwrap(), format!("language_model.model.{layer}"), "{form:?} {name}");
        }
        let tower = "vision_tower.vision_model.pre_layrnorm.weight";
        for (form, name) in [
            (Form::Llava, "vision_tower.vision_model.pre_layrnorm.weight"),
            (Form::Llava, "vision_tower.pre_layrnorm.weight"),
            (Form::Llava, "model.vision_tower.pre_layrnorm.weight"),
            (Form::Llava, "model.vision_tower.vision_model.pre_layrnorm.weight"),
            (Form::OriginalLlava, "model.vision_tower.vision_tower.vision_model.pre_layrnorm.weight"),
        ] {
            assert_eq!(canonical(form, name).unwrap(), tower, "{form:?} {name}");
        }
        for name in ["vision_model.pre_layrnorm.weight", "pre_layrnorm.weight"] {
            assert_eq!(canonical(Form::Clip, name).unwrap(), tower, "{name}");
        }
        assert_eq!(canonical(Form::Clip, "text_model.final_layer_norm.bias"), None);
        let projector = "multi_modal_projector.linear_2.bias";
        for (form, name) in [
            (Form::Llava, "multi_modal_projector.linear_2.bias"),
            (Form::Llava, "model.multi_modal_projector.linear_2.bias"),
            (Form::OriginalLlava, "model.mm_projector.2.bias"),
        ] {
            assert_eq!(canonical(form, name).unwrap(), projector, "{form:?} {name}");
        }
        for (form, name) in [(Form::Llava, "lm_head.weight"), (Form::OriginalLlava, "lm_head.weight")] {
            assert_eq!(canonical(form, name).unwrap(), "language_model.lm_head.weight");
        }
        assert_eq!(canonical(Form::Llama, "lm_head.weight").unwrap(), "lm_head.weight");
        for layer in
            ["language_model.model.layers.1.mlp.up_proj", "language_model.lm_head", "multi_modal_projector.linear_1"]
        {
            for form in [Form::Llava, Form::OriginalLlava] {
                let back = canonical(form, &format!("{}.weight", in_memory(form, layer))).unwrap();
                assert_eq!(back, format!("{layer}.weight"), "{form:?}");
            }
        }
        assert_eq!(canonical(Form::Llama, "model.layers.0.self_attn.rotary_emb.inv_freq"), None);
    }
}
