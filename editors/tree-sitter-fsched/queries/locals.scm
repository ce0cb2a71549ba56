; Blocks and phases are scopes; `let`, `param`, `phase`, `for` and parameters define names.
[
  (source_file)
  (block)
  (phase_statement)
  (for_statement)
] @local.scope

(let_statement name: (identifier) @local.definition)
(param_statement name: (identifier) @local.definition)
(sweep_statement name: (identifier) @local.definition)
(for_statement variable: (identifier) @local.definition)
(parameter name: (identifier) @local.definition)

(expression (identifier) @local.reference)
