[
  (block)
  (list)
  (arguments)
  (parameters)
  (parenthesized)
] @indent

[
  "}"
  ")"
  "]"
] @outdent
