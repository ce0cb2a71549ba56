[
  (block)
  (list)
  (arguments)
  (parameters)
] @fold
