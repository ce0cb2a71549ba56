; For code navigation: phases and values that a program defines, and where phases are called.
(phase_statement name: (identifier) @name) @definition.function
(let_statement name: (identifier) @name) @definition.constant
(param_statement name: (identifier) @name) @definition.constant
(simple_statement word: (word) @name) @reference.call
