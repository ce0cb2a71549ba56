[
  (block)
  (list)
  (arguments)
  (parameters)
  (parenthesized)
  (index)
] @indent.begin

[
  "}"
  ")"
  "]"
] @indent.branch @indent.end

(comment) @indent.ignore
