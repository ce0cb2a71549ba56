[
  (source_file)
  (block)
  (phase_statement)
  (for_statement)
] @local.scope

(parameter name: (identifier) @local.definition.variable.parameter)
(param_statement name: (identifier) @local.definition.variable.parameter)

(expression (identifier) @local.reference)
