; Blocks and phases are scopes; `let`, `param`, `phase`, `for` and parameters define names.
[
  (source_file)
  (block)
  (phase_statement)
  (for_statement)
] @local.scope

(let_statement
  name: (identifier) @local.definition.var)

(param_statement
  name: (identifier) @local.definition.parameter)

(sweep_statement
  name: (identifier) @local.definition.parameter)

(for_statement
  variable: (identifier) @local.definition.var)

(parameter
  name: (identifier) @local.definition.parameter)

(phase_statement
  name: (identifier) @local.definition.function)

(expression
  (identifier) @local.reference)
