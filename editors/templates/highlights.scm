; Colours of fsched. Made from editors/templates/highlights.scm:
; FSCHED_BLESS=1 cargo test --test authoring editors
; What stands later wins.

(identifier) @variable

; ---- names that mean something without being defined

((identifier) @constant
  (#any-of? @constant @strings(splits)@))

; Words to choose from have their places; elsewhere they are names that a program defines.
(named_argument
  value: (identifier) @constant
  (#any-of? @constant @strings(choices)@))

(arguments
  .
  (identifier) @constant
  (#any-of? @constant @strings(choices)@))

((identifier) @constructor
  (#any-of? @constructor @strings(components)@))

((identifier) @function.builtin
  (#any-of? @function.builtin @strings(metrics)@))

((identifier) @variable.builtin
  (#any-of? @variable.builtin @strings(selectors)@))

((identifier) @constant.builtin
  (#any-of? @constant.builtin @strings(constants)@))

(boolean) @boolean

(call
  function: (identifier) @function.call
  (#not-any-of? @function.call @strings(components, metrics, selectors)@))

; `conv(16, 3)` is a layer, `conv` alone a selector
(call
  function: (identifier) @constructor
  (#any-of? @constructor @strings(components)@))

(field
  base: (identifier) @constant
  (#any-of? @constant @strings(splits)@))

(field
  name: (identifier) @function.builtin)

(on_clause
  split: (identifier) @constant)

; ---- what a program defines

(let_statement
  name: (identifier) @variable)

(param_statement
  name: (identifier) @variable.parameter)

(for_statement
  variable: (identifier) @variable)

(sweep_statement
  name: (identifier) @variable.parameter)

(parameter
  name: (identifier) @variable.parameter)

(phase_statement
  name: (identifier) @function)

(named_argument
  name: (identifier) @variable.parameter)

(type
  (identifier) @type)

((type
  (identifier) @type.builtin)
  (#any-of? @type.builtin @strings(types)@))

; ---- statements

(simple_statement
  word: (word) @function.call)

(simple_statement
  word: (word) @keyword
  (#any-of? @keyword @strings(steps)@))

(simple_statement
  word: (word) @attribute
  (#any-of? @attribute @strings(settings)@))

(simple_statement
  word: (word) @attribute
  .
  (identifier) @constant
  (#any-of? @attribute @strings(settings)@)
  (#any-of? @constant @strings(choices)@)
  (#not-any-of? @constant @strings(constants, selectors)@))

; The blocks of training steps, whose words have the form of other statements.
(simple_statement
  word: (word) @keyword.repeat
  (#any-of? @keyword.repeat "every" "when"))

; Behind the `else` of a `guard`.
(guard_statement
  consequence: (simple_statement
    word: (word) @keyword))

; Words of @strings(declarations)@ and @strings(control)@, with @strings(particles)@ within them:
[
  "let"
  "param"
  "phase"
  "use"
  "sweep"
  "guard"
  "on"
  "with"
  "in"
] @keyword

[
  "repeat"
  "until"
  "for"
] @keyword.repeat

[
  "if"
  "else"
] @keyword.conditional

; Operators that are words: @strings(operators)@.
[
  "then"
  "and"
  "or"
  "not"
] @keyword.operator

; ---- literals

(number) @number

(percentage
  "%" @number)

; @strings(units)@
(unit) @type.builtin

(string) @string

(param_statement
  description: (string) @string.documentation)

(escape) @string.escape

(comment) @comment

(pragma) @keyword.directive

; ---- symbols

[
  "+"
  "-"
  "*"
  "/"
  "&"
  "="
  "=="
  "!="
  "<"
  "<="
  ">"
  ">="
  ".."
  "..="
] @operator

[
  ","
  ":"
  ";"
  "."
] @punctuation.delimiter

[
  "("
  ")"
  "["
  "]"
  "{"
  "}"
] @punctuation.bracket
