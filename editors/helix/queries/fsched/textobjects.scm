(phase_statement body: (_) @function.inside) @function.around
(parameter) @parameter.inside
(named_argument value: (_) @entry.inside) @entry.around
(comment) @comment.inside
(comment)+ @comment.around
